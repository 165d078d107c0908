import { NONE } from "../layout.ts";
import { BSD, SIZEOF_INT } from "./common.ts";
import { errorsOf } from "./errno.ts";
import { _IOW, _IOWR } from "./ioctl.ts";
import type { BsdLayout } from "./layout.ts";

/** struct ifreq, <net/if.h>: 16 bytes of name and a union as large as a struct sockaddr_storage. */
const SIZEOF_IFREQ = 144;

/** NetBSD from 9 on, which has IP_SENDSRCADDR; here for x86-64. */
export const NETBSD: BsdLayout = {
  ...BSD,
  system: "NetBSD",
  errors: errorsOf([
    [34, "ERANGE", "Result too large or too small"],
    [42, "ENOPROTOOPT", "Protocol option not available"],
    [60, "ETIMEDOUT", "Connection timed out"],
    [82, "EIDRM", "Identifier removed"],
    [83, "ENOMSG", "No message of desired type"],
    [84, "EOVERFLOW", "Value too large to be stored in data type"],
    [85, "EILSEQ", "Illegal byte sequence"],
    [86, "ENOTSUP", "Not supported"],
    [87, "ECANCELED", "Operation canceled"],
    [88, "EBADMSG", "Bad or Corrupt message"],
    [89, "ENODATA", "No message available"],
    [90, "ENOSR", "No STREAM resources"],
    [91, "ENOSTR", "Not a STREAM"],
    [92, "ETIME", "STREAM ioctl timeout"],
    [93, "ENOATTR", "Attribute not found"],
    [94, "EMULTIHOP", "Multihop attempted"],
    [95, "ENOLINK", "Link has been severed"],
    [96, "EPROTO", "Protocol error"],
    [97, "EOWNERDEAD", "Previous owner died"],
    [98, "ENOTRECOVERABLE", "State not recoverable"],
  ]),

  // <sys/fcntl.h>, <sys/socket.h>
  O_CLOEXEC: 0x40_0000,
  AF_INET6: 24,
  AF_ROUTE: 34,
  SOCK_CLOEXEC: 0x1000_0000,
  SOCK_NONBLOCK: 0x2000_0000,
  MSG_NOSIGNAL: 0x400,

  // <sys/sockio.h>
  SIZEOF_IFREQ,
  SIOCGIFFLAGS: _IOWR("i", 17, SIZEOF_IFREQ),
  SIOCGIFMTU: _IOWR("i", 126, SIZEOF_IFREQ),
  SIOCGIFMEDIA: _IOWR("i", 54, BSD.SIZEOF_IFMEDIAREQ),
  SIOCSIFNAME: NONE,
  SIOCIFDESTROY: _IOW("i", 121, SIZEOF_IFREQ),

  // <net/if_tun.h>
  TUNSIFHEAD: _IOW("t", 66, SIZEOF_INT),
  TUNSIFMODE: _IOW("t", 88, SIZEOF_INT),
  TUNGIFNAME: NONE,
  TUNSTRANSIENT: NONE,
  heedsNonblock: false,
  clonesTun: false,
  destroysTun: false,

  // <net/if_dl.h>, struct rt_msghdr of <net/route.h>
  SIZEOF_SOCKADDR_DL: 20,
  RTM_VERSION: 4,
  SIZEOF_RT_MSGHDR: 120,
  RT_MSGHDR_HDRLEN_AT: NONE,
  RT_MSGHDR_INDEX_AT: 4,
  RT_MSGHDR_FLAGS_AT: 8,
  RT_MSGHDR_ADDRS_AT: 12,
  RT_MSGHDR_PID_AT: 16,
  RT_MSGHDR_SEQ_AT: 20,
  RT_MSGHDR_ERRNO_AT: 24,
};

/** For aarch64, where `__ALIGNBYTES` of <arm/cdefs.h> is that of an __int128_t. */
export const NETBSD_ARM64: BsdLayout = { ...NETBSD, CMSG_ALIGNMENT: 16 };
