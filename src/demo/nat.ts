/** How the NAT in front of a client maps and filters; the words of RFC 3489 §5. */
export const NAT_KINDS = [
  "none",
  "full-cone",
  "restricted",
  "port-restricted",
  "symmetric",
] as const;
export type NatKind = (typeof NAT_KINDS)[number];

/**
 * Ports that no service has (RFC 6335 §6): from any other, whoever looks at a capture takes what he
 * sees for that service's.
 */
const ANY_PORT = "49152-65535";

/** Interfaces of a NAT's namespace. */
export const NAT_INSIDE = "inside";
export const NAT_OUTSIDE = "outside";

/**
 * nftables rules that make the kernel such a NAT for the one client behind it.
 *
 * Linux's masquerade keeps the source port while it is free, and lets in only what answers: a
 * port-restricted NAT. The two laxer kinds remember in a set what the client has sent and let
 * matching strangers in by that memory; the symmetric one draws a new port for each destination.
 *
 * Unsolicited UDP is dropped before conntrack confirms it: an entry for it would take the port away
 * from the client's own packet to the same peer, and the NAT would be symmetric now and then.
 *
 * @param client the client's private IPv4 address
 * @returns text for `nft -f -`; empty without NAT
 */
export function natRules(kind: NatKind, client: string): string {
  if (kind === "none") return "";
  const memory = MEMORY[kind];
  return `flush ruleset
table ip nat {
${memory.set}
  chain arrive {
    type nat hook prerouting priority dstnat
    ${memory.admit(client)}
  }
  chain leave {
    type nat hook postrouting priority srcnat
    oifname "${NAT_OUTSIDE}" meta l4proto udp masquerade${
    kind === "symmetric" ? ` to :${ANY_PORT} fully-random` : ""
  }
    oifname "${NAT_OUTSIDE}" masquerade
  }
  chain forward {
    type filter hook forward priority filter
    ${memory.learn}
  }
  chain input {
    type filter hook input priority filter
    iifname "${NAT_OUTSIDE}" meta l4proto udp drop
  }
}
`;
}

interface Memory {
  readonly set: string;
  readonly learn: string;
  readonly admit: (client: string) => string;
}

const NOTHING: Memory = { set: "", learn: "", admit: () => "" };

const MEMORY: Record<Exclude<NatKind, "none">, Memory> = {
  "full-cone": {
    set: "  set open { type inet_service; flags dynamic,timeout; timeout 5m; size 65536; }",
    learn: `iifname "${NAT_INSIDE}" meta l4proto udp update @open { udp sport }`,
    admit: (client) => `iifname "${NAT_OUTSIDE}" udp dport @open dnat to ${client}`,
  },
  "restricted": {
    set:
      "  set open { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 5m; size 65536; }",
    learn: `iifname "${NAT_INSIDE}" meta l4proto udp update @open { ip daddr . udp sport }`,
    admit: (client) => `iifname "${NAT_OUTSIDE}" ip saddr . udp dport @open dnat to ${client}`,
  },
  "port-restricted": NOTHING,
  "symmetric": NOTHING,
};
