import { copyBytes, readU16, readU32, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { addBytes, finishChecksum } from "#src/protocol/wire/checksum.ts";
import {
  IPV6_HEADER_LENGTH,
  NEXT_HEADER_AT,
  NEXT_HEADER_TCP,
  NEXT_HEADER_UDP,
  PAYLOAD_LENGTH_AT,
} from "#src/protocol/wire/ipv6.ts";
import { pseudoSum, type Sum } from "./checksum.ts";
import {
  CWR,
  FIN,
  PSH,
  TCP_CHECKSUM_AT,
  TCP_FLAGS_AT,
  TCP_HEADER_LENGTH,
  TCP_SEQUENCE_AT,
  tcpHeaderLength,
  UDP_CHECKSUM_AT,
  UDP_HEADER_LENGTH,
  UDP_LENGTH_AT,
} from "./transport.ts";

// Next headers of options. RFC 8200 §4.3, §4.6
const HOP_BY_HOP = 0;
const DESTINATION_OPTIONS = 60;
/** The longest headers that are split: IPv6, extension headers, TCP or UDP. */
export const MAX_HEADER_LENGTH = 512;
/**
 * Most segments of a super-packet. Linux sends none below 48 bytes with options (TCP_MIN_SND_MSS), which
 * is 1,820 at 36 bytes each; but a guest's virtio header may ask for 65,000 of one byte, each of which
 * would cost us as much as a packet.
 */
export const MAX_SEGMENTS = 2_048;

/**
 * A TCP or UDP super-packet: the segments of one flow under one header, as a kernel hands it over
 * that leaves the segmenting to us. {@link writeHeader} makes each segment's own header; payloads
 * stay where they are.
 *
 *     super-packet   header | payload 0 | payload 1 | ... | payload count-1
 *     segment i      header i, payload i: all of the segment size, only the last may be shorter
 *
 * Made once and parsed into many times. After a failed parse the fields mean nothing.
 */
export class SuperPacket {
  /** Segments, 1 to {@link MAX_SEGMENTS}. */
  count = 0;
  /** Of each segment: IPv6 header, extension headers, TCP or UDP header. */
  headerLength = 0;

  readonly #sum: Sum;
  #b: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** From {@link #at}. */
  #transportAt = 0;
  #isTcp = false;
  #segmentSize = 0;
  #payloadLength = 0;
  /** Of the pseudo-header without length, and of what the transport headers have in common. */
  #commonSum = 0;

  /** @param sum over the memory that super-packets lie in */
  constructor(sum: Sum) {
    this.#sum = sum;
  }

  /**
   * @param b the memory that the sum adds up; the packet stays there, unchanged, until its last
   *   segment is sent
   * @param length of the packet, by the kernel
   * @param transport next header of what is segmented: TCP or UDP
   * @param transportAt offset of that header from `at`, where the checksum field has the sum of the
   *   pseudo-header; 0: not told, as of a packet whose checksum somebody has verified
   * @param segmentSize payload bytes of each segment but the last
   * @returns false for a packet that is not split: lengths do not fit together, or segments are more
   *   than {@link MAX_SEGMENTS}
   */
  parse(
    b: Uint8Array,
    at: number,
    length: number,
    transport: number,
    transportAt: number,
    segmentSize: number,
  ): boolean {
    const isTcp = transport === NEXT_HEADER_TCP;
    if (!isTcp && transport !== NEXT_HEADER_UDP) return false;
    const fixedLength = isTcp ? TCP_HEADER_LENGTH : UDP_HEADER_LENGTH;
    const hasPseudoSum = transportAt !== 0;
    if (!hasPseudoSum) transportAt = findTransport(b, at, length, transport);
    if (transportAt < IPV6_HEADER_LENGTH || transportAt + fixedLength > length) return false;
    if (b[at]! >> 4 !== 6 || readU16(b, at + PAYLOAD_LENGTH_AT) !== length - IPV6_HEADER_LENGTH) {
      return false;
    }
    const headerLength = transportAt +
      (isTcp ? tcpHeaderLength(b, at + transportAt) : UDP_HEADER_LENGTH);
    if (headerLength < transportAt + fixedLength || headerLength > MAX_HEADER_LENGTH) return false;
    // Without payload nothing is left to segment.
    if (headerLength >= length || segmentSize < 1) return false;
    const count = Math.ceil((length - headerLength) / segmentSize);
    if (count > MAX_SEGMENTS) return false;
    this.#b = b;
    this.#at = at;
    this.#transportAt = transportAt;
    this.#isTcp = isTcp;
    this.#segmentSize = segmentSize;
    this.#payloadLength = length - headerLength;
    this.headerLength = headerLength;
    this.count = count;
    this.#commonSum = this.#pseudoSum(length - transportAt, transport, hasPseudoSum) +
      (isTcp ? this.#tcpSum() : readU32Sum(b, at + transportAt));
    return true;
  }

  /** Offset of segment `i`'s payload in the array parsed. */
  payloadAt(i: number): number {
    return this.#at + this.headerLength + i * this.#segmentSize;
  }

  payloadLength(i: number): number {
    return Math.min(this.#segmentSize, this.#payloadLength - i * this.#segmentSize);
  }

  /** Of segment `i` as a whole IPv6 packet. */
  lengthOf(i: number): number {
    return this.headerLength + this.payloadLength(i);
  }

  /**
   * Writes the {@link headerLength} bytes of segment `i`'s header, with its checksum, for which the
   * payload is summed. The place may not overlap the super-packet.
   */
  writeHeader(i: number, out: Uint8Array, outAt: number): void {
    copyBytes(out, outAt, this.#b, this.#at, this.headerLength);
    writeU16(out, outAt + PAYLOAD_LENGTH_AT, this.lengthOf(i) - IPV6_HEADER_LENGTH);
    if (this.#isTcp) this.#writeTcp(i, out, outAt + this.#transportAt);
    else this.#writeUdp(i, out, outAt + this.#transportAt);
  }

  /** As tcp_gso_segment() of Linux: FIN and PSH are the last segment's, CWR the first one's. */
  #writeTcp(i: number, out: Uint8Array, at: number): void {
    const sequence = (readU32(out, at + TCP_SEQUENCE_AT) + i * this.#segmentSize) >>> 0;
    let flags = out[at + TCP_FLAGS_AT]!;
    if (i < this.count - 1) flags &= ~(FIN | PSH);
    if (i > 0) flags &= ~CWR;
    writeU32(out, at + TCP_SEQUENCE_AT, sequence);
    out[at + TCP_FLAGS_AT] = flags;
    const own = (sequence >>> 16) + (sequence & 0xffff) + flags;
    writeU16(out, at + TCP_CHECKSUM_AT, this.#checksum(i, own));
  }

  #writeUdp(i: number, out: Uint8Array, at: number): void {
    const length = this.lengthOf(i) - this.#transportAt;
    writeU16(out, at + UDP_LENGTH_AT, length);
    const checksum = this.#checksum(i, length);
    // 0 would mean that there is none. RFC 8200 §8.1
    writeU16(out, at + UDP_CHECKSUM_AT, checksum === 0 ? 0xffff : checksum);
  }

  /** `own`: sum of what segment `i`'s transport header has to itself. */
  #checksum(i: number, own: number): number {
    const length = this.lengthOf(i) - this.#transportAt;
    const payload = this.#sum(this.payloadAt(i), this.payloadLength(i));
    return finishChecksum(this.#commonSum + length + own + payload);
  }

  /**
   * Of the pseudo-header without its length.
   *
   * With extension headers it is taken from the checksum field, where the kernel has put that of the
   * whole super-packet: a routing header means another destination than the IPv6 header's.
   * RFC 8200 §8.1
   */
  #pseudoSum(length: number, transport: number, hasPseudoSum: boolean): number {
    if (this.#transportAt === IPV6_HEADER_LENGTH || !hasPseudoSum) {
      return pseudoSum(this.#sum, this.#at, 0, transport);
    }
    const field = this.#isTcp ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT;
    return readU16(this.#b, this.#at + this.#transportAt + field) + (~length & 0xffff);
  }

  /** Of the TCP header without sequence number, flags and checksum. Its length is a multiple of 4. */
  #tcpSum(): number {
    const at = this.#at + this.#transportAt;
    const flags = this.#b[at + TCP_FLAGS_AT]!;
    const sequence = readU32Sum(this.#b, at + TCP_SEQUENCE_AT);
    const checksum = readU16(this.#b, at + TCP_CHECKSUM_AT);
    const all = addBytes(this.#b, at, this.headerLength - this.#transportAt, 0);
    return all - flags - sequence - checksum; // parts of a sum that is not yet folded
  }
}

/**
 * Offset of the transport header behind hop-by-hop and destination options; -1 behind anything else,
 * such as a routing header, which means another destination.
 */
function findTransport(b: Uint8Array, at: number, length: number, transport: number): number {
  let next = b[at + NEXT_HEADER_AT]!;
  let found = IPV6_HEADER_LENGTH;
  while (next !== transport) {
    if (next !== HOP_BY_HOP && next !== DESTINATION_OPTIONS) return -1;
    if (found + 8 > length || found > MAX_HEADER_LENGTH) return -1;
    next = b[at + found]!;
    found += 8 + 8 * b[at + found + 1]!;
  }
  return found;
}

/** The two words of the four bytes at `at`. */
function readU32Sum(b: Uint8Array, at: number): number {
  return readU16(b, at) + readU16(b, at + 2);
}
