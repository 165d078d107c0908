/**
 * Packets that the kernel did not take, by where they were to go and by what it said: the closed lists
 * behind `teredo_send_failures_total{to="...",errno="..."}`. Together they are the drops `send_failed`
 * (`udp`, `ipv6`) and `tun_write_failed` (`tun`). Append only.
 */
export const WAYS_OUT = ["udp", "ipv6", "tun"] as const;
export type WayOut = (typeof WAYS_OUT)[number];

/** Symbols of errno(3), the same on all systems, unlike the numbers. */
export const FAILURE_NAMES = [
  "other",
  "EPERM",
  "EIO",
  "E2BIG",
  "EAGAIN",
  "ENOMEM",
  "EACCES",
  "EINVAL",
  "EMSGSIZE",
  "EADDRNOTAVAIL",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOBUFS",
  "ECONNREFUSED",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "EBADFD",
] as const;
export type FailureName = (typeof FAILURE_NAMES)[number];

export const FAILURE_CELLS: number = WAYS_OUT.length * FAILURE_NAMES.length;
