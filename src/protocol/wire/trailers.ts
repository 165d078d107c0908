import { readU16, readU32, writeU16, writeU32 } from "./bytes.ts";
import { Drop } from "../drops.ts";
import { isUnicast } from "./ipv4.ts";

/**
 * Trailers, the bytes behind the IPv6 packet (RFC 6081 §4), each
 *
 *     type (1) | length of the value (1) | value
 *
 * A server passes them on unread and a relay ignores them; clients use them.
 */
export const TRAILER_NONCE = 0x01;
export const TRAILER_ALTERNATE_ADDRESS = 0x03;
export const TRAILER_NEIGHBOR_DISCOVERY = 0x04;
/** What is sent, as RFC 6081 §4.5 has it. */
export const TRAILER_RANDOM_PORT = 0x05;
/** The same in the table of §9, which has nothing else by this number: who goes by it is understood. */
const TRAILER_RANDOM_PORT_REGISTERED = 0x02;

/** Values of {@link Trailers.discovery}. RFC 6081 §4.4 */
export const DISCOVERY_SOLICITATION = 0;
export const DISCOVERY_ADVERTISEMENT = 1;

const HEADER_LENGTH = 2;
const NONCE_LENGTH = 4;
const RESERVED_LENGTH = 2;
const ALTERNATE_LENGTH = 6;
/** More would let one bubble call for many. RFC 6081 §4.3 */
export const ALTERNATES_MAX = 4;
const DISCOVERY_LENGTH = 4;
const RANDOM_PORT_LENGTH = 2;

/** Steps through the trailers of one datagram; made once and used for many. RFC 6081 §5.1.2 */
export class TrailerReader {
  /** Of the trailer {@link next} stopped at. */
  type = 0;
  valueAt = 0;
  valueLength = 0;

  #at = 0;
  #end = 0;

  /** Starts before the trailer at `at`; nothing is read from `end` on. */
  begin(at: number, end: number): void {
    this.#at = at;
    this.#end = end;
  }

  /** Moves to the next trailer. False at the end and, for good, at a malformed one. */
  next(b: Uint8Array): boolean {
    if (this.#end - this.#at < HEADER_LENGTH) return false;
    this.type = b[this.#at]!;
    this.valueLength = b[this.#at + 1]!;
    this.valueAt = this.#at + HEADER_LENGTH;
    if (this.#end - this.valueAt < this.valueLength) return false;
    this.#at = this.valueAt + this.valueLength;
    return true;
  }
}

/**
 * The trailers of one datagram by their meaning; made once and parsed into many times.
 *
 * Of two of one type the first counts. One of a known type with a length it cannot have says
 * nothing, except an alternate address, for which RFC 6081 §5.6 wants the bubble dropped.
 */
export class Trailers {
  /** Offset of the nonce's 4 bytes; -1 where there is none. */
  nonceAt = -1;
  /** How many alternate addresses there are, 0 to 4. */
  alternates = 0;
  /** {@link DISCOVERY_SOLICITATION}, {@link DISCOVERY_ADVERTISEMENT}; -1 where there is none. */
  discovery = -1;
  /** 0 where there is none. */
  randomPort = 0;

  #alternatesAt = 0;
  readonly #reader = new TrailerReader();

  /**
   * Reads the trailers between `at` and `end` of `b`.
   *
   * @returns why the whole datagram is to be discarded, or {@link Drop.None}
   */
  parse(b: Uint8Array, at: number, end: number): Drop {
    this.nonceAt = -1;
    this.alternates = 0;
    this.discovery = -1;
    this.randomPort = 0;
    this.#reader.begin(at, end);
    while (this.#reader.next(b)) {
      const drop = this.#take(b, this.#reader.valueAt, this.#reader.valueLength);
      if (drop !== Drop.None) return drop;
    }
    return Drop.None;
  }

  #take(b: Uint8Array, at: number, length: number): Drop {
    switch (this.#reader.type) {
      case TRAILER_NONCE:
        if (this.nonceAt < 0 && length === NONCE_LENGTH) this.nonceAt = at;
        return Drop.None;
      case TRAILER_ALTERNATE_ADDRESS:
        return this.alternates > 0 ? Drop.None : this.#takeAlternates(b, at, length);
      case TRAILER_NEIGHBOR_DISCOVERY:
        if (this.discovery < 0 && length === DISCOVERY_LENGTH && b[at]! <= 1) {
          this.discovery = b[at]!;
        }
        return Drop.None;
      case TRAILER_RANDOM_PORT:
      case TRAILER_RANDOM_PORT_REGISTERED:
        if (this.randomPort === 0 && length === RANDOM_PORT_LENGTH) {
          this.randomPort = readU16(b, at);
        }
        return Drop.None;
      default:
        return this.#reader.type >> 6 === 0b01 ? Drop.UnknownTrailer : Drop.None;
    }
  }

  #takeAlternates(b: Uint8Array, at: number, length: number): Drop {
    const count = (length - RESERVED_LENGTH) / ALTERNATE_LENGTH;
    if (!Number.isInteger(count) || count < 1 || count > ALTERNATES_MAX) return Drop.BadTrailer;
    this.#alternatesAt = at + RESERVED_LENGTH;
    for (let i = 0; i < count; i++) {
      if (!isUnicast(this.alternateAddress(b, i)) || this.alternatePort(b, i) === 0) {
        return Drop.BadTrailer;
      }
    }
    this.alternates = count;
    return Drop.None;
  }

  /** IPv4 address `i` of {@link alternates}; private ones are the rule, as they lie behind a NAT. */
  alternateAddress(b: Uint8Array, i: number): number {
    return readU32(b, this.#alternatesAt + i * ALTERNATE_LENGTH);
  }

  alternatePort(b: Uint8Array, i: number): number {
    return readU16(b, this.#alternatesAt + i * ALTERNATE_LENGTH + 4);
  }
}

/** 6 bytes. RFC 6081 §4.2 */
export function writeNonceTrailer(
  b: Uint8Array,
  at: number,
  nonce: Uint8Array,
  nonceAt: number,
): number {
  b[at] = TRAILER_NONCE;
  b[at + 1] = NONCE_LENGTH;
  for (let i = 0; i < NONCE_LENGTH; i++) b[at + HEADER_LENGTH + i] = nonce[nonceAt + i]!;
  return at + HEADER_LENGTH + NONCE_LENGTH;
}

/**
 * 4 bytes and 6 for each of 1 to 4 addresses, which are not obfuscated. RFC 6081 §4.3
 *
 * @param ports of the addresses, one each
 */
export function writeAlternateAddressTrailer(
  b: Uint8Array,
  at: number,
  addresses: readonly number[],
  ports: readonly number[],
): number {
  b[at] = TRAILER_ALTERNATE_ADDRESS;
  b[at + 1] = RESERVED_LENGTH + ALTERNATE_LENGTH * addresses.length;
  writeU16(b, at + 2, 0);
  at += HEADER_LENGTH + RESERVED_LENGTH;
  for (let i = 0; i < addresses.length; i++, at += ALTERNATE_LENGTH) {
    writeU32(b, at, addresses[i]!);
    writeU16(b, at + 4, ports[i]!);
  }
  return at;
}

/** 6 bytes. RFC 6081 §4.4 */
export function writeNeighborDiscoveryTrailer(
  b: Uint8Array,
  at: number,
  discovery: typeof DISCOVERY_SOLICITATION | typeof DISCOVERY_ADVERTISEMENT,
): number {
  b[at] = TRAILER_NEIGHBOR_DISCOVERY;
  b[at + 1] = DISCOVERY_LENGTH;
  writeU32(b, at + HEADER_LENGTH, discovery << 24);
  return at + HEADER_LENGTH + DISCOVERY_LENGTH;
}

/** 4 bytes. RFC 6081 §4.5 */
export function writeRandomPortTrailer(b: Uint8Array, at: number, port: number): number {
  b[at] = TRAILER_RANDOM_PORT;
  b[at + 1] = RANDOM_PORT_LENGTH;
  writeU16(b, at + HEADER_LENGTH, port);
  return at + HEADER_LENGTH + RANDOM_PORT_LENGTH;
}
