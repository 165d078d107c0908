/** One of the sockets that a receiver takes from. */
export class UdpInlet {
  readonly fd: number;
  /** What the rules know it by; 0 where there is only one. */
  readonly path: number;
  /** Datagrams that the kernel had thrown away for want of buffer when it last told. */
  overflows = 0;

  constructor(fd: number, path = 0) {
    this.fd = fd;
    this.path = path;
  }
}
