import type { Arena } from "#ffi/arena.ts";
import { failure } from "#ffi/errors.ts";
import { cmsgNext, type Layout, NONE } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  CMSGHDR_DATA_AT,
  CMSGHDR_LEN_AT,
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
import { readU16, readU32 } from "#src/protocol/wire/bytes.ts";
import { Borne } from "../borne.ts";
import { BATCH, CAPACITY, Frames } from "../frames.ts";
import { MessageCalls } from "./calls.ts";
import { UdpInlet } from "./inlet.ts";

/** Room for the local address, and on Linux SO_RXQ_OVFL and UDP_GRO, in whole cache lines. */
const CONTROL_LENGTH = 128;
/** No `struct mmsghdr` is longer. */
const HEADER_LENGTH = 64;
const NAME_STRIDE = SIZEOF_SOCKADDR_IN;

/**
 * Receives datagrams in batches into slots of its own. Where the socket has `UDP_GRO`,
 * a slot can hold a run of datagrams from one sender, end to end: {@link segmentSize}.
 */
export class UdpReceiver {
  readonly bytes: Uint8Array;
  readonly #libc: Libc;
  readonly #layout: Layout;
  readonly #arena: Arena;
  readonly #calls: MessageCalls;
  readonly #stride: number;
  readonly #lengthAt: number;
  readonly #frames: Frames;
  readonly #headers: number;
  readonly #names: number;
  readonly #controls: number;
  readonly #borne: Borne;
  /** The socket that it was made with. */
  readonly own: UdpInlet;
  /** The one that what is in the slots came by. */
  #inlet: UdpInlet;

  /** Bytes of arena that one receiver takes. */
  static readonly arenaLength: number = Frames.size +
    BATCH * (HEADER_LENGTH + NAME_STRIDE + CONTROL_LENGTH + SIZEOF_IOVEC) + 4096;

  constructor(libc: Libc, arena: Arena, fd: number) {
    this.bytes = arena.u8;
    this.#libc = libc;
    this.#layout = libc.layout;
    this.#borne = new Borne(libc.layout);
    this.#arena = arena;
    this.#calls = new MessageCalls(libc, arena);
    this.own = new UdpInlet(fd);
    this.#inlet = this.own;
    this.#stride = libc.layout.SIZEOF_MMSGHDR;
    this.#lengthAt = libc.layout.MMSGHDR_LEN_AT;
    this.#frames = new Frames(arena);
    this.#headers = arena.take(BATCH * this.#stride);
    this.#names = arena.take(BATCH * NAME_STRIDE);
    this.#controls = arena.take(BATCH * CONTROL_LENGTH);
    const iovecs = arena.take(BATCH * SIZEOF_IOVEC);
    for (let i = 0; i < BATCH; i++) {
      const iovec = iovecs + i * SIZEOF_IOVEC;
      arena.writeU64(iovec, arena.address(this.#frames.at(i)));
      arena.writeU64(iovec + 8, CAPACITY);
      const header = this.#headers + i * this.#stride;
      arena.writeU64(header + MSGHDR_NAME_AT, arena.address(this.#names + i * NAME_STRIDE));
      arena.writeU64(header + MSGHDR_IOV_AT, arena.address(iovec));
      arena.writeU64(header + MSGHDR_IOVLEN_AT, 1);
      arena.writeU64(
        header + MSGHDR_CONTROL_AT,
        arena.address(this.#controls + i * CONTROL_LENGTH),
      );
      this.#resetHeader(i);
    }
  }

  /**
   * Takes what has arrived, up to `limit` slots, without waiting.
   *
   * @returns how many; they hold until the next call
   * @throws SyscallError when the socket itself fails, again and again
   */
  receive(limit: number = BATCH, inlet: UdpInlet = this.own): number {
    this.#inlet = inlet;
    const count = this.#calls.receive(inlet.fd, this.#headers, limit);
    if (count >= 0) {
      this.#borne.end();
      return count;
    }
    const errno = this.#libc.errno();
    if (this.#borne.bears(errno)) return 0;
    throw failure(this.#libc, "recvmsg", "UDP", errno);
  }

  /** The kernel overwrites lengths and flags of the headers it used; puts them back. */
  release(count: number): void {
    for (let i = 0; i < count; i++) this.#resetHeader(i);
  }

  #resetHeader(i: number): void {
    const word = (this.#headers + i * this.#stride) >> 2;
    const u32 = this.#arena.u32;
    u32[word + (MSGHDR_NAMELEN_AT >> 2)] = SIZEOF_SOCKADDR_IN;
    u32[word + (MSGHDR_CONTROLLEN_AT >> 2)] = CONTROL_LENGTH;
    u32[word + (this.#layout.MSGHDR_FLAGS_AT >> 2)] = 0;
  }

  /** Offset in {@link bytes} of slot `i`. */
  at(i: number): number {
    return this.#frames.at(i);
  }

  /** Of the whole slot. */
  length(i: number): number {
    return this.#arena.u32[(this.#headers + i * this.#stride + this.#lengthAt) >> 2]!;
  }

  /** IPv4 address that slot `i` came from. */
  address(i: number): number {
    return readU32(this.bytes, this.#names + i * NAME_STRIDE + SOCKADDR_IN_ADDR_AT);
  }

  port(i: number): number {
    return readU16(this.bytes, this.#names + i * NAME_STRIDE + SOCKADDR_IN_PORT_AT);
  }

  /**
   * The address of ours that slot `i` was sent to; of a broadcast, on Linux, one of that interface,
   * since nothing can leave from a broadcast address. 0 if the socket does not report it.
   */
  local(i: number): number {
    const { receivedType, receivedAt } = this.#layout.localAddress;
    const data = this.#findControl(i, IPPROTO_IP, receivedType);
    return data < 0 ? 0 : readU32(this.bytes, data + receivedAt);
  }

  /**
   * Length of each datagram in slot `i` but the last, which may be shorter; 0 when the slot is one
   * datagram.
   */
  segmentSize(i: number): number {
    const data = this.#findControl(i, IPPROTO_UDP, this.#layout.UDP_GRO);
    return data < 0 ? 0 : this.#arena.i32[data >> 2]!;
  }

  /**
   * Datagrams the kernel threw away for want of buffer before `i` since this was last asked; 0 where
   * it does not say.
   */
  overflowsBefore(i: number): number {
    const data = this.#findControl(i, this.#layout.SOL_SOCKET, this.#layout.SO_RXQ_OVFL);
    if (data < 0) return 0;
    const total = this.#arena.u32[data >> 2]!;
    const more = (total - this.#inlet.overflows) >>> 0;
    this.#inlet.overflows = total;
    return more;
  }

  /** Offset of the data of one control message of slot `i`, or -1. */
  #findControl(i: number, level: number, type: number): number {
    if (type === NONE) return -1;
    const { u32, i32 } = this.#arena;
    const { CMSGHDR_LEVEL_AT: levelAt, CMSGHDR_TYPE_AT: typeAt } = this.#layout;
    const header = this.#headers + i * this.#stride;
    const start = this.#controls + i * CONTROL_LENGTH;
    const end = start + u32[(header + MSGHDR_CONTROLLEN_AT) >> 2]!;
    for (let at = start; at + CMSGHDR_DATA_AT <= end;) {
      if (i32[(at + levelAt) >> 2] === level && i32[(at + typeAt) >> 2] === type) {
        return at + CMSGHDR_DATA_AT;
      }
      const length = u32[(at + CMSGHDR_LEN_AT) >> 2]!;
      if (length < CMSGHDR_DATA_AT) return -1;
      at = cmsgNext(this.#layout, at, length);
    }
    return -1;
  }
}
