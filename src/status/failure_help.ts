import type { FailureName, WayOut } from "#src/protocol/failures.ts";

export interface FailureHelp {
  readonly meaning: string;
  readonly mend: string;
}

const ROUTE4 = "`ip route get CLIENT` shows the route that is taken; on a BSD `route get CLIENT`";
const ROUTE6 = "`ip -6 route get DESTINATION` shows the route that is taken; on a BSD `route get`";

const UDP: Readonly<Partial<Record<FailureName, FailureHelp>>> = {
  EPERM: {
    meaning: "a packet filter refuses it on its way out, or the table of connections is full",
    mend: "let UDP out (`nft list ruleset`, chains of the hook output); compare " +
      "`sysctl net.netfilter.nf_conntrack_count` with `net.netfilter.nf_conntrack_max`",
  },
  EACCES: {
    meaning: "a route of the type prohibit, or a broadcast address, is where it would go; " +
      "on FreeBSD and NetBSD a packet filter refuses it",
    mend: ROUTE4,
  },
  EINVAL: {
    meaning:
      "the route does not lead there from the address it was to leave from, which may be gone, " +
      "or is of the type blackhole",
    mend: "`ip address` shows the addresses of this host; " + ROUTE4,
  },
  EMSGSIZE: {
    meaning: "it is longer than the way takes, and may not go in fragments",
    mend: "see the MTU of the interface that it leaves by, and `interface_mtu`",
  },
  EADDRNOTAVAIL: {
    meaning: "the address it was to leave from is none of this host's any more",
    mend: "add the address again, or bind another: `bind_address`",
  },
  ENETDOWN: { meaning: "the interface that it leaves by is down", mend: "`ip link set IF up`" },
  ENETUNREACH: {
    meaning: "no IPv4 route leads there",
    mend: "add a default route: `ip route add default via ROUTER`; " + ROUTE4,
  },
  EHOSTUNREACH: {
    meaning:
      "its next router or host does not answer, or a route of the type unreachable is in the way",
    mend: "`ip neigh` shows who does not answer; " + ROUTE4,
  },
  EHOSTDOWN: {
    meaning: "its next router or host does not answer",
    mend: "`arp -a` shows who does not answer",
  },
  ECONNREFUSED: {
    meaning: "a packet filter refuses it on its way out, by a reset",
    mend: "let UDP out (`nft list ruleset`, chains of the hook output)",
  },
  ENOMEM: {
    meaning: "the kernel has no memory for it",
    mend: "see `free`, and the limits of the service's control group",
  },
  EIO: {
    meaning: "the device that it leaves by takes no packet",
    mend: "see `dmesg` for that device",
  },
};

const IPV6: typeof UDP = {
  ...UDP,
  EPERM: {
    meaning: "a packet filter refuses it on its way out",
    mend: "let IPv6 out (`nft list ruleset`, chains of the hook output)",
  },
  EACCES: { meaning: "a route of the type prohibit is in the way", mend: ROUTE6 },
  EINVAL: { meaning: "its route is of the type blackhole, or its source cannot be", mend: ROUTE6 },
  ENETUNREACH: {
    meaning: "no IPv6 route leads there",
    mend: "add a default route: `ip -6 route add default via ROUTER dev IF`; " + ROUTE6,
  },
  EHOSTUNREACH: {
    meaning:
      "its next router or host does not answer, or a route of the type unreachable is in the way",
    mend: "`ip -6 neigh` shows who does not answer; " + ROUTE6,
  },
  EADDRNOTAVAIL: {
    meaning: "this host has no IPv6 address that it could leave from",
    mend: "give it a global one",
  },
};

const TUN: typeof UDP = {
  EIO: {
    meaning: "the TUN interface is down",
    mend: "`ip link set teredo up`, or let the daemon set it up again: restart it",
  },
  ENETDOWN: { meaning: "the TUN interface is down", mend: "set it up, or restart the daemon" },
  EBADFD: { meaning: "the TUN interface was deleted", mend: "restart the daemon" },
  EINVAL: { meaning: "the kernel takes it for no IP packet", mend: "report it" },
  ENOMEM: { meaning: "the kernel has no memory for it", mend: "see `free`" },
  ENOBUFS: {
    meaning: "the kernel has no room for what waits to be forwarded",
    mend: "the host is overloaded: see `nstat`, or on a BSD `netstat -m`",
  },
  EAGAIN: {
    meaning: "the kernel has no room for it at the moment",
    mend: "the host is overloaded",
  },
  EMSGSIZE: { meaning: "it is longer than the interface takes", mend: "see its MTU" },
};

const HELP: Readonly<Record<WayOut, typeof UDP>> = { udp: UDP, ipv6: IPV6, tun: TUN };
const UNKNOWN: FailureHelp = {
  meaning: "the kernel refuses it for a reason that is not told apart here",
  mend: "see `strace -f -p PID` for the call that fails",
};

/** What the kernel's answer means there, and what mends it, in words. */
export function failureHelp(way: WayOut, name: FailureName): FailureHelp {
  return HELP[way][name] ?? UNKNOWN;
}
