import { readU16, readU32, writeU16 } from "#src/protocol/wire/bytes.ts";
import {
  HOP_LIMIT_AT,
  IPV6_HEADER_LENGTH,
  NEXT_HEADER_AT,
  NEXT_HEADER_TCP,
  PAYLOAD_LENGTH_AT,
  SOURCE_AT,
} from "#src/protocol/wire/ipv6.ts";
import { fold, isChecksumRight, pseudoSum, type Sum } from "./checksum.ts";
import {
  CWR,
  FIN,
  PORTS_LENGTH,
  PSH,
  TCP_ACKNOWLEDGMENT_AT,
  TCP_CHECKSUM_AT,
  TCP_FLAGS_AT,
  TCP_HEADER_LENGTH,
  TCP_SEQUENCE_AT,
  TCP_URGENT_POINTER_AT,
  TCP_WINDOW_AT,
  UDP_CHECKSUM_AT,
  UDP_LENGTH_AT,
} from "./transport.ts";

/** Most segments in a run: as many as `UDP_SEGMENT` takes on every kernel. */
export const MAX_RUN = 64;
/** The longest that the payload of an IPv6 packet can be. */
const MAX_PAYLOAD_LENGTH = 0xffff;
/** Joined packets have no extension headers. */
const TRANSPORT_AT = IPV6_HEADER_LENGTH;
/** Addresses and ports, which lie side by side. */
const FLOW_LENGTH = TRANSPORT_AT + PORTS_LENGTH - SOURCE_AT;

/**
 * Segments of one flow that follow each other, as pieces of the caller's memory:
 *
 *     piece 0           the first packet, whole: IPv6 header, TCP or UDP header, payload
 *     pieces 1..        payloads of the others
 *
 * Together they are one packet, of {@link length} bytes, whose payload is cut into segments of
 * {@link segmentSize} bytes, only the last of which may be shorter. Its checksum field has the sum of
 * the pseudo-header alone, for a kernel to complete: that of each segment has been verified. A run of
 * one is that packet as it came; nothing is known of its checksum.
 *
 * Filled by `Joiner`, to be read while it hands the run over.
 */
export class Run {
  /** At most {@link MAX_RUN}; 0 while the run is not in use. */
  count = 0;
  /** IPv6 header, and TCP header with options or UDP header. Only of a run of two or more. */
  headerLength = 0;
  /** Next header: TCP or UDP. Only of a run of two or more. */
  transport = 0;
  /** Payload bytes of each segment but the last. Only of a run of two or more. */
  segmentSize = 0;
  /** Of all pieces together. */
  length = 0;

  readonly #sum: Sum;
  readonly #at = new Uint32Array(MAX_RUN);
  readonly #lengths = new Int32Array(MAX_RUN);
  #b: Uint8Array = new Uint8Array(0);
  #isVerified = false;
  #nextSequence = 0;
  /** Of the last segment. */
  #flags = 0;
  /** Of the first packet as it came. */
  #firstFlags = 0;
  #firstChecksum = 0;

  constructor(sum: Sum) {
    this.#sum = sum;
  }

  /** Offset of the first packet. */
  get headerAt(): number {
    return this.#at[0]!;
  }

  /** Offset of the transport header in the packet. */
  get transportAt(): number {
    return TRANSPORT_AT;
  }

  /** Whether the first segment, and no other, says that the congestion window was reduced. */
  get hasCwr(): boolean {
    if (this.transport !== NEXT_HEADER_TCP) return false;
    return (this.#b[this.headerAt + TRANSPORT_AT + TCP_FLAGS_AT]! & CWR) !== 0;
  }

  pieceAt(i: number): number {
    return this.#at[i]!;
  }

  pieceLength(i: number): number {
    return this.#lengths[i]!;
  }

  /**
   * Begins with the packet of `length` bytes at `at`.
   *
   * @param transport TCP or UDP, if others may follow
   * @param headerLength of all its headers
   */
  open(b: Uint8Array, at: number, length: number, transport: number, headerLength: number): void {
    this.#b = b;
    this.count = 1;
    this.length = length;
    this.transport = transport;
    this.headerLength = headerLength;
    this.segmentSize = length - headerLength;
    this.#at[0] = at;
    this.#lengths[0] = length;
    this.#isVerified = false;
    if (transport === NEXT_HEADER_TCP) {
      const tcp = at + TRANSPORT_AT;
      this.#nextSequence = (readU32(b, tcp + TCP_SEQUENCE_AT) + this.segmentSize) >>> 0;
      this.#flags = b[tcp + TCP_FLAGS_AT]!;
    } else {
      this.#flags = 0;
    }
  }

  /** Whether the packet at `at`, TCP or UDP without extension headers, is of the flow of this run. */
  isFlowOf(b: Uint8Array, at: number): boolean {
    const first = this.headerAt;
    return b[at + NEXT_HEADER_AT] === this.transport &&
      isEqual(this.#b, first + SOURCE_AT, b, at + SOURCE_AT, FLOW_LENGTH);
  }

  /**
   * Whether the packet of this flow is the one that comes next, with headers as a segment of the same
   * super-packet would have. Its checksum is another matter.
   */
  continuesWith(at: number, length: number, headerLength: number): boolean {
    const b = this.#b;
    const first = this.headerAt;
    const payload = length - headerLength;
    return payload <= this.segmentSize &&
      this.length + payload - IPV6_HEADER_LENGTH <= MAX_PAYLOAD_LENGTH &&
      // Version, traffic class, flow label
      readU32(b, at) === readU32(b, first) && b[at + HOP_LIMIT_AT] === b[first + HOP_LIMIT_AT] &&
      (this.transport !== NEXT_HEADER_TCP || this.#continuesTcp(at + TRANSPORT_AT));
  }

  #continuesTcp(at: number): boolean {
    const b = this.#b;
    const first = this.headerAt + TRANSPORT_AT;
    const flags = b[at + TCP_FLAGS_AT]!;
    const options = this.headerLength - TRANSPORT_AT - TCP_HEADER_LENGTH;
    return readU32(b, at + TCP_SEQUENCE_AT) === this.#nextSequence &&
      // Only the last may end something, and only the first tell of a reduced window.
      ((flags ^ b[first + TCP_FLAGS_AT]!) & ~(FIN | PSH | CWR)) === 0 && (flags & CWR) === 0 &&
      // Acknowledgment number, data offset with the bits beside it
      isEqual(b, first + TCP_ACKNOWLEDGMENT_AT, b, at + TCP_ACKNOWLEDGMENT_AT, 5) &&
      readU16(b, at + TCP_WINDOW_AT) === readU16(b, first + TCP_WINDOW_AT) &&
      isEqual(b, first + TCP_URGENT_POINTER_AT, b, at + TCP_URGENT_POINTER_AT, 2 + options);
  }

  /** Whether the first packet's checksum is right; looked at once, when a second one turns up. */
  isFirstRight(): boolean {
    this.#isVerified ||= isChecksumRight(this.#sum, this.#b, this.headerAt, this.length);
    return this.#isVerified;
  }

  /** Adds a packet that {@link continuesWith} accepts and whose checksum is right. */
  add(at: number, length: number): void {
    const payload = length - this.headerLength;
    this.#at[this.count] = at + this.headerLength;
    this.#lengths[this.count] = payload;
    this.count++;
    this.length += payload;
    if (this.transport === NEXT_HEADER_TCP) {
      this.#nextSequence = (this.#nextSequence + payload) >>> 0;
      this.#flags = this.#b[at + TRANSPORT_AT + TCP_FLAGS_AT]!;
    }
  }

  /** Whether nothing can come after its last segment. */
  get isComplete(): boolean {
    return this.count === MAX_RUN || (this.#flags & (FIN | PSH)) !== 0 ||
      this.#lengths[this.count - 1]! < this.segmentSize;
  }

  /** Makes the first packet's header that of the whole, in place. A run of one stays as it is. */
  close(): void {
    if (this.count < 2) return;
    const b = this.#b;
    const transport = this.headerAt + TRANSPORT_AT;
    const payload = this.length - IPV6_HEADER_LENGTH;
    const pseudo = fold(pseudoSum(this.#sum, this.headerAt, payload, this.transport));
    writeU16(b, this.headerAt + PAYLOAD_LENGTH_AT, payload);
    if (this.transport === NEXT_HEADER_TCP) {
      this.#firstFlags = b[transport + TCP_FLAGS_AT]!;
      this.#firstChecksum = readU16(b, transport + TCP_CHECKSUM_AT);
      b[transport + TCP_FLAGS_AT]! |= this.#flags & (FIN | PSH);
      writeU16(b, transport + TCP_CHECKSUM_AT, pseudo);
    } else {
      this.#firstChecksum = readU16(b, transport + UDP_CHECKSUM_AT);
      writeU16(b, transport + UDP_LENGTH_AT, payload);
      writeU16(b, transport + UDP_CHECKSUM_AT, pseudo);
    }
  }

  /** Takes back what {@link close} did: {@link packetAt} are the packets as they came. */
  split(): void {
    const b = this.#b;
    const transport = this.headerAt + TRANSPORT_AT;
    const payload = this.#lengths[0]! - IPV6_HEADER_LENGTH;
    writeU16(b, this.headerAt + PAYLOAD_LENGTH_AT, payload);
    if (this.transport === NEXT_HEADER_TCP) {
      b[transport + TCP_FLAGS_AT] = this.#firstFlags;
      writeU16(b, transport + TCP_CHECKSUM_AT, this.#firstChecksum);
    } else {
      writeU16(b, transport + UDP_LENGTH_AT, payload);
      writeU16(b, transport + UDP_CHECKSUM_AT, this.#firstChecksum);
    }
  }

  /** Offset of packet `i`, each with a header of its own, once the run is {@link split}. */
  packetAt(i: number): number {
    return i === 0 ? this.headerAt : this.#at[i]! - this.headerLength;
  }

  packetLength(i: number): number {
    return i === 0 ? this.#lengths[0]! : this.#lengths[i]! + this.headerLength;
  }
}

function isEqual(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}
