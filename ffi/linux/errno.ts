import {
  E2BIG,
  EACCES,
  EBADF,
  EBUSY,
  EDOM,
  EEXIST,
  EFAULT,
  EINTR,
  EINVAL,
  EIO,
  EISDIR,
  EMFILE,
  ENFILE,
  ENODEV,
  ENOENT,
  ENOMEM,
  ENOSPC,
  ENOTDIR,
  ENOTTY,
  ENXIO,
  EPERM,
  EPIPE,
  ERANGE,
  EROFS,
  ESRCH,
  EXDEV,
} from "../posix.ts";

/** Linux errno numbers beyond those of `posix.ts`, and what all mean, <asm-generic/errno.h>. */

export const EAGAIN = 11;
export const ENAMETOOLONG = 36;
export const ENOSYS = 38;
export const ENOTEMPTY = 39;
export const ELOOP = 40;
export const ENODATA = 61;
export const ENOLINK = 67;
export const EPROTO = 71;
export const EOVERFLOW = 75;
export const ENOTUNIQ = 76;
export const EBADFD = 77;
export const ENOTSOCK = 88;
export const EDESTADDRREQ = 89;
export const EMSGSIZE = 90;
export const EPROTOTYPE = 91;
export const ENOPROTOOPT = 92;
export const EPROTONOSUPPORT = 93;
export const EOPNOTSUPP = 95;
export const EAFNOSUPPORT = 97;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENETDOWN = 100;
export const ENETUNREACH = 101;
export const ECONNABORTED = 103;
export const ECONNRESET = 104;
export const ENOBUFS = 105;
export const EISCONN = 106;
export const ENOTCONN = 107;
export const ETIMEDOUT = 110;
export const ECONNREFUSED = 111;
export const EHOSTDOWN = 112;
export const EHOSTUNREACH = 113;
export const EALREADY = 114;
export const EINPROGRESS = 115;
export const ESTALE = 116;
export const ECANCELED = 125;

/** Name and text by number, as strerror(3) has them. */
export const ERRORS: ReadonlyMap<number, readonly [name: string, text: string]> = new Map([
  [EPERM, ["EPERM", "Operation not permitted"]],
  [ENOENT, ["ENOENT", "No such file or directory"]],
  [ESRCH, ["ESRCH", "No such process"]],
  [EINTR, ["EINTR", "Interrupted system call"]],
  [EIO, ["EIO", "Input/output error"]],
  [ENXIO, ["ENXIO", "No such device or address"]],
  [E2BIG, ["E2BIG", "Argument list too long"]],
  [EBADF, ["EBADF", "Bad file descriptor"]],
  [EAGAIN, ["EAGAIN", "Resource temporarily unavailable"]],
  [ENOMEM, ["ENOMEM", "Cannot allocate memory"]],
  [EACCES, ["EACCES", "Permission denied"]],
  [EFAULT, ["EFAULT", "Bad address"]],
  [EBUSY, ["EBUSY", "Device or resource busy"]],
  [EEXIST, ["EEXIST", "File exists"]],
  [EXDEV, ["EXDEV", "Invalid cross-device link"]],
  [ENODEV, ["ENODEV", "No such device"]],
  [ENOTDIR, ["ENOTDIR", "Not a directory"]],
  [EISDIR, ["EISDIR", "Is a directory"]],
  [EINVAL, ["EINVAL", "Invalid argument"]],
  [ENFILE, ["ENFILE", "Too many open files in system"]],
  [EMFILE, ["EMFILE", "Too many open files"]],
  [ENOTTY, ["ENOTTY", "Inappropriate ioctl for device"]],
  [ENOSPC, ["ENOSPC", "No space left on device"]],
  [EROFS, ["EROFS", "Read-only file system"]],
  [EPIPE, ["EPIPE", "Broken pipe"]],
  [EDOM, ["EDOM", "Numerical argument out of domain"]],
  [ERANGE, ["ERANGE", "Numerical result out of range"]],
  [ENAMETOOLONG, ["ENAMETOOLONG", "File name too long"]],
  [ENOSYS, ["ENOSYS", "Function not implemented"]],
  [ENOTEMPTY, ["ENOTEMPTY", "Directory not empty"]],
  [ELOOP, ["ELOOP", "Too many levels of symbolic links"]],
  [ENODATA, ["ENODATA", "No data available"]],
  [ENOLINK, ["ENOLINK", "Link has been severed"]],
  [EPROTO, ["EPROTO", "Protocol error"]],
  [EOVERFLOW, ["EOVERFLOW", "Value too large for defined data type"]],
  [ENOTUNIQ, ["ENOTUNIQ", "Name not unique on network"]],
  [EBADFD, ["EBADFD", "File descriptor in bad state"]],
  [ENOTSOCK, ["ENOTSOCK", "Socket operation on non-socket"]],
  [EDESTADDRREQ, ["EDESTADDRREQ", "Destination address required"]],
  [EMSGSIZE, ["EMSGSIZE", "Message too long"]],
  [EPROTOTYPE, ["EPROTOTYPE", "Protocol wrong type for socket"]],
  [ENOPROTOOPT, ["ENOPROTOOPT", "Protocol not available"]],
  [EPROTONOSUPPORT, ["EPROTONOSUPPORT", "Protocol not supported"]],
  [EOPNOTSUPP, ["EOPNOTSUPP", "Operation not supported"]],
  [EAFNOSUPPORT, ["EAFNOSUPPORT", "Address family not supported by protocol"]],
  [EADDRINUSE, ["EADDRINUSE", "Address already in use"]],
  [EADDRNOTAVAIL, ["EADDRNOTAVAIL", "Cannot assign requested address"]],
  [ENETDOWN, ["ENETDOWN", "Network is down"]],
  [ENETUNREACH, ["ENETUNREACH", "Network is unreachable"]],
  [ECONNABORTED, ["ECONNABORTED", "Software caused connection abort"]],
  [ECONNRESET, ["ECONNRESET", "Connection reset by peer"]],
  [ENOBUFS, ["ENOBUFS", "No buffer space available"]],
  [EISCONN, ["EISCONN", "Transport endpoint is already connected"]],
  [ENOTCONN, ["ENOTCONN", "Transport endpoint is not connected"]],
  [ETIMEDOUT, ["ETIMEDOUT", "Connection timed out"]],
  [ECONNREFUSED, ["ECONNREFUSED", "Connection refused"]],
  [EHOSTDOWN, ["EHOSTDOWN", "Host is down"]],
  [EHOSTUNREACH, ["EHOSTUNREACH", "No route to host"]],
  [EALREADY, ["EALREADY", "Operation already in progress"]],
  [EINPROGRESS, ["EINPROGRESS", "Operation now in progress"]],
  [ESTALE, ["ESTALE", "Stale file handle"]],
  [ECANCELED, ["ECANCELED", "Operation canceled"]],
]);
