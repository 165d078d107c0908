import { parseIpv4 } from "./ipv4.ts";
import { inPrefix, type Ipv6Prefix, parseIpv6Prefix } from "./ipv6.ts";

/**
 * The IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190) as of 2025-10-09:
 * iana.org/assignments/iana-ipv4-special-registry, iana-ipv6-special-registry.
 *
 * They say which addresses the Internet can reach, for what is told to people. Whom a relay or server
 * exchanges packets with is another question, which RFC 4380 §5.2.4 answers with a list of its own:
 * `isGlobalUnicast` of ipv4.ts.
 */

/** An entry of a registry. */
export interface SpecialPurpose {
  /** `10.0.0.0/8` */
  readonly block: string;
  readonly name: string;
  readonly reference: string;
  /** "Globally Reachable"; false also where the registry says N/A or nothing. */
  readonly global: boolean;
}

type Row = readonly [block: string, name: string, reference: string, global?: "global"];

const IPV4: readonly Row[] = [
  ["0.0.0.0/8", "This network", "RFC 791"],
  ["0.0.0.0/32", "This host on this network", "RFC 1122"],
  ["10.0.0.0/8", "Private-Use", "RFC 1918"],
  ["100.64.0.0/10", "Shared Address Space", "RFC 6598"],
  ["127.0.0.0/8", "Loopback", "RFC 1122"],
  ["169.254.0.0/16", "Link Local", "RFC 3927"],
  ["172.16.0.0/12", "Private-Use", "RFC 1918"],
  ["192.0.0.0/24", "IETF Protocol Assignments", "RFC 6890"],
  ["192.0.0.0/29", "IPv4 Service Continuity Prefix", "RFC 7335"],
  ["192.0.0.8/32", "IPv4 dummy address", "RFC 7600"],
  ["192.0.0.9/32", "Port Control Protocol Anycast", "RFC 7723", "global"],
  ["192.0.0.10/32", "Traversal Using Relays around NAT Anycast", "RFC 8155", "global"],
  ["192.0.0.170/32", "NAT64/DNS64 Discovery", "RFC 8880"],
  ["192.0.0.171/32", "NAT64/DNS64 Discovery", "RFC 8880"],
  ["192.0.2.0/24", "Documentation (TEST-NET-1)", "RFC 5737"],
  ["192.31.196.0/24", "AS112-v4", "RFC 7535", "global"],
  ["192.52.193.0/24", "AMT", "RFC 7450", "global"],
  ["192.88.99.0/24", "Deprecated (6to4 Relay Anycast)", "RFC 7526"],
  ["192.88.99.2/32", "6a44-relay anycast address", "RFC 6751"],
  ["192.168.0.0/16", "Private-Use", "RFC 1918"],
  ["192.175.48.0/24", "Direct Delegation AS112 Service", "RFC 7534", "global"],
  ["198.18.0.0/15", "Benchmarking", "RFC 2544"],
  ["198.51.100.0/24", "Documentation (TEST-NET-2)", "RFC 5737"],
  ["203.0.113.0/24", "Documentation (TEST-NET-3)", "RFC 5737"],
  ["240.0.0.0/4", "Reserved", "RFC 1112"],
  ["255.255.255.255/32", "Limited Broadcast", "RFC 8190"],
];

const IPV6: readonly Row[] = [
  ["::1/128", "Loopback Address", "RFC 4291"],
  ["::/128", "Unspecified Address", "RFC 4291"],
  ["::ffff:0:0/96", "IPv4-mapped Address", "RFC 4291"],
  ["64:ff9b::/96", "IPv4-IPv6 Translation", "RFC 6052", "global"],
  ["64:ff9b:1::/48", "IPv4-IPv6 Translation", "RFC 8215"],
  ["100::/64", "Discard-Only Address Block", "RFC 6666"],
  ["100:0:0:1::/64", "Dummy IPv6 Prefix", "RFC 9780"],
  ["2001::/23", "IETF Protocol Assignments", "RFC 2928"],
  ["2001::/32", "TEREDO", "RFC 4380"],
  ["2001:1::1/128", "Port Control Protocol Anycast", "RFC 7723", "global"],
  ["2001:1::2/128", "Traversal Using Relays around NAT Anycast", "RFC 8155", "global"],
  ["2001:1::3/128", "DNS-SD Service Registration Protocol Anycast", "RFC 9665", "global"],
  ["2001:2::/48", "Benchmarking", "RFC 5180"],
  ["2001:3::/32", "AMT", "RFC 7450", "global"],
  ["2001:4:112::/48", "AS112-v6", "RFC 7535", "global"],
  ["2001:10::/28", "Deprecated (previously ORCHID)", "RFC 4843"],
  ["2001:20::/28", "ORCHIDv2", "RFC 7343", "global"],
  ["2001:30::/28", "Drone Remote ID Protocol Entity Tags", "RFC 9374", "global"],
  ["2001:db8::/32", "Documentation", "RFC 3849"],
  ["2002::/16", "6to4", "RFC 3056"],
  ["2620:4f:8000::/48", "Direct Delegation AS112 Service", "RFC 7534", "global"],
  ["3fff::/20", "Documentation", "RFC 9637"],
  ["5f00::/16", "Segment Routing (SRv6) SIDs", "RFC 9602"],
  ["fc00::/7", "Unique-Local", "RFC 4193"],
  ["fe80::/10", "Link-Local Unicast", "RFC 4291"],
];

interface Entry<P> extends SpecialPurpose {
  readonly prefix: P;
  readonly length: number;
}

const IPV4_ENTRIES: readonly Entry<number>[] = IPV4.map((row) => {
  const [text, length] = row[0].split("/");
  return { ...entryOf(row), prefix: parseIpv4(text!)!, length: Number(length) };
});

const IPV6_ENTRIES: readonly Entry<Ipv6Prefix>[] = IPV6.map((row) => {
  const prefix = parseIpv6Prefix(row[0])!;
  return { ...entryOf(row), prefix, length: prefix.length };
});

function entryOf([block, name, reference, global]: Row): SpecialPurpose {
  return { block, name, reference, global: global === "global" };
}

export const IPV4_SPECIAL_PURPOSE: readonly SpecialPurpose[] = IPV4_ENTRIES;
export const IPV6_SPECIAL_PURPOSE: readonly SpecialPurpose[] = IPV6_ENTRIES;

/** Whoever has such an address runs a network for tests, and knows. */
function isOfLabs({ name }: SpecialPurpose): boolean {
  return name.startsWith("Documentation") || name === "Benchmarking";
}

/** Of an address's entry: what keeps the Internet from it; undefined: nothing does, or it is of a test network. */
export function obstacleIn(entry: SpecialPurpose | undefined): SpecialPurpose | undefined {
  return entry === undefined || entry.global || isOfLabs(entry) ? undefined : entry;
}

/** The most specific entry that an IPv4 address falls under; undefined: it is an ordinary one. */
export function specialPurpose4(address: number): SpecialPurpose | undefined {
  return longest(
    IPV4_ENTRIES.filter(({ prefix, length }) =>
      address >>> (32 - length) === prefix >>> (32 - length)
    ),
  );
}

/** The same of an IPv6 address of 16 bytes. */
export function specialPurpose6(address: Uint8Array): SpecialPurpose | undefined {
  return longest(IPV6_ENTRIES.filter(({ prefix }) => inPrefix(address, 0, prefix)));
}

function longest<P>(entries: readonly Entry<P>[]): SpecialPurpose | undefined {
  return entries.toSorted((a, b) => b.length - a.length)[0];
}
