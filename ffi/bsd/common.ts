import { NONE } from "../layout.ts";
import { _IOW, _IOWR } from "./ioctl.ts";
import type { BsdLayout } from "./layout.ts";

/** sizeof(int), of most requests of tun(4). */
export const SIZEOF_INT = 4;
/** struct ifmediareq: 16 bytes of name, five ints and a pointer. */
const SIZEOF_IFMEDIAREQ = 48;
/** struct in6_ifreq: 16 bytes of name and a union as large as a struct icmp6_ifstat. */
const SIZEOF_IN6_IFREQ = 288;

/**
 * What 4.4BSD brought and FreeBSD, OpenBSD, NetBSD and DragonFly BSD have kept, LP64 little-endian
 * (x86-64, aarch64).
 *
 * Nothing here or beside it has been compiled on such a system: `test/runtime/bsd/golang_test.ts`
 * and `rust_test.ts` beside it compare it with what others generated there, for the processors they
 * know.
 */
export const BSD = {
  // <sys/errno.h>
  EAGAIN: 35,
  EMSGSIZE: 40,
  EADDRINUSE: 48,
  EADDRNOTAVAIL: 49,
  ENETUNREACH: 51,
  ENOBUFS: 55,

  // <sys/fcntl.h>
  O_NONBLOCK: 0x4,
  O_CREAT: 0x200,

  // <sys/socket.h>
  SOL_SOCKET: 0xffff,
  SO_REUSEADDR: 0x4,
  SO_REUSEPORT: 0x200,
  SO_SNDBUF: 0x1001,
  SO_RCVBUF: 0x1002,
  AF_LINK: 18,
  MSG_DONTWAIT: 0x80,
  SO_RXQ_OVFL: NONE,
  UDP_GRO: NONE,
  UDP_SEGMENT: NONE,

  // struct msghdr: an int of IOVLEN, a socklen_t of CONTROLLEN, and the flags right behind it
  SIZEOF_MSGHDR: 48,
  MSGHDR_FLAGS_AT: 44,
  // struct mmsghdr. LEN is an unsigned int, an ssize_t on FreeBSD, whose lower half it is.
  SIZEOF_MMSGHDR: 56,
  MMSGHDR_LEN_AT: 48,
  // struct cmsghdr: three of 32 bits; the data is aligned, and so at 16 as on Linux
  CMSGHDR_LEVEL_AT: 4,
  CMSGHDR_TYPE_AT: 8,
  CMSG_ALIGNMENT: 8,

  hasSockaddrLength: true,
  // <netinet/in.h>: IP_RECVDSTADDR and, with the same number, IP_SENDSRCADDR, a struct in_addr
  localAddress: {
    option: 7,
    receivedType: 7,
    receivedAt: 0,
    sentType: 7,
    sentAt: 0,
    length: 4,
  },

  multicast: { interface: 9, timeToLive: 10, loop: 11, join: 12, leave: 13 },

  // <netinet/icmp6.h>: ICMP6_FILTER_SETBLOCKALL() clears all bits, where Linux sets them
  ICMP6_FILTER: 18,
  ICMP6_FILTER_BLOCK: 0,

  // <net/if.h>
  IFREQ_DATA_AT: 16,
  IFREQ_MTU_AT: 16,

  // <sys/sockio.h>, <net/if.h>, <net/if_media.h>
  SIOCGIFMEDIA: _IOWR("i", 56, SIZEOF_IFMEDIAREQ),
  SIZEOF_IFMEDIAREQ,
  IFMEDIAREQ_STATUS_AT: 24,
  IFM_AVALID: 0x1,
  IFM_ACTIVE: 0x2,

  // <netinet6/in6_var.h>
  SIOCGIFAFLAG_IN6: _IOWR("i", 73, SIZEOF_IN6_IFREQ),
  SIZEOF_IN6_IFREQ,
  IN6_IFREQ_ADDR_AT: 16,
  SIOCGIFINFO_IN6: NONE,
  SIZEOF_IN6_NDIREQ: NONE,
  IN6_NDIREQ_FLAGS_AT: NONE,
  ND6_IFF_IFDISABLED: NONE,

  // <sys/filio.h>
  FIONBIO: _IOW("f", 126, SIZEOF_INT),

  // <net/route.h>
  RTM_GET: 4,
  RTM_LOSING: 5,
  RTM_MISS: 7,
  RT_MSGHDR_MSGLEN_AT: 0,
  RT_MSGHDR_VERSION_AT: 2,
  RT_MSGHDR_TYPE_AT: 3,
  RTA_DST: 0x1,
  RTA_GATEWAY: 0x2,
  RTA_NETMASK: 0x4,
  RTA_IFP: 0x10,
  RTF_UP: 0x1,
  RTF_REJECT: 0x8,
  RTF_BLACKHOLE: 0x1000,
  /** sizeof(long); of a uint64_t on NetBSD. */
  RT_ROUNDUP: 8,
} as const satisfies Partial<BsdLayout>;
