import { formatIpv6 } from "#src/protocol/ipv6.ts";
import { CAPABILITIES, type Capability, type Route6 } from "./host.ts";

/** Readers of texts below /proc. proc(5), proc_net(5) */

// <linux/route.h>, <linux/ipv6_route.h>
const RTF_REJECT = 0x0200;
const RTF_ADDRCONF = 0x00040000;

/** The effective capabilities in /proc/PID/status. */
export function parseCapabilities(status: string): Set<Capability> {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const names = Object.keys(CAPABILITIES) as Capability[];
  return new Set(names.filter((name) => (mask >> BigInt(CAPABILITIES[name])) & 1n));
}

/** /proc/net/ipv6_route: destination, its length, source, its length, next hop, metric, two counts, flags, interface. */
export function parseRoutes6(text: string): Route6[] {
  return text.split("\n").flatMap((line) => {
    const words = line.trim().split(/\s+/);
    if (words.length < 10) return [];
    const flags = parseInt(words[8]!, 16);
    return [{
      prefix: { bytes: hexBytes(words[0]!), length: parseInt(words[1]!, 16) },
      interfaceName: words[9]!,
      fromAdvertisement: (flags & RTF_ADDRCONF) !== 0,
      rejects: (flags & RTF_REJECT) !== 0,
    }];
  });
}

function hexBytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

/** /proc/net/route: the interface of the default route with the lowest metric. */
export function parseDefaultInterface4(text: string): string | undefined {
  const routes = text.split("\n").slice(1).map((line) => line.trim().split(/\s+/));
  return routes
    .filter((words) => words[1] === "00000000" && words[7] === "00000000")
    .sort((a, b) => Number(a[6]) - Number(b[6]))[0]?.[0];
}

/** /proc/net/dev: a header of two lines, then `NAME: counters`. */
export function parseInterfaceNames(text: string): string[] {
  return text.split("\n").slice(2).flatMap((line) => {
    const name = /^\s*(\S+):/.exec(line)?.[1];
    return name === undefined ? [] : [name];
  });
}

/** /proc/net/udp: inodes of the sockets on `port`. */
export function parseUdpInodes(text: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return text.split("\n").slice(1).map((line) => line.trim().split(/\s+/))
    .filter((words) => words[1]?.endsWith(suffix))
    .map((words) => words[9] ?? "");
}

/** `2001:db8::/32 dev eth0`, for messages. */
export function describeRoute(route: Route6): string {
  const { bytes, length } = route.prefix;
  return `${formatIpv6(bytes)}/${length} dev ${route.interfaceName}`;
}
