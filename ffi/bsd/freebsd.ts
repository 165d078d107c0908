import { NONE } from "../layout.ts";
import { BSD, SIZEOF_INT } from "./common.ts";
import { errorsOf } from "./errno.ts";
import { _IOR, _IOW, _IOWR } from "./ioctl.ts";
import type { BsdLayout } from "./layout.ts";

/** struct ifreq, <net/if.h>: 16 bytes of name and a union as large as a struct sockaddr. */
const SIZEOF_IFREQ = 32;
/** struct in6_ndireq: 16 bytes of name and a struct nd_ifinfo. */
const SIZEOF_IN6_NDIREQ = 72;

/** FreeBSD 12.1 to 15, whose tun(4) is the merged tuntap driver. */
export const FREEBSD: BsdLayout = {
  ...BSD,
  system: "FreeBSD",
  errors: errorsOf([
    [82, "EIDRM", "Identifier removed"],
    [83, "ENOMSG", "No message of desired type"],
    [84, "EOVERFLOW", "Value too large to be stored in data type"],
    [85, "ECANCELED", "Operation canceled"],
    [86, "EILSEQ", "Illegal byte sequence"],
    [87, "ENOATTR", "Attribute not found"],
    [88, "EDOOFUS", "Programming error"],
    [89, "EBADMSG", "Bad message"],
    [90, "EMULTIHOP", "Multihop attempted"],
    [91, "ENOLINK", "Link has been severed"],
    [92, "EPROTO", "Protocol error"],
    [93, "ENOTCAPABLE", "Capabilities insufficient"],
    [94, "ECAPMODE", "Not permitted in capability mode"],
    [95, "ENOTRECOVERABLE", "State not recoverable"],
    [96, "EOWNERDEAD", "Previous owner died"],
    [97, "EINTEGRITY", "Integrity check failed"],
  ]),

  // <sys/fcntl.h>, <sys/socket.h>
  O_CLOEXEC: 0x0010_0000,
  AF_ROUTE: 17,
  AF_INET6: 28,
  SOCK_CLOEXEC: 0x1000_0000,
  SOCK_NONBLOCK: 0x2000_0000,
  MSG_NOSIGNAL: 0x2_0000,

  // <sys/sockio.h>
  SIZEOF_IFREQ,
  SIOCGIFFLAGS: _IOWR("i", 17, SIZEOF_IFREQ),
  SIOCGIFMTU: _IOWR("i", 51, SIZEOF_IFREQ),
  SIOCSIFNAME: _IOW("i", 40, SIZEOF_IFREQ),
  SIOCIFDESTROY: _IOW("i", 121, SIZEOF_IFREQ),

  // <netinet6/in6_var.h>, <netinet6/nd6.h>
  SIOCGIFINFO_IN6: _IOWR("i", 108, SIZEOF_IN6_NDIREQ),
  SIZEOF_IN6_NDIREQ,
  IN6_NDIREQ_FLAGS_AT: 36,
  ND6_IFF_IFDISABLED: 0x8,

  // <net/if_tun.h>
  TUNSIFHEAD: _IOW("t", 96, SIZEOF_INT),
  TUNSIFMODE: _IOW("t", 94, SIZEOF_INT),
  TUNGIFNAME: _IOR("t", 93, SIZEOF_IFREQ),
  TUNSTRANSIENT: _IOW("t", 98, SIZEOF_INT), // FreeBSD 15
  heedsNonblock: true,
  clonesTun: true,
  destroysTun: false,

  // <net/if_dl.h>, struct rt_msghdr of <net/route.h>
  SIZEOF_SOCKADDR_DL: 54,
  RTM_VERSION: 5,
  SIZEOF_RT_MSGHDR: 152,
  RT_MSGHDR_HDRLEN_AT: NONE,
  RT_MSGHDR_INDEX_AT: 4,
  RT_MSGHDR_FLAGS_AT: 8,
  RT_MSGHDR_ADDRS_AT: 12,
  RT_MSGHDR_PID_AT: 16,
  RT_MSGHDR_SEQ_AT: 20,
  RT_MSGHDR_ERRNO_AT: 24,
};
