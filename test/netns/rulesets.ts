/** What rules do to a relay at 198.51.100.50:3545 with the tunnel `teredo` and the uplinks `v4`, `v6`. */
export interface Ruleset {
  readonly name: string;
  /** For `nft -f -`. */
  readonly nft?: string;
  /** Lines of a shell script. */
  readonly sh?: readonly string[];
  readonly verdict: "ok" | "warn" | "fail";
  /** What the results say; each matches one of them. */
  readonly says?: readonly RegExp[];
}

const input = (rules: string, policy = "accept") =>
  `table inet filter { chain input { type filter hook input priority 0; policy ${policy}; ${rules}
} }`;
const forward = (rules: string, policy = "accept") =>
  `table inet filter { chain forward { type filter hook forward priority 0; policy ${policy}; ${rules}
} }`;
const output = (rules: string, policy = "accept") =>
  `table inet filter { chain output { type filter hook output priority 0; policy ${policy}; ${rules}
} }`;

const NFTABLES: readonly Ruleset[] = [
  { name: "none", nft: "", verdict: "ok" },
  {
    name: "a policy that drops input",
    nft: input("", "drop"),
    verdict: "fail",
    says: [/policy of chain input of table inet filter/],
  },
  {
    name: "input that drops the port",
    nft: input("udp dport 3545 drop"),
    verdict: "fail",
    says: [/rule with handle \d+ in chain input/],
  },
  { name: "input that rejects the port", nft: input("udp dport 3545 reject"), verdict: "fail" },
  {
    name: "input that accepts the port before it drops",
    nft: input("udp dport 3545 accept; meta l4proto udp drop"),
    verdict: "ok",
  },
  {
    name: "input that drops another port",
    nft: input("udp dport 3544 drop; tcp dport 3545 drop"),
    verdict: "ok",
  },
  {
    name: "input that accepts only answers",
    nft: input("ct state established,related accept; drop"),
    verdict: "fail",
  },
  { name: "input that drops what is invalid", nft: input("ct state invalid drop"), verdict: "ok" },
  {
    name: "an acceptance in another base chain, which is not final",
    nft:
      `table inet a { chain input { type filter hook input priority -10; udp dport 3545 accept; } }\n${
        input("", "drop")
      }`,
    verdict: "fail",
  },
  {
    name: "a set of ports that is dropped",
    nft: input("udp dport { 500, 3000-4000, 4500 } drop"),
    verdict: "fail",
  },
  {
    name: "a set of ports that is accepted",
    nft: input("udp dport { 500, 3000-4000, 4500 } accept", "drop"),
    verdict: "ok",
  },
  {
    name: "a set of other ports",
    nft: input("udp dport { 500, 3000-3544, 3546-4000 } drop"),
    verdict: "ok",
  },
  {
    name: "a set that everything else is in",
    nft: input("udp dport != { 53, 123 } drop"),
    verdict: "fail",
  },
  {
    name: "a named set of addresses and ports",
    nft:
      "table inet filter { set open { type ipv4_addr . inet_service; flags interval; elements = { 198.51.100.0/24 . 3000-4000 } }\n chain input { type filter hook input priority 0; policy drop; ip daddr . udp dport @open accept; } }",
    verdict: "ok",
  },
  {
    name: "a map to verdicts",
    nft: input("udp dport vmap { 53 : accept, 3545 : drop }"),
    verdict: "fail",
  },
  {
    name: "a map to chains",
    nft:
      "table inet filter { chain teredo { accept; }\n chain input { type filter hook input priority 0; policy drop; meta l4proto . th dport vmap { udp . 3545 : jump teredo, tcp . 22 : accept }; } }",
    verdict: "ok",
  },
  {
    name: "a map with an element for all the rest",
    nft: input("udp dport vmap { 53 : accept, * : drop }"),
    verdict: "fail",
  },
  {
    name: "a chain that returns, and another that is gone to",
    nft:
      "table inet filter { chain back { udp dport 3545 return; drop; }\n chain away { udp dport 3545 counter log; }\n chain input { type filter hook input priority 0; policy drop; jump back; goto away; accept; } }",
    verdict: "fail",
    says: [/policy of chain input/],
  },
  {
    name: "a blocklist that holds one of the strangers",
    nft: input("ip saddr { 8.8.0.0/16, 10.0.0.0/8 } drop"),
    verdict: "warn",
    says: [/from 8\.8\.8\.8\) are dropped/],
  },
  {
    name: "an allowlist that holds no stranger",
    nft: input("ip saddr != 192.0.2.0/24 drop"),
    verdict: "fail",
  },
  {
    name: "a mask of addresses",
    nft: input("ip daddr & 255.255.255.0 == 198.51.100.0 udp dport 3545 drop"),
    verdict: "fail",
  },
  {
    name: "an interface by name, by prefix and by index",
    nft: input(
      'iifname "v6" drop; iifname "vv*" drop; iif "lo" drop; iifname "v4" udp dport 3545 drop',
    ),
    verdict: "fail",
  },
  {
    name: "a rate below which it accepts",
    nft: input("udp dport 3545 limit rate 5/second accept", "drop"),
    verdict: "warn",
    says: [/may be dropped .*"limit"/],
  },
  {
    name: "a rate beyond which it drops",
    nft: input("udp dport 3545 limit rate over 500000/second drop"),
    verdict: "warn",
  },
  {
    name: "a rate beyond which it drops each sender",
    nft:
      "table inet filter { set meters { type ipv4_addr; flags dynamic; timeout 1m; }\n chain input { type filter hook input priority 0; udp dport 3545 update @meters { ip saddr limit rate over 100000/second } drop; } }",
    verdict: "warn",
    says: [/"dynset"/],
  },
  {
    name: "a mark that an earlier chain sets",
    nft:
      `table inet m { chain pre { type filter hook prerouting priority mangle; udp dport 3545 meta mark set 7; } }\n${
        input("meta mark 7 accept", "drop")
      }`,
    verdict: "ok",
  },
  {
    name: "what is not tracked, which is no longer new",
    nft:
      `table inet r { chain pre { type filter hook prerouting priority raw; udp dport 3545 notrack; } }\n${
        input("ct state new,established accept", "drop")
      }`,
    verdict: "fail",
  },
  {
    name: "what is not tracked, accepted as such",
    nft:
      `table inet r { chain pre { type filter hook prerouting priority raw; udp dport 3545 notrack; } }\n${
        input("ct state untracked accept", "drop")
      }`,
    verdict: "ok",
  },
  {
    name: "prerouting that drops",
    nft:
      "table ip raw { chain pre { type filter hook prerouting priority raw; udp dport 3545 drop; } }",
    verdict: "fail",
    says: [/chain pre of table ip raw/],
  },
  {
    name: "ingress that drops",
    nft:
      'table netdev t { chain in { type filter hook ingress device "v4" priority 0; udp dport 3545 drop; } }',
    verdict: "fail",
    says: [/chain in of table netdev t/],
  },
  {
    name: "ingress of another device that drops",
    nft: 'table netdev t { chain in { type filter hook ingress device "lo" priority 0; drop; } }',
    verdict: "ok",
  },
  {
    name: "a port that is sent elsewhere",
    nft:
      "table ip nat { chain pre { type nat hook prerouting priority dstnat; udp dport 3545 redirect to :9; } }",
    verdict: "fail",
    says: [/sends them elsewhere/],
  },
  {
    name: "a strict reverse-path filter",
    nft:
      "table inet r { chain pre { type filter hook prerouting priority raw; fib saddr . iif oif missing drop; } }",
    verdict: "ok",
  },
  {
    name: "what is not for this host",
    nft:
      "table inet r { chain pre { type filter hook prerouting priority raw; iifname v4 fib daddr type != local drop; } }",
    verdict: "ok",
  },
  {
    name: "a table that sleeps",
    nft:
      "table inet filter { flags dormant; chain input { type filter hook input priority 0; policy drop; } }",
    verdict: "ok",
  },
  {
    name: "output that drops",
    nft: output("ip protocol udp drop"),
    verdict: "fail",
    says: [/UDP datagrams from 198\.51\.100\.50:3545/],
  },
  {
    name: "output that drops what is new",
    nft: output("ct state established accept", "drop"),
    verdict: "fail",
  },
  {
    name: "output that accepts the port",
    nft: output("udp sport 3545 accept", "drop"),
    verdict: "ok",
  },
  {
    name: "postrouting that drops",
    nft:
      'table inet p { chain post { type filter hook postrouting priority 0; oifname "v4" drop; } }',
    verdict: "fail",
  },
  {
    name: "a policy that drops what is forwarded",
    nft: forward("", "drop"),
    verdict: "fail",
    says: [/packets from clients.*policy of chain forward/, /IPv6 hosts' answers.*policy/],
  },
  {
    name: "forwarding from the tunnel, and answers",
    nft: forward('iifname "teredo" accept; ct state established,related accept', "drop"),
    verdict: "fail",
    says: [/echo replies by which clients find/],
  },
  {
    name: "forwarding from the tunnel, answers and echo replies",
    nft: forward(
      'iifname "teredo" accept; ct state established,related accept; icmpv6 type echo-reply accept',
      "drop",
    ),
    verdict: "warn",
    says: [/what IPv6 hosts send to clients first/],
  },
  {
    name: "forwarding that drops what is invalid",
    nft: forward("ct state invalid drop"),
    verdict: "fail",
    says: [/echo replies by which clients find/],
  },
  {
    name: "forwarding both ways",
    nft: forward('iifname "teredo" accept; oifname "teredo" accept', "drop"),
    verdict: "ok",
  },
  {
    name: "forwarding of the prefix",
    nft: forward("ip6 saddr 2001::/32 accept; ip6 daddr 2001::/32 accept", "drop"),
    verdict: "ok",
  },
  {
    name: "forwarding of IPv4 alone that drops",
    nft: "table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; } }",
    verdict: "ok",
  },
  {
    name: "what a type of ICMPv6 is dropped by",
    nft: forward("icmpv6 type packet-too-big drop"),
    verdict: "warn",
    says: [/Packet Too Big to clients are dropped/],
  },
  {
    name: "a block that drops",
    nft: input("udp dport 3545 jump { counter; drop; }"),
    verdict: "fail",
    says: [/rule with handle \d+ in chain input/],
  },
  {
    name: "a block that is gone to, with a chain that drops in it",
    nft:
      "table inet filter { chain mine { udp dport 3545 drop; }\n chain input { type filter hook input priority 0; meta l4proto udp goto { jump mine; }; } }",
    verdict: "fail",
    says: [/rule with handle \d+ in chain mine/],
  },
  ...[
    "meta length > 1200",
    "udp length > 1000",
    "ip length 100-1500",
    "ip dscp cs0",
    "ip ttl < 10",
    "udp checksum 0",
    "@th,64,4 6", // IPv6 behind the UDP header
  ].map((match): Ruleset => ({
    name: `what differs from packet to packet: ${match}`,
    nft: input(`udp dport 3545 ${match} drop`),
    verdict: "warn",
    says: [/may be dropped .*"(payload|meta)"/],
  })),
  ...["ip6 hoplimit < 10", "ip6 flowlabel 0", "tcp window < 100", "ip6 length > 1000"].map((
    match,
  ): Ruleset => ({
    name: `what differs from packet to packet that is forwarded: ${match}`,
    nft: forward(`${match} drop`),
    verdict: "warn",
    says: [/may be dropped .*"payload"/],
  })),
  {
    name: "extension headers that the packets do not have",
    nft: forward("rt type 0 drop; exthdr frag exists drop; exthdr hbh missing accept", "drop"),
    verdict: "ok",
  },
];

const established = "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT";

/** What ufw makes of `ufw default deny`, cut down to what has a say here. */
const UFW = [
  ...["iptables-nft", "ip6tables-nft"].flatMap((it) => [
    `${it} -N ufw-before-input`,
    `${it} -N ufw-user-input`,
    `${it} -N ufw-not-local`,
    `${it} -N ufw-before-forward`,
    `${it} -A INPUT -j ufw-before-input`,
    `${it} -A FORWARD -j ufw-before-forward`,
    `${it} -A ufw-before-input -i lo -j ACCEPT`,
    `${it} -A ufw-before-input ${established}`,
    `${it} -A ufw-before-input -m conntrack --ctstate INVALID -m limit --limit 3/min -j LOG --log-prefix "[UFW BLOCK]"`,
    `${it} -A ufw-before-input -m conntrack --ctstate INVALID -j DROP`,
    `${it} -A ufw-before-input -j ufw-user-input`,
    `${it} -A ufw-before-forward ${established}`,
  ]),
  "iptables-nft -A ufw-before-input -j ufw-not-local",
  "iptables-nft -A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN",
  "iptables-nft -A ufw-not-local -m addrtype --dst-type BROADCAST -j RETURN",
  "iptables-nft -A ufw-not-local -j DROP",
  "ip6tables-nft -I ufw-before-forward -m rt --rt-type 0 -j DROP",
  "ip6tables-nft -A ufw-before-forward -p ipv6-icmp -m icmp6 --icmpv6-type packet-too-big -j ACCEPT",
  "ip6tables-nft -A ufw-before-forward -p ipv6-icmp -m icmp6 --icmpv6-type echo-request -j ACCEPT",
  "iptables-nft -P INPUT DROP",
  "ip6tables-nft -P FORWARD DROP",
];

/** firewalld's zone `public`, cut down likewise. */
const FIREWALLD = `table inet firewalld {
  chain filter_PREROUTING { type filter hook prerouting priority filter + 10; policy accept;
    icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
    meta nfproto ipv6 fib saddr . mark . iif oif missing drop
  }
  chain filter_INPUT { type filter hook input priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    jump filter_INPUT_ZONES
    reject with icmpx admin-prohibited
  }
  chain filter_FORWARD { type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    jump filter_FORWARD_ZONES
    reject with icmpx admin-prohibited
  }
  chain filter_INPUT_ZONES { iifname "v4" goto filter_IN_public; goto filter_IN_public; }
  chain filter_FORWARD_ZONES { goto filter_FWD_public; }
  chain filter_IN_public { jump filter_IN_public_allow; meta l4proto { icmp, ipv6-icmp } accept; reject with icmpx admin-prohibited; }
  chain filter_IN_public_allow { tcp dport 22 accept; ip6 daddr fe80::/64 udp dport 546 accept; }
  chain filter_FWD_public { reject with icmpx admin-prohibited; }
}`;

const DOCKER = [
  "-N DOCKER-USER",
  "-N DOCKER-FORWARD",
  "-N DOCKER",
  "-P FORWARD DROP",
  "-A FORWARD -j DOCKER-USER",
  "-A FORWARD -j DOCKER-FORWARD",
  "-A DOCKER-USER -j RETURN",
  "-A DOCKER-FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
  "-A DOCKER-FORWARD -o docker0 -j DOCKER",
  "-A DOCKER-FORWARD -i docker0 -j ACCEPT",
  "-A DOCKER ! -i docker0 -o docker0 -j DROP",
].map((rest) => `ip6tables-nft ${rest}`);

/** The same with both kinds of iptables. */
function iptables(kind: "nft" | "legacy"): Ruleset[] {
  const v4 = `iptables-${kind}`;
  const v6 = `ip6tables-${kind}`;
  return [
    {
      name: "input that drops the port",
      sh: [`${v4} -A INPUT -p udp --dport 3545 -j DROP`],
      verdict: "fail",
      says: [new RegExp(`rule 1 in chain INPUT of table filter \\(${v4}\\)`)],
    },
    {
      name: "input that rejects it behind others",
      sh: [
        `${v4} -A INPUT -i lo -j ACCEPT`,
        `${v4} -A INPUT -p udp -m multiport --dports 500,3000:4000 -j REJECT`,
      ],
      verdict: "fail",
      says: [/rule 2 in chain INPUT/],
    },
    {
      name: "a policy that drops input, and answers",
      sh: [`${v4} -A INPUT ${established}`, `${v4} -P INPUT DROP`],
      verdict: "fail",
      says: [/policy of chain INPUT/],
    },
    {
      name: "input that accepts the port",
      sh: [
        `${v4} -A INPUT -s 10.0.0.0/8 -j DROP`,
        `${v4} -A INPUT ! -i v6 -p udp -m udp --dport 3545 -m comment --comment "teredo" -j ACCEPT`,
        `${v4} -P INPUT DROP`,
      ],
      verdict: "ok",
    },
    {
      name: "input that accepts at a rate",
      sh: [
        `${v4} -A INPUT -p udp --dport 3545 -m limit --limit 5/s -j ACCEPT`,
        `${v4} -P INPUT DROP`,
      ],
      verdict: "warn",
      says: [/may be dropped .*"limit"/],
    },
    {
      name: "output that drops",
      sh: [`${v4} -A OUTPUT -o v4 -p udp --sport 3545 -j DROP`],
      verdict: "fail",
    },
    {
      name: "a chain of its own that drops",
      sh: [
        `${v4} -N mine`,
        `${v4} -A INPUT -p udp -j mine`,
        `${v4} -A mine -p udp --dport 53 -j RETURN`,
        `${v4} -A mine -m addrtype --dst-type LOCAL -j DROP`,
      ],
      verdict: "fail",
      says: [/rule 2 in chain mine/],
    },
    {
      name: "a chain that is gone to",
      sh: [
        `${v4} -N mine`,
        `${v4} -A INPUT -p udp -g mine`,
        `${v4} -A INPUT -j DROP`,
        `${v4} -A mine -p tcp -j DROP`,
      ],
      verdict: "ok",
    },
    {
      name: "raw that drops",
      sh: [`${v4} -t raw -A PREROUTING -p udp --dport 3545 -j DROP`],
      verdict: "fail",
      says: [/table raw/],
    },
    {
      name: "a mark set before",
      sh: [
        `${v4} -t mangle -A PREROUTING -p udp --dport 3545 -j MARK --set-mark 7`,
        `${v4} -A INPUT -m mark --mark 7 -j ACCEPT`,
        `${v4} -P INPUT DROP`,
      ],
      verdict: "warn",
    },
    {
      name: "a policy that drops what is forwarded",
      sh: [`${v6} -P FORWARD DROP`],
      verdict: "fail",
      says: [/packets from clients/, /echo replies/],
    },
    {
      name: "forwarding that drops what is invalid",
      sh: [`${v6} -A FORWARD -m conntrack --ctstate INVALID -j DROP`],
      verdict: "fail",
      says: [/echo replies by which clients find/],
    },
    {
      name: "forwarding with its state",
      sh: [
        `${v6} -A FORWARD -m state --state NEW -i teredo -j ACCEPT`,
        `${v6} -A FORWARD ${established}`,
        `${v6} -A FORWARD -p ipv6-icmp -m icmp6 --icmpv6-type echo-reply -j ACCEPT`,
        `${v6} -P FORWARD DROP`,
      ],
      verdict: "warn",
    },
    {
      name: "forwarding both ways",
      sh: [
        `${v6} -A FORWARD -i teredo -j ACCEPT`,
        `${v6} -A FORWARD -o teredo -j ACCEPT`,
        `${v6} -P FORWARD DROP`,
      ],
      verdict: "ok",
    },
    {
      name: "a strict reverse-path filter",
      sh: [`${v6} -t raw -A PREROUTING -m rpfilter --invert -j DROP`],
      verdict: "ok",
    },
  ].map((
    ruleset,
  ): Ruleset => ({ ...ruleset, name: `iptables-${kind}: ${ruleset.name}` } as Ruleset));
}

export const RULESETS: readonly Ruleset[] = [
  ...NFTABLES.map((ruleset) => ({ ...ruleset, name: `nftables: ${ruleset.name}` })),
  ...iptables("nft"),
  ...iptables("legacy"),
  {
    name: "ufw's rules",
    sh: UFW,
    verdict: "fail",
    says: [
      /UDP datagrams to .*policy of chain INPUT/,
      /packets from clients.*policy of chain FORWARD/,
    ],
  },
  {
    name: "firewalld's rules",
    nft: FIREWALLD,
    verdict: "fail",
    says: [
      /UDP datagrams to .*chain filter_IN_public of table inet firewalld/,
      /packets from clients.*chain filter_FWD_public/,
      /echo replies by which.*chain filter_FORWARD /,
    ],
  },
  {
    name: "Docker's rules",
    sh: DOCKER,
    verdict: "fail",
    says: [/packets from clients.*policy of chain FORWARD of table filter \(ip6tables-nft\)/],
  },
];
