/** What there is no room in for what a sender has queued. */
export const Blocked = {
  /** There is room. */
  No: 0,
  /** The socket's send buffer: POLLOUT tells when there is. */
  Socket: 1,
  /** The queue of an interface, which nothing tells about: on a BSD the socket is writable. */
  Interface: 2,
} as const;
export type Blocked = (typeof Blocked)[keyof typeof Blocked];
