import type { Drop } from "./drops.ts";
import type { Millis } from "./time.ts";
import type { UdpDatagram } from "./wire/udp_datagram.ts";

/**
 * Where rules of a tunnel, a relay's or a client's, hand their output. The datapath batches it;
 * tests record it.
 *
 * Bytes given to a sink belong to the rules again when the call returns, unless they lie in the
 * very array the packet came in: those stay as they are until the batch is flushed, so that a
 * packet passes from slot to wire without a copy.
 */
export interface TunnelSink {
  /** One UDP datagram from our service port. */
  sendDatagram(datagram: UdpDatagram): void;
  /** One IPv6 packet to the IPv6 side; it lies in the array that its datagram came in. */
  sendIpv6(b: Uint8Array, at: number, length: number): void;
  /**
   * An ICMPv6 error, as a whole IPv6 packet whose source is `::`: the IPv6 side fills in an address
   * of its own and the checksum.
   */
  sendIcmpv6Error(b: Uint8Array, at: number, length: number): void;
}

/** What stands between the IPv6 side and UDP: what packets and time are given to. */
export interface TunnelRules {
  /**
   * One IPv6 packet: `length` bytes of `b` from `at`. It is sent, held or dropped; what is held has
   * been copied.
   *
   * @param packets of which it is a super-packet, that have `bytes` together
   * @returns why it was dropped, which has been counted; `Drop.None` otherwise
   */
  fromIpv6(
    b: Uint8Array,
    at: number,
    length: number,
    now: Millis,
    sink: TunnelSink,
    packets?: number,
    bytes?: number,
  ): Drop;
  /** Whether {@link fromIpv6} sends this packet at once, whatever its length. Changes nothing. */
  isOpen(b: Uint8Array, at: number, length: number, now: Millis): boolean;
  /** One datagram that came to us. @returns as {@link fromIpv6} */
  fromUdp(arrival: UdpDatagram, now: Millis, sink: TunnelSink): Drop;
  /** Absolute time at which {@link tick} has something to do; Infinity: no time. */
  nextTimer(): Millis;
  /** Sees to what is due, a bounded part of it: when there is more, nextTimer() lies in the past. */
  tick(now: Millis, sink: TunnelSink): void;
}

/** What is in the tables of the rules at this moment. */
export interface TunnelGauges {
  readonly peers: number;
  /** Peers that are trusted, also those not heard of for 30 s. */
  readonly trusted: number;
  /** Peers that are being asked; of those, some are trusted still. */
  readonly resolving: number;
  /** Peers that left their bubbles unanswered. */
  readonly failed: number;
  readonly heldPackets: number;
  readonly heldBytes: number;
}
