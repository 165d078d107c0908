/**
 * Constants and structure layouts that are the same on every kernel here: Linux, FreeBSD, OpenBSD,
 * NetBSD and DragonFly BSD, LP64 little-endian (x86-64, aarch64). What differs is in `layout.ts`.
 *
 * Names are C's. `SIZEOF_X` is `sizeof(struct x)`, `X_FIELD_AT` is the offset of a field from the
 * start of its structure. `test/runtime/layout_test.ts` compares every one with what a C compiler
 * says of Linux; for the others see `bsd/`.
 */

// <errno.h>: those below 35, except 11; what came with sockets differs
export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const EIO = 5;
export const ENXIO = 6;
export const E2BIG = 7;
export const EBADF = 9;
export const ENOMEM = 12;
export const EACCES = 13;
export const EFAULT = 14;
export const EBUSY = 16;
export const EEXIST = 17;
export const EXDEV = 18;
export const ENODEV = 19;
export const ENOTDIR = 20;
export const EISDIR = 21;
export const EINVAL = 22;
export const ENFILE = 23;
export const EMFILE = 24;
export const ENOTTY = 25;
export const ENOSPC = 28;
export const EROFS = 30;
export const EPIPE = 32;
export const EDOM = 33;
export const ERANGE = 34;

// <fcntl.h>, <sys/file.h>
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const F_GETFD = 1;
export const F_SETFD = 2;
export const F_GETFL = 3;
export const F_SETFL = 4;
export const FD_CLOEXEC = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;

// struct pollfd, <poll.h>
export const SIZEOF_POLLFD = 8;
export const POLLFD_FD_AT = 0;
export const POLLFD_EVENTS_AT = 4;
export const POLLFD_REVENTS_AT = 6;
export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLERR = 8;
export const POLLHUP = 0x10;
export const POLLNVAL = 0x20;

// struct timespec, <time.h>
export const SIZEOF_TIMESPEC = 16;
export const TIMESPEC_SEC_AT = 0;
export const TIMESPEC_NSEC_AT = 8;

// struct iovec, <sys/uio.h>
export const SIZEOF_IOVEC = 16;
export const IOVEC_BASE_AT = 0;
export const IOVEC_LEN_AT = 8;

// <sys/socket.h>
export const AF_UNSPEC = 0;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SIZEOF_SOCKLEN_T = 4;

// <netinet/in.h>; each is also the level of its protocol's socket options
export const IPPROTO_IP = 0;
export const IPPROTO_ICMP = 1;
export const IPPROTO_UDP = 17;
export const IPPROTO_IPV6 = 41;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_NONE = 59;
export const IPPROTO_RAW = 255;

// struct icmp6_filter, <netinet/icmp6.h>; what a set bit means differs
export const SIZEOF_ICMP6_FILTER = 32;

// struct sockaddr_in, <netinet/in.h>; port and address in network byte order. The two bytes before
// the port differ: see `sockaddrHead()`.
export const SIZEOF_SOCKADDR_IN = 16;
export const SOCKADDR_IN_PORT_AT = 2;
export const SOCKADDR_IN_ADDR_AT = 4;

// struct sockaddr_in6, <netinet/in.h>; only the scope is in host byte order
export const SIZEOF_SOCKADDR_IN6 = 28;
export const SOCKADDR_IN6_PORT_AT = 2;
export const SOCKADDR_IN6_FLOWINFO_AT = 4;
export const SOCKADDR_IN6_ADDR_AT = 8;
export const SOCKADDR_IN6_SCOPE_ID_AT = 24;

// struct msghdr, <sys/socket.h>. IOVLEN and CONTROLLEN are a size_t on Linux, an int and a socklen_t
// on BSD: 32 bits are written, and the upper half stays zero. FLAGS and the size differ.
export const MSGHDR_NAME_AT = 0;
export const MSGHDR_NAMELEN_AT = 8;
export const MSGHDR_IOV_AT = 16;
export const MSGHDR_IOVLEN_AT = 24;
export const MSGHDR_CONTROL_AT = 32;
export const MSGHDR_CONTROLLEN_AT = 40;

// struct mmsghdr, <sys/socket.h>
export const MMSGHDR_HDR_AT = 0;

// struct cmsghdr, <sys/socket.h>. LEN counts the header and its padding; it is a size_t on Linux, a
// socklen_t on BSD: 32 bits are read and written, as above.
export const CMSGHDR_LEN_AT = 0;
export const CMSGHDR_DATA_AT = 16;
/** Type of the control message of SOL_SOCKET that carries descriptors. unix(7) */
export const SCM_RIGHTS = 1;

// struct ifreq, <net/if.h>; the union behind the name holds a short of flags, an int of MTU
export const IFNAMSIZ = 16;
export const IFREQ_NAME_AT = 0;
export const IFREQ_FLAGS_AT = 16;
export const IFF_UP = 1;
export const IFF_BROADCAST = 2;
export const IFF_LOOPBACK = 8;
export const IFF_POINTOPOINT = 0x10;
export const IFF_RUNNING = 0x40;
export const IFF_NOARP = 0x80;

// <syslog.h>: options of openlog(), facilities and levels of syslog()
export const LOG_PID = 1;
export const LOG_CONS = 2;
export const LOG_NDELAY = 8;
export const LOG_EMERG = 0;
export const LOG_ALERT = 1;
export const LOG_CRIT = 2;
export const LOG_ERR = 3;
export const LOG_WARNING = 4;
export const LOG_NOTICE = 5;
export const LOG_INFO = 6;
export const LOG_DEBUG = 7;
export const LOG_KERN = 0;
export const LOG_USER = 1 << 3;
export const LOG_DAEMON = 3 << 3;
export const LOG_LOCAL0 = 16 << 3;
export const LOG_LOCAL1 = 17 << 3;
export const LOG_LOCAL2 = 18 << 3;
export const LOG_LOCAL3 = 19 << 3;
export const LOG_LOCAL4 = 20 << 3;
export const LOG_LOCAL5 = 21 << 3;
export const LOG_LOCAL6 = 22 << 3;
export const LOG_LOCAL7 = 23 << 3;
