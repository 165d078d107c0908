import type { Host } from "../contract.ts";

/** Readers of what commands of the BSDs print. */

/** A route as route(8) shows it. */
export interface RouteText {
  readonly interfaceName: string;
  /** Such as `UP`, `GATEWAY`, `STATIC`. */
  readonly flags: readonly string[];
}

/** `route -n get`: the way that packets take; undefined when there is none. route(8) */
export function parseRoute(text: string): RouteText | undefined {
  const interfaceName = /^\s*interface: (\S+)\s*$/m.exec(text)?.[1];
  if (interfaceName === undefined) return undefined;
  const flags = /^\s*flags: <([^>]*)>/m.exec(text)?.[1]?.split(",") ?? [];
  return { interfaceName, flags };
}

/**
 * `sockstat -4 -l`: who has a UDP socket on `port`. sockstat(1) of FreeBSD, NetBSD, DragonFly BSD
 *
 *     USER     COMMAND    PID   FD PROTO  LOCAL ADDRESS         FOREIGN ADDRESS
 *     root     miredo     4711  5  udp4   *:3545                *:*
 *
 * NetBSD has a dot before the port.
 */
export function parseSockstat(text: string, port: number): ReturnType<Host["udpOwner"]> {
  for (const line of text.split("\n")) {
    const [, name, pid, , protocol, local] = line.trim().split(/\s+/);
    if (name === undefined || !/^\d+$/.test(pid ?? "")) continue;
    const bound = /[:.](\d+)$/.exec(local ?? "")?.[1];
    if (protocol?.startsWith("udp") && Number(bound) === port) return { pid: Number(pid), name };
  }
  return undefined;
}

/**
 * `fstat`: who has a UDP socket on `port`. fstat(1) of OpenBSD
 *
 *     USER     CMD          PID   FD MOUNT        INUM  MODE         R/W    SZ|DV
 *     root     miredo      4711    5* internet dgram udp *:3545
 */
export function parseFstat(text: string, port: number): ReturnType<Host["udpOwner"]> {
  const socket = /^\S+\s+(\S+)\s+(\d+)\s+\d+\*\s+internet dgram udp \S+:(\d+)(?:\s|$)/gm;
  const found = [...text.matchAll(socket)].find(([, , , bound]) => Number(bound) === port);
  return found === undefined ? undefined : { pid: Number(found[2]), name: found[1]! };
}
