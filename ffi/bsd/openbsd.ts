import { NONE } from "../layout.ts";
import { BSD } from "./common.ts";
import { errorsOf } from "./errno.ts";
import { _IOW, _IOWR } from "./ioctl.ts";
import type { BsdLayout } from "./layout.ts";

/** struct ifreq, <net/if.h>: 16 bytes of name and a union as large as a struct sockaddr. */
const SIZEOF_IFREQ = 32;
/** struct ifmediareq, <net/if.h>: 16 bytes of name, four of 64 bits, an int and a pointer. */
const SIZEOF_IFMEDIAREQ = 64;

/** OpenBSD from 7.2 on, which has recvmmsg(2). */
export const OPENBSD: BsdLayout = {
  ...BSD,
  system: "OpenBSD",
  errors: errorsOf([
    [69, "EDQUOT", "Disk quota exceeded"],
    [74, "EPROGUNAVAIL", "RPC program not available"],
    [82, "EIPSEC", "IPsec processing failure"],
    [83, "ENOATTR", "Attribute not found"],
    [84, "EILSEQ", "Illegal byte sequence"],
    [85, "ENOMEDIUM", "No medium found"],
    [86, "EMEDIUMTYPE", "Wrong medium type"],
    [87, "EOVERFLOW", "Value too large to be stored in data type"],
    [88, "ECANCELED", "Operation canceled"],
    [89, "EIDRM", "Identifier removed"],
    [90, "ENOMSG", "No message of desired type"],
    [91, "ENOTSUP", "Not supported"],
    [92, "EBADMSG", "Bad message"],
    [93, "ENOTRECOVERABLE", "State not recoverable"],
    [94, "EOWNERDEAD", "Previous owner died"],
    [95, "EPROTO", "Protocol error"],
  ]),

  // <sys/fcntl.h>, <sys/socket.h>
  O_CLOEXEC: 0x1_0000,
  AF_ROUTE: 17,
  AF_INET6: 24,
  SOCK_CLOEXEC: 0x8000,
  SOCK_NONBLOCK: 0x4000,
  MSG_NOSIGNAL: 0x400,

  // <sys/sockio.h>
  SIZEOF_IFREQ,
  SIOCGIFFLAGS: _IOWR("i", 17, SIZEOF_IFREQ),
  SIOCGIFMTU: _IOWR("i", 126, SIZEOF_IFREQ),
  SIOCGIFMEDIA: _IOWR("i", 56, SIZEOF_IFMEDIAREQ),
  SIZEOF_IFMEDIAREQ,
  IFMEDIAREQ_STATUS_AT: 32,
  SIOCSIFNAME: NONE,
  SIOCIFDESTROY: _IOW("i", 121, SIZEOF_IFREQ),

  // <net/if_tun.h>. There is a TUNSIFMODE, but it takes only what the interface is already.
  TUNSIFHEAD: NONE,
  TUNSIFMODE: NONE,
  TUNGIFNAME: NONE,
  TUNSTRANSIENT: NONE,
  heedsNonblock: true,
  clonesTun: false,
  destroysTun: true,

  // <net/if_dl.h>, struct rt_msghdr of <net/route.h>
  SIZEOF_SOCKADDR_DL: 32,
  RTM_VERSION: 5,
  SIZEOF_RT_MSGHDR: 96,
  RT_MSGHDR_HDRLEN_AT: 4,
  RT_MSGHDR_INDEX_AT: 6,
  RT_MSGHDR_ADDRS_AT: 12,
  RT_MSGHDR_FLAGS_AT: 16,
  RT_MSGHDR_PID_AT: 24,
  RT_MSGHDR_SEQ_AT: 28,
  RT_MSGHDR_ERRNO_AT: 32,
};
