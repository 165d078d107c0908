import { readU16, readU32 } from "./bytes.ts";
import { Drop } from "../drops.ts";
import { IPV6_HEADER_LENGTH, PAYLOAD_LENGTH_AT } from "./ipv6.ts";

/** First two octets of the encapsulations. RFC 4380 §5.1.1 */
export const AUTHENTICATION = 0x0001;
export const ORIGIN_INDICATION = 0x0000;

/** `0000`, obfuscated port (2), obfuscated IPv4 address (4). */
export const ORIGIN_LENGTH = 8;
/** `0001`, ID-len, AU-len, then nonce (8) and confirmation (1); the two fields between come on top. */
export const AUTHENTICATION_FIXED_LENGTH = 13;
export const NONCE_LENGTH = 8;

/**
 * One UDP payload split into its parts:
 *
 *     [authentication] [origin indication] IPv6 packet [trailers]
 *
 * Made once and parsed into many times, so that receiving allocates nothing. Positions are offsets
 * into the array given to {@link parse}; -1 where the part is absent. After a drop they mean nothing.
 */
export class TeredoDatagram {
  authenticationAt = -1;
  clientIdAt = 0;
  clientIdLength = 0;
  authenticationValueAt = 0;
  authenticationValueLength = 0;
  nonceAt = 0;
  confirmation = 0;

  originAt = -1;
  /** Of the origin indication, no longer obfuscated. */
  originAddress = 0;
  originPort = 0;

  ipv6At = 0;
  /** Header and payload, by the packet's own payload length. */
  ipv6Length = 0;
  /** First byte after the IPv6 packet; equal to {@link end} when there is no trailer. RFC 6081 §4 */
  trailersAt = 0;
  end = 0;

  /** Splits the `length` bytes of `b` from `at`. Never throws; reads no byte outside them. */
  parse(b: Uint8Array, at: number, length: number): Drop {
    const end = at + length;
    this.end = end;
    this.authenticationAt = -1;
    this.originAt = -1;
    if (length < 2) return Drop.Truncated;

    if (readU16(b, at) === AUTHENTICATION) {
      if (end - at < AUTHENTICATION_FIXED_LENGTH) return Drop.Truncated;
      this.authenticationAt = at;
      this.clientIdAt = at + 4;
      this.clientIdLength = b[at + 2]!;
      this.authenticationValueAt = this.clientIdAt + this.clientIdLength;
      this.authenticationValueLength = b[at + 3]!;
      this.nonceAt = this.authenticationValueAt + this.authenticationValueLength;
      at = this.nonceAt + NONCE_LENGTH + 1;
      if (end - at < 2) return Drop.Truncated;
      this.confirmation = b[at - 1]!;
    }
    if (readU16(b, at) === ORIGIN_INDICATION) {
      if (end - at < ORIGIN_LENGTH) return Drop.Truncated;
      this.originAt = at;
      this.originPort = readU16(b, at + 2) ^ 0xffff;
      this.originAddress = ~readU32(b, at + 4) >>> 0;
      at += ORIGIN_LENGTH;
    }
    return this.#parseIpv6(b, at, end);
  }

  #parseIpv6(b: Uint8Array, at: number, end: number): Drop {
    if (at >= end) return Drop.Truncated;
    const version = b[at]! >> 4;
    // 0 is the discriminator of an encapsulation that is unknown, repeated or out of order.
    if (version !== 6) return version === 0 ? Drop.NotTeredo : Drop.NotIpv6;
    if (end - at < IPV6_HEADER_LENGTH) return Drop.Truncated;
    this.ipv6At = at;
    this.ipv6Length = IPV6_HEADER_LENGTH + readU16(b, at + PAYLOAD_LENGTH_AT);
    this.trailersAt = at + this.ipv6Length;
    // RFC 6081 §4: less than or equal, not equal, so that trailers fit.
    return this.trailersAt > end ? Drop.BadLength : Drop.None;
  }
}
