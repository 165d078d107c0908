const NOTHING = new Uint8Array(0);

/**
 * One UDP datagram: where its payload lies, and the two ends it passes between.
 *
 * A value of this kind is made once and filled anew for each datagram, so that a packet's way costs
 * no allocation. It is its maker's: who is given one reads it before the call returns, keeps no
 * reference to it and does not change it.
 */
export class UdpDatagram {
  /** The payload is `length` bytes of this array from `at`; who owns them, the sinks say. */
  bytes: Uint8Array = NOTHING;
  at = 0;
  length = 0;
  /** The other end, which it came from or goes to: IPv4 address, as an unsigned number, and port. */
  address = 0;
  port = 0;
  /**
   * Our end. A relay's: the IPv4 address that it came to or leaves from; 0: not told, or left to the
   * kernel. A client's: which of its sockets, see `client/contract.ts`.
   */
  local = 0;

  setPayload(bytes: Uint8Array, at: number, length: number): void {
    this.bytes = bytes;
    this.at = at;
    this.length = length;
  }

  setEnds(address: number, port: number, local: number): void {
    this.address = address;
    this.port = port;
    this.local = local;
  }
}
