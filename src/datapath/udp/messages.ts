import type { Arena } from "#ffi/arena.ts";
import { cmsgSpace, type Layout, NONE, sockaddrHead } from "#ffi/layout.ts";
import {
  AF_INET,
  CMSGHDR_DATA_AT,
  CMSGHDR_LEN_AT,
  IOVEC_BASE_AT,
  IOVEC_LEN_AT,
  IPPROTO_IP,
  IPPROTO_UDP,
  MSGHDR_CONTROL_AT,
  MSGHDR_CONTROLLEN_AT,
  MSGHDR_IOV_AT,
  MSGHDR_IOVLEN_AT,
  MSGHDR_NAME_AT,
  MSGHDR_NAMELEN_AT,
  SIZEOF_IOVEC,
  SIZEOF_SOCKADDR_IN,
  SOCKADDR_IN_ADDR_AT,
  SOCKADDR_IN_PORT_AT,
} from "#ffi/posix.ts";
import { writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { BATCH } from "../frames.ts";

/** Most datagrams in one message: UDP_MAX_SEGMENTS of the oldest kernel that has UDP_SEGMENT. */
const MAX_SEGMENTS = 64;
/** Most payload in one message: 65,535 less the IPv4 and UDP headers, which the kernel checks. */
const MAX_BYTES = 65_507;
/** A datagram is one piece of memory, or headers and a payload that lie apart. */
const MAX_PIECES = 2;
const IOVECS = MAX_SEGMENTS * MAX_PIECES;

/** Of the control message of UDP_SEGMENT, a uint16_t. */
const SEGMENT_LENGTH = 2;
/** Room for the control messages; no kernel's take more. */
const CONTROL_LENGTH = 64;
/** No `struct mmsghdr` is longer. */
const HEADER_LENGTH = 64;

/** Of the message that a peer's next datagram may join; must be a power of two. */
const OPEN_CELLS = 128;
/** An odd number of 32 bits, from the golden ratio: neighbours do not share a cell. */
const SPREAD = 0x9e3779b1;

/**
 * The messages of one call, as the kernel reads them. Each is one datagram, or, where the
 * kernel cuts messages up (`UDP_SEGMENT`), a run of datagrams of one length to one peer, of which
 * the last may be shorter.
 *
 *     message i:  mmsghdr | sockaddr_in | [UDP_SEGMENT] [local address] | up to 128 iovecs
 *
 * Datagrams to one peer stay in their order: only its latest message takes more.
 */
export class UdpMessages {
  /** Messages queued: 0 to {@link BATCH}. */
  count = 0;
  readonly #arena: Arena;
  readonly #layout: Layout;
  readonly #stride: number;
  readonly #segmentSpace: number;
  readonly #localSpace: number;
  readonly #headers: number;
  readonly #names: number;
  readonly #controls: number;
  readonly #iovecs: number;
  /** Headers of the datagrams of a message that the kernel would not cut up. */
  readonly #singles: number;

  // By message
  readonly #address = new Uint32Array(BATCH);
  readonly #port = new Uint16Array(BATCH);
  readonly #local = new Uint32Array(BATCH);
  readonly #datagrams = new Uint8Array(BATCH);
  /** Iovecs of each datagram. */
  readonly #pieces = new Uint8Array(BATCH);
  /** Of its first datagram, and so of all but the last. */
  readonly #size = new Uint32Array(BATCH);
  readonly #bytes = new Uint32Array(BATCH);
  readonly #used = new Uint16Array(BATCH);

  /** Number of the message plus one, by a hash of the peer. */
  readonly #open = new Uint8Array(OPEN_CELLS);

  /** Bytes of arena that one object takes. */
  static readonly arenaLength: number = (BATCH + MAX_SEGMENTS) * HEADER_LENGTH +
    BATCH * (SIZEOF_SOCKADDR_IN + CONTROL_LENGTH + IOVECS * SIZEOF_IOVEC) + 4096;

  constructor(arena: Arena, layout: Layout) {
    this.#arena = arena;
    this.#layout = layout;
    this.#stride = layout.SIZEOF_MMSGHDR;
    this.#segmentSpace = layout.UDP_SEGMENT === NONE ? 0 : cmsgSpace(layout, SEGMENT_LENGTH);
    this.#localSpace = cmsgSpace(layout, layout.localAddress.length);
    this.#headers = arena.take(BATCH * this.#stride);
    this.#names = arena.take(BATCH * SIZEOF_SOCKADDR_IN);
    this.#controls = arena.take(BATCH * CONTROL_LENGTH);
    this.#iovecs = arena.take(BATCH * IOVECS * SIZEOF_IOVEC);
    this.#singles = arena.take(MAX_SEGMENTS * this.#stride);
    for (let i = 0; i < BATCH; i++) this.#prepare(i);
  }

  /** Everything of message `i` that no datagram changes. */
  #prepare(i: number): void {
    const arena = this.#arena;
    const name = this.#names + i * SIZEOF_SOCKADDR_IN;
    arena.u16[name >> 1] = sockaddrHead(this.#layout, AF_INET, SIZEOF_SOCKADDR_IN);
    const control = this.#controls + i * CONTROL_LENGTH;
    const { UDP_SEGMENT, localAddress } = this.#layout;
    this.#prepareControl(control, IPPROTO_UDP, UDP_SEGMENT, SEGMENT_LENGTH);
    const { sentType, length } = localAddress;
    this.#prepareControl(control + this.#segmentSpace, IPPROTO_IP, sentType, length);
    const header = this.header(i);
    arena.writeU64(header + MSGHDR_NAME_AT, arena.address(name));
    arena.u32[(header + MSGHDR_NAMELEN_AT) >> 2] = SIZEOF_SOCKADDR_IN;
    arena.writeU64(header + MSGHDR_IOV_AT, arena.address(this.#iovec(i, 0)));
  }

  #prepareControl(at: number, level: number, type: number, length: number): void {
    const { CMSGHDR_LEVEL_AT, CMSGHDR_TYPE_AT } = this.#layout;
    this.#arena.u32[(at + CMSGHDR_LEN_AT) >> 2] = CMSGHDR_DATA_AT + length;
    this.#arena.i32[(at + CMSGHDR_LEVEL_AT) >> 2] = level;
    this.#arena.i32[(at + CMSGHDR_TYPE_AT) >> 2] = type;
  }

  /** Offset in the arena of the header of message `i`; those of the next ones follow it. */
  header(i: number): number {
    return this.#headers + i * this.#stride;
  }

  /**
   * The message that takes a datagram of `length` bytes in `pieces` pieces: the peer's latest one,
   * if it can be cut into equal datagrams still, else a new one.
   *
   * @param local our address to send from; 0 leaves it to the kernel
   * @param joins whether the kernel cuts messages up
   * @returns -1 when all are in use
   */
  place(
    address: number,
    port: number,
    local: number,
    length: number,
    pieces: number,
    joins: boolean,
  ): number {
    const cell = (Math.imul(address ^ (port << 7), SPREAD) >>> 16) & (OPEN_CELLS - 1);
    if (joins) {
      const i = this.#open[cell]! - 1;
      if (
        i >= 0 && this.#address[i] === address && this.#port[i] === port &&
        this.#local[i] === local && this.#takes(i, length, pieces)
      ) return i;
    }
    if (this.count === BATCH) return -1;
    const i = this.count++;
    this.#open[cell] = i + 1;
    this.#begin(i, address, port, local, length, pieces);
    return i;
  }

  /** A shorter datagram was the last of its message. */
  #takes(i: number, length: number, pieces: number): boolean {
    const size = this.#size[i]!;
    return length <= size && pieces === this.#pieces[i] && this.#datagrams[i]! < MAX_SEGMENTS &&
      this.#bytes[i] === size * this.#datagrams[i]! && this.#bytes[i]! + length <= MAX_BYTES;
  }

  #begin(
    i: number,
    address: number,
    port: number,
    local: number,
    size: number,
    pieces: number,
  ): void {
    this.#address[i] = address;
    this.#port[i] = port;
    this.#local[i] = local;
    this.#size[i] = size;
    this.#pieces[i] = pieces;
    this.#datagrams[i] = 0;
    this.#bytes[i] = 0;
    this.#used[i] = 0;
    const { u8 } = this.#arena;
    const name = this.#names + i * SIZEOF_SOCKADDR_IN;
    writeU16(u8, name + SOCKADDR_IN_PORT_AT, port);
    writeU32(u8, name + SOCKADDR_IN_ADDR_AT, address);
    if (local === 0) return;
    const control = this.#controls + i * CONTROL_LENGTH + this.#segmentSpace;
    writeU32(u8, control + CMSGHDR_DATA_AT + this.#layout.localAddress.sentAt, local);
  }

  /** Adds a piece of the datagram that message `i` was {@link place}d for. */
  addPiece(i: number, at: number, length: number): void {
    const iovec = this.#iovec(i, this.#used[i]!++);
    this.#arena.writeU64(iovec + IOVEC_BASE_AT, this.#arena.address(at));
    this.#arena.u32[(iovec + IOVEC_LEN_AT) >> 2] = length;
    this.#bytes[i]! += length;
  }

  /** The datagram is whole. */
  endDatagram(i: number): void {
    this.#datagrams[i]!++;
  }

  /** Completes what depends on the number of datagrams, before the messages from `first` on are sent. */
  seal(first: number): void {
    const { u32 } = this.#arena;
    for (let i = first; i < this.count; i++) {
      const header = this.header(i);
      const many = this.#datagrams[i]! > 1;
      u32[(header + MSGHDR_IOVLEN_AT) >> 2] = this.#used[i]!;
      this.#setControl(header, i, many);
    }
  }

  #setControl(header: number, i: number, many: boolean): void {
    const arena = this.#arena;
    const control = this.#controls + i * CONTROL_LENGTH;
    const local = this.#local[i] === 0 ? 0 : this.#localSpace;
    if (many) arena.u16[(control + CMSGHDR_DATA_AT) >> 1] = this.#size[i]!;
    const length = (many ? this.#segmentSpace : 0) + local;
    const from = many ? control : control + this.#segmentSpace;
    arena.writeU64(header + MSGHDR_CONTROL_AT, length === 0 ? 0 : arena.address(from));
    arena.u32[(header + MSGHDR_CONTROLLEN_AT) >> 2] = length;
  }

  /** Our address that message `i` is to leave from; 0: the kernel's choice. */
  local(i: number): number {
    return this.#local[i]!;
  }

  /** Leaves it to the kernel from where message `i` goes. */
  forgetLocal(i: number): void {
    this.#local[i] = 0;
    this.seal(i);
  }

  get isFull(): boolean {
    return this.count === BATCH;
  }

  datagrams(i: number): number {
    return this.#datagrams[i]!;
  }

  address(i: number): number {
    return this.#address[i]!;
  }

  port(i: number): number {
    return this.#port[i]!;
  }

  /** Where in the arena datagram `k` of message `i` begins; one in two pieces, with its headers. */
  datagramAt(i: number, k: number): number {
    const base = this.#iovec(i, k * this.#pieces[i]!) + IOVEC_BASE_AT;
    return this.#arena.readU64(base) - this.#arena.address(0);
  }

  /** Bytes of message `i` from datagram `k` on. */
  lengthFrom(i: number, k: number): number {
    return this.#bytes[i]! - k * this.#size[i]!;
  }

  /** Bytes of datagram `k` of message `i`. */
  datagramLength(i: number, k: number): number {
    return Math.min(this.#size[i]!, this.lengthFrom(i, k));
  }

  /** What the kernel says that it sent of message `i`, in bytes. */
  sentBytes(i: number): number {
    return this.#arena.u32[(this.header(i) + this.#layout.MMSGHDR_LEN_AT) >> 2]!;
  }

  /**
   * Makes headers for the datagrams of message `i` from number `first` on, each a message of its own:
   * {@link single}.
   *
   * @returns how many
   */
  split(i: number, first: number): number {
    const { u8, u32 } = this.#arena;
    const header = this.header(i);
    const pieces = this.#pieces[i]!;
    const count = this.#datagrams[i]! - first;
    this.#setControl(header, i, false);
    u32[(header + MSGHDR_IOVLEN_AT) >> 2] = pieces;
    for (let k = 0; k < count; k++) {
      const single = this.single(k);
      u8.copyWithin(single, header, header + this.#stride);
      const iovec = this.#arena.address(this.#iovec(i, (first + k) * pieces));
      this.#arena.writeU64(single + MSGHDR_IOV_AT, iovec);
    }
    return count;
  }

  /** Offset in the arena of header `k` that {@link split} made; the next ones follow it. */
  single(k: number): number {
    return this.#singles + k * this.#stride;
  }

  /** What the kernel says that it sent of {@link single} `k`, in bytes. */
  singleBytes(k: number): number {
    return this.#arena.u32[(this.single(k) + this.#layout.MMSGHDR_LEN_AT) >> 2]!;
  }

  /** No message takes one more datagram: some may have been sent. */
  close(): void {
    this.#open.fill(0);
  }

  clear(): void {
    this.count = 0;
    this.close();
  }

  #iovec(i: number, k: number): number {
    return this.#iovecs + (i * IOVECS + k) * SIZEOF_IOVEC;
  }
}
