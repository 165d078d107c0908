import { CAPABILITIES, type Capability } from "./answers.ts";

/** Readers of texts below /proc. proc(5) */

/** The effective capabilities in /proc/PID/status. */
export function parseCapabilities(status: string): Set<Capability> {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const names = Object.keys(CAPABILITIES) as Capability[];
  return new Set(names.filter((name) => (mask >> BigInt(CAPABILITIES[name])) & 1n));
}

/** Whether /proc/PID/status has a signal among those that are blocked, or caught. @throws without such a line */
export function hasSignal(status: string, mask: "SigBlk" | "SigCgt", signal: number): boolean {
  const bits = new RegExp(`^${mask}:\\s*([0-9a-f]+)$`, "m").exec(status)![1];
  return ((BigInt(`0x${bits}`) >> BigInt(signal - 1)) & 1n) !== 0n;
}

/** The resident and the virtual memory in /proc/PID/status, in bytes. */
export function parseMemory(status: string): { residentBytes: number; virtualBytes: number } {
  const sizeOf = (name: string) =>
    1024 * Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
  return { residentBytes: sizeOf("VmRSS"), virtualBytes: sizeOf("VmSize") };
}

/** How many file descriptors a process may have, by /proc/PID/limits; undefined: any number. */
export function parseMaxFds(limits: string): number | undefined {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** /proc/net/udp and udp6: inodes of the sockets on `port`. */
export function parseUdpInodes(text: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return text.split("\n").slice(1).map((line) => line.trim().split(/\s+/))
    .filter((words) => words[1]?.endsWith(suffix))
    .map((words) => words[9] ?? "");
}
