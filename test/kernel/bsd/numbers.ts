/**
 * Numbers and structure layouts of the BSD kernels of paper, x86-64 and aarch64.
 *
 * They are written down a second time, and not taken from `ffi/bsd/`: a number that is wrong there
 * must find a kernel that does not know it. The requests are the literals that a C compiler or the
 * systems' own tables give, not the result of `_IOW()`. Sources: golang.org/x/sys `zerrors_*`,
 * `ztypes_*`; FreeBSD 12 headers compiled; sys/net/if_tun.h and sys/net/route.h of each system.
 */

// <sys/errno.h>, equal on the four; those below 35 are also Linux's
export const EPERM = 1;
export const ENOENT = 2;
export const EIO = 5;
export const ENXIO = 6;
export const EACCES = 13;
export const EBUSY = 16;
export const EEXIST = 17;
export const EINVAL = 22;
export const ENOTTY = 25;
export const ESRCH = 3;
export const EAGAIN = 35;
export const EDESTADDRREQ = 39;
export const EMSGSIZE = 40;
export const ENOPROTOOPT = 42;
export const EPROTONOSUPPORT = 43;
export const EAFNOSUPPORT = 47;
export const EADDRINUSE = 48;
export const EADDRNOTAVAIL = 49;
export const ENETDOWN = 50;
export const ENETUNREACH = 51;
export const ENOBUFS = 55;
export const ENAMETOOLONG = 63;
export const EHOSTDOWN = 64;
export const EHOSTUNREACH = 65;

// <net/if.h>
export const IFF_UP = 0x1;
export const IFF_BROADCAST = 0x2;
export const IFF_LOOPBACK = 0x8;
export const IFF_POINTOPOINT = 0x10;
export const IFF_RUNNING = 0x40;
export const IFF_SIMPLEX = 0x800;
export const IFF_MULTICAST = 0x8000;

// <sys/fcntl.h>, <sys/socket.h>, <netinet/in.h>
export const O_ACCMODE = 3;
export const O_NONBLOCK = 4;
export const AF_INET = 2;
export const AF_LINK = 18;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_TYPE = 0xf;
export const SOL_SOCKET = 0xffff;
export const SO_REUSEPORT = 0x200;
export const SO_SNDBUF = 0x1001;
export const SO_RCVBUF = 0x1002;
export const IPPROTO_IP = 0;
export const IPPROTO_UDP = 17;
export const IPPROTO_ICMPV6 = 58;
export const IP_RECVDSTADDR = 7;
export const IP_SENDSRCADDR = 7;
export const ICMP6_FILTER = 18;

// <netinet6/in6_var.h>: struct in6_ifreq, of one size on the four
export const SIOCGIFAFLAG_IN6 = 0xc120_6949;
export const SIZEOF_IN6_IFREQ = 288;

// <net/route.h>
export const RTM_ADD = 1;
export const RTM_DELETE = 2;
export const RTM_GET = 4;
export const RTM_LOSING = 5;
export const RTM_MISS = 7;
export const RTA_DST = 1;
export const RTA_GATEWAY = 2;
export const RTA_NETMASK = 4;
export const RTA_IFP = 0x10;
export const RTA_IFA = 0x20;
export const RTF_UP = 1;
export const RTF_GATEWAY = 2;
export const RTF_REJECT = 8;
export const RTF_DONE = 0x40;
export const RTF_STATIC = 0x800;
export const RTF_BLACKHOLE = 0x1000;

export type SystemName = "FreeBSD" | "OpenBSD" | "NetBSD" | "DragonFly BSD";

/** Types of the messages about interfaces and addresses. */
export interface RtmTypes {
  readonly RTM_NEWADDR: number;
  readonly RTM_DELADDR: number;
  readonly RTM_IFINFO: number;
  readonly RTM_IFANNOUNCE: number;
}

/** Where the fields of struct rt_msghdr lie. */
export interface RtMsghdr {
  readonly size: number;
  readonly version: number;
  /** Of `rtm_hdrlen`, if there is one. */
  readonly hdrlenAt?: number;
  readonly indexAt: number;
  readonly flagsAt: number;
  readonly addrsAt: number;
  readonly pidAt: number;
  readonly seqAt: number;
  readonly errnoAt: number;
}

/** What differs between the four. A request that is not there is undefined. */
export interface Numbers {
  readonly AF_INET6: number;
  readonly AF_ROUTE: number;
  readonly O_CLOEXEC: number;
  readonly SOCK_CLOEXEC: number;
  readonly SOCK_NONBLOCK: number;
  readonly MSG_NOSIGNAL: number;
  readonly SIZEOF_IFREQ: number;
  readonly SIZEOF_SOCKADDR_DL: number;
  readonly SIOCGIFFLAGS: number;
  readonly SIOCGIFMTU: number;
  /** Its argument, struct ifmediareq, is as long as the request says. */
  readonly SIOCGIFMEDIA: number;
  /** Of `ifm_status`. */
  readonly mediaStatusAt: number;
  readonly SIOCIFDESTROY: number;
  readonly SIOCSIFNAME?: number;
  readonly SIOCGIFINFO_IN6?: number;
  readonly TUNSIFHEAD?: number;
  readonly TUNSIFMODE: number;
  readonly TUNGIFNAME?: number;
  readonly TUNSTRANSIENT?: number;
  readonly FIONBIO: number;
  readonly rtm: RtMsghdr;
  readonly types: RtmTypes;
}

/** struct rt_msghdr as 4.4BSD had it, at least as far as is looked at here. */
const RTM_44BSD = {
  indexAt: 4,
  flagsAt: 8,
  addrsAt: 12,
  pidAt: 16,
  seqAt: 20,
  errnoAt: 24,
};

/** Those that FreeBSD, OpenBSD and DragonFly BSD have in common. */
const TYPES = { RTM_NEWADDR: 0xc, RTM_DELADDR: 0xd, RTM_IFINFO: 0xe };

export const NUMBERS: Readonly<Record<SystemName, Numbers>> = {
  // sys/net/if_tun.h, sys/sys/sockio.h, sys/net/route.h of FreeBSD 12 to 15
  FreeBSD: {
    AF_INET6: 28,
    AF_ROUTE: 17,
    O_CLOEXEC: 0x0010_0000,
    SOCK_CLOEXEC: 0x1000_0000,
    SOCK_NONBLOCK: 0x2000_0000,
    MSG_NOSIGNAL: 0x0002_0000,
    SIZEOF_IFREQ: 32,
    SIZEOF_SOCKADDR_DL: 54,
    SIOCGIFFLAGS: 0xc020_6911,
    SIOCGIFMTU: 0xc020_6933,
    SIOCGIFMEDIA: 0xc030_6938,
    mediaStatusAt: 24,
    SIOCIFDESTROY: 0x8020_6979,
    SIOCSIFNAME: 0x8020_6928,
    SIOCGIFINFO_IN6: 0xc048_696c,
    TUNSIFHEAD: 0x8004_7460,
    TUNSIFMODE: 0x8004_745e,
    TUNGIFNAME: 0x4020_745d,
    TUNSTRANSIENT: 0x8004_7462,
    FIONBIO: 0x8004_667e,
    rtm: { size: 152, version: 5, ...RTM_44BSD },
    types: { ...TYPES, RTM_IFANNOUNCE: 0x11 },
  },
  // sys/net/if_tun.h 1.18, sys/net/route.h, sys/sys/socket.h of OpenBSD 7
  OpenBSD: {
    AF_INET6: 24,
    AF_ROUTE: 17,
    O_CLOEXEC: 0x0001_0000,
    SOCK_CLOEXEC: 0x8000,
    SOCK_NONBLOCK: 0x4000,
    MSG_NOSIGNAL: 0x400,
    SIZEOF_IFREQ: 32,
    SIZEOF_SOCKADDR_DL: 32,
    SIOCGIFFLAGS: 0xc020_6911,
    SIOCGIFMTU: 0xc020_697e,
    SIOCGIFMEDIA: 0xc040_6938,
    mediaStatusAt: 32,
    SIOCIFDESTROY: 0x8020_6979,
    TUNSIFMODE: 0x8004_745d,
    FIONBIO: 0x8004_667e,
    rtm: {
      size: 96,
      version: 5,
      hdrlenAt: 4,
      indexAt: 6,
      addrsAt: 12,
      flagsAt: 16,
      pidAt: 24,
      seqAt: 28,
      errnoAt: 32,
    },
    types: { ...TYPES, RTM_IFANNOUNCE: 0xf },
  },
  // sys/net/if_tun.h 1.22, sys/net/route.h of NetBSD 10
  NetBSD: {
    AF_INET6: 24,
    AF_ROUTE: 34,
    O_CLOEXEC: 0x0040_0000,
    SOCK_CLOEXEC: 0x1000_0000,
    SOCK_NONBLOCK: 0x2000_0000,
    MSG_NOSIGNAL: 0x400,
    SIZEOF_IFREQ: 144,
    SIZEOF_SOCKADDR_DL: 20,
    SIOCGIFFLAGS: 0xc090_6911,
    SIOCGIFMTU: 0xc090_697e,
    SIOCGIFMEDIA: 0xc030_6936,
    mediaStatusAt: 24,
    SIOCIFDESTROY: 0x8090_6979,
    TUNSIFHEAD: 0x8004_7442,
    TUNSIFMODE: 0x8004_7458,
    FIONBIO: 0x8004_667e,
    rtm: { size: 120, version: 4, ...RTM_44BSD },
    types: { RTM_NEWADDR: 0x16, RTM_DELADDR: 0x17, RTM_IFINFO: 0x14, RTM_IFANNOUNCE: 0x10 },
  },
  // sys/net/tun/if_tun.h, sys/net/route.h of DragonFly BSD 6
  "DragonFly BSD": {
    AF_INET6: 28,
    AF_ROUTE: 17,
    O_CLOEXEC: 0x0002_0000,
    SOCK_CLOEXEC: 0x1000_0000,
    SOCK_NONBLOCK: 0x2000_0000,
    MSG_NOSIGNAL: 0x400,
    SIZEOF_IFREQ: 32,
    SIZEOF_SOCKADDR_DL: 54,
    SIOCGIFFLAGS: 0xc020_6911,
    SIOCGIFMTU: 0xc020_6933,
    SIOCGIFMEDIA: 0xc030_6938,
    mediaStatusAt: 24,
    SIOCIFDESTROY: 0x8020_6979,
    SIOCSIFNAME: 0x8020_6928,
    TUNSIFHEAD: 0x8004_7460,
    TUNSIFMODE: 0x8004_745e,
    FIONBIO: 0x8004_667e,
    rtm: { size: 152, version: 7, ...RTM_44BSD },
    types: { ...TYPES, RTM_IFANNOUNCE: 0x11 },
  },
};
