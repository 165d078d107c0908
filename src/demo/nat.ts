/**
 * How what stands in front of a client maps and filters, in the words of RFC 3489 §5 and RFC 6081 §2.
 * A firewall maps nothing; "symmetric" draws its ports at random.
 */
export const NAT_KINDS = [
  "none",
  "firewall",
  "full-cone",
  "restricted",
  "port-restricted",
  "symmetric",
  "port-preserving",
  "sequential",
  "address-symmetric",
] as const;
export type NatKind = (typeof NAT_KINDS)[number];

/** Those that give a client one mapping whoever it talks to: such a NAT can have hairpin support. */
export const INDEPENDENT_KINDS = ["full-cone", "restricted", "port-restricted"] as const;

export interface Nat {
  readonly kind: NatKind;
  /** What strangers see; an address-symmetric NAT shows most of them `second`. */
  readonly address: string;
  readonly second: string;
  /** Whether what a host behind it sends to its external address comes back in. RFC 6081 §3.5 */
  readonly hairpin: boolean;
}

/** Interfaces of a NAT's namespace. */
export const NAT_INSIDE = "inside";
export const NAT_OUTSIDE = "outside";

/**
 * Ports that no service has (RFC 6335 §6): from any other, whoever looks at a capture takes what he
 * sees for that service's.
 */
const ANY_PORT = "49152-65535";

/** A number as it is would have its bytes in the order of the machine: nftables 1.0.6 knows a map. */
const SEQUENCE = 1_024;
const IN_SEQUENCE = Array.from({ length: SEQUENCE }, (_, i) => `${i} : ${50_000 + i}`).join(", ");

/** Mark of a packet that came from inside and goes back there. */
const TURNED = 1;

/**
 * nftables rules that make the kernel such a NAT for those behind it. A firewall's are for the
 * namespace of the host itself.
 *
 * Linux's masquerade keeps the source port while it is free, and lets in only what answers: a
 * port-restricted NAT. The laxer kinds remember in a map what left, by which external port and of
 * whom, and let matching strangers in by that memory; the symmetric ones choose a port or an address
 * for each destination. Hosts behind one NAT should use ports of their own: where two have the same
 * one, what the second sees depends on the destination.
 *
 * Unsolicited UDP is dropped before conntrack confirms it: an entry for it would take the port away
 * from the client's own packet to the same peer, and the NAT would be symmetric now and then.
 *
 * @returns text for `nft -f -`; empty without NAT
 */
export function natRules(nat: Nat): string {
  if (nat.kind === "none") return "";
  if (nat.kind === "firewall") return FIREWALL;
  const memory = MEMORY[nat.kind];
  return `flush ruleset
table ip nat {
${indent(2, memory?.map ?? SETS[nat.kind] ?? "")}
  chain before {
    type filter hook prerouting priority dstnat - 5
${indent(4, memory && nat.hairpin ? learnInside(memory, nat) : "")}
  }
  chain arrive {
    type nat hook prerouting priority dstnat
${indent(4, memory ? admit(memory, nat) : "")}
  }
  chain leave {
    type nat hook postrouting priority srcnat
${indent(4, leave(nat))}
    oifname "${NAT_OUTSIDE}" masquerade
    meta mark ${TURNED} snat to ${nat.address}
  }
  chain after {
    type filter hook postrouting priority srcnat + 5
${indent(4, memory && !isConntracks(nat) ? learn(memory) : "")}
  }
  chain input {
    type filter hook input priority filter
    iifname "${NAT_OUTSIDE}" meta l4proto udp drop
    iifname "${NAT_INSIDE}" ip daddr ${nat.address} meta l4proto udp drop
  }
}
`;
}

/** Conntrack's own memory of who may answer is all it takes, but for what comes from inside. */
function isConntracks({ kind }: Nat): boolean {
  return kind === "port-restricted";
}

/** Who is let in. */
interface Memory {
  readonly map: string;
  /** Parts of the map's key in front of the external port: of what leaves, and of what comes. */
  readonly sent: string;
  readonly came: string;
}

function memoryBy(types: string, sent: string, came: string): Memory {
  const key = `${types}inet_service`;
  const rest = "flags dynamic,timeout; timeout 5m; size 65536;";
  return { map: `map open { type ${key} : ipv4_addr . inet_service; ${rest} }`, sent, came };
}

const MEMORY: Partial<Record<NatKind, Memory>> = {
  "full-cone": memoryBy("", "", ""),
  "restricted": memoryBy("ipv4_addr . ", "ip daddr . ", "ip saddr . "),
  "port-restricted": memoryBy(
    "ipv4_addr . inet_service . ",
    "ip daddr . udp dport . ",
    "ip saddr . udp sport . ",
  ),
};

/** Of either direction of a flow what leaves, with its port as strangers see it. */
function learn({ sent }: Memory): string {
  return ["original", "reply"].map((way) =>
    `oifname "${NAT_OUTSIDE}" meta l4proto udp ct direction ${way} ` +
    `update @open { ${sent}udp sport : ct ${way} ip saddr . ct ${way} proto-src }`
  ).join("\n");
}

/** What is sent from inside to the outer address opens the way back, let in or not. */
function learnInside({ sent }: Memory, { address }: Nat): string {
  return `iifname "${NAT_INSIDE}" ip daddr ${address} meta l4proto udp ` +
    `update @open { ${sent}udp sport : ip saddr . udp sport } meta mark set ${TURNED}`;
}

function admit(memory: Memory, nat: Nat): string {
  const { came } = memory;
  const dnat = (key: string) => `dnat ip addr . port to ${key}udp dport map @open`;
  const rules: string[] = [];
  if (!isConntracks(nat)) rules.push(`iifname "${NAT_OUTSIDE}" ${dnat(came)}`);
  // Whoever sends from inside is known by the outer address, and by the port that the NAT keeps.
  if (nat.hairpin) {
    const inner = `iifname "${NAT_INSIDE}" ip daddr ${nat.address}`;
    rules.push(`${inner} ${dnat(came.replace("saddr", "daddr"))}`);
  }
  return rules.join("\n");
}

const DYNAMIC = "flags dynamic; size 65536;";

/** Who has a port as it was. */
const SETS: Partial<Record<NatKind, string>> = {
  "port-preserving": `set owned { type inet_service; ${DYNAMIC} }
set owner { type inet_service . ipv4_addr . inet_service; ${DYNAMIC} }`,
};

/** How UDP is given its outer port and address, at the first packet of each flow. */
function leave({ kind, address, second }: Nat): string {
  const udp = `oifname "${NAT_OUTSIDE}" meta l4proto udp`;
  switch (kind) {
    case "symmetric":
      return `${udp} masquerade to :${ANY_PORT} fully-random`;
    case "port-preserving": // the first destination sees the port as it is. RFC 6081 §2
      return `${udp} udp sport . ip daddr . udp dport @owner masquerade
${udp} udp sport @owned masquerade to :${ANY_PORT} fully-random
${udp} update @owned { udp sport } update @owner { udp sport . ip daddr . udp dport } masquerade`;
    case "sequential":
      return `${udp} snat to ${address} : numgen inc mod ${SEQUENCE} map { ${IN_SEQUENCE} }`;
    case "address-symmetric": // the first host of a network sees the one, as a server's primary is
      return `${udp} ip daddr & 0.0.0.255 == 0.0.0.1 snat to ${address} : ${ANY_PORT} fully-random
${udp} snat to ${second} : ${ANY_PORT} fully-random`;
    default:
      return `${udp} masquerade`;
  }
}

function indent(spaces: number, text: string): string {
  return text.replace(/^/gm, " ".repeat(spaces));
}

const FIREWALL = `flush ruleset
table ip firewall {
  chain input {
    type filter hook input priority filter; policy drop
    ct state established,related accept
    iifname lo accept
    meta l4proto != udp accept
  }
}
`;
