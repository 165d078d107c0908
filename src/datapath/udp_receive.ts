import type { Arena } from "#ffi/arena.ts";
import { SyscallError } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  CMSG_NEXT,
  CMSG_SPACE,
  CMSGHDR_DATA_AT,
  CMSGHDR_LEN_AT,
  CMSGHDR_LEVEL_AT,
  CMSGHDR_TYPE_AT,
  EAGAIN,
  EINTR,
  IN_PKTINFO_SPEC_DST_AT,
  IP_PKTINFO,
  MMSGHDR_LEN_AT,
  MSG_DONTWAIT,
  MSGHDR_CONTROL_AT,
  MSGHDR_CONTROLLEN_AT,
  MSGHDR_FLAGS_AT,
  MSGHDR_IOV_AT,
  MSGHDR_IOVLEN_AT,
  MSGHDR_NAME_AT,
  MSGHDR_NAMELEN_AT,
  SIZEOF_IN_PKTINFO,
  SIZEOF_IOVEC,
  SIZEOF_MMSGHDR,
  SIZEOF_SOCKADDR_IN,
  SO_RXQ_OVFL,
  SOCKADDR_IN_ADDR_AT,
  SOCKADDR_IN_PORT_AT,
  SOL_IP,
  SOL_SOCKET,
  SOL_UDP,
  UDP_GRO,
} from "#ffi/linux.ts";
import { readU16, readU32 } from "#src/protocol/bytes.ts";
import { BATCH, CAPACITY, Frames } from "./frames.ts";

/** Room for IP_PKTINFO, SO_RXQ_OVFL and UDP_GRO, in whole cache lines. */
const CONTROL_LENGTH = Math.ceil((CMSG_SPACE(SIZEOF_IN_PKTINFO) + 2 * CMSG_SPACE(4)) / 64) * 64;
const NAME_STRIDE = SIZEOF_SOCKADDR_IN;

/**
 * Receives datagrams in batches into slots of its own, by `recvmmsg`. Where the socket has `UDP_GRO`,
 * a slot can hold a run of datagrams from one sender, end to end: {@link segmentSize}.
 */
export class UdpReceiver {
  readonly bytes: Uint8Array;
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #fd: number;
  readonly #frames: Frames;
  readonly #headers: number;
  readonly #names: number;
  readonly #controls: number;
  #overflows = 0;

  /** Bytes of arena that one receiver takes. */
  static readonly arenaLength: number = Frames.size +
    BATCH * (SIZEOF_MMSGHDR + NAME_STRIDE + CONTROL_LENGTH + SIZEOF_IOVEC) + 4096;

  constructor(libc: Libc, arena: Arena, fd: number) {
    this.bytes = arena.u8;
    this.#libc = libc;
    this.#arena = arena;
    this.#fd = fd;
    this.#frames = new Frames(arena);
    this.#headers = arena.take(BATCH * SIZEOF_MMSGHDR);
    this.#names = arena.take(BATCH * NAME_STRIDE);
    this.#controls = arena.take(BATCH * CONTROL_LENGTH);
    const iovecs = arena.take(BATCH * SIZEOF_IOVEC);
    for (let i = 0; i < BATCH; i++) {
      const iovec = iovecs + i * SIZEOF_IOVEC;
      arena.writeU64(iovec, arena.address(this.#frames.at(i)));
      arena.writeU64(iovec + 8, CAPACITY);
      const header = this.#headers + i * SIZEOF_MMSGHDR;
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
   * @throws SyscallError when the socket itself fails
   */
  receive(limit: number = BATCH): number {
    const count = this.#libc.call.recvmmsg(
      this.#fd,
      this.#arena.address(this.#headers),
      limit,
      MSG_DONTWAIT,
      0,
    );
    if (count >= 0) return count;
    const errno = this.#libc.errno();
    if (errno === EAGAIN || errno === EINTR) return 0;
    throw new SyscallError("recvmmsg", "UDP", errno);
  }

  /** The kernel overwrites lengths and flags of the headers it used; puts them back. */
  release(count: number): void {
    for (let i = 0; i < count; i++) this.#resetHeader(i);
  }

  #resetHeader(i: number): void {
    const word = (this.#headers + i * SIZEOF_MMSGHDR) >> 2;
    const u32 = this.#arena.u32;
    u32[word + (MSGHDR_NAMELEN_AT >> 2)] = SIZEOF_SOCKADDR_IN;
    u32[word + (MSGHDR_CONTROLLEN_AT >> 2)] = CONTROL_LENGTH;
    u32[word + (MSGHDR_FLAGS_AT >> 2)] = 0;
  }

  /** Offset in {@link bytes} of slot `i`. */
  at(i: number): number {
    return this.#frames.at(i);
  }

  /** Whether offset `at` is the start of a slot: zeros then lie before it, in the slot's headroom. */
  isSlotStart(at: number): boolean {
    return this.#frames.isStart(at);
  }

  /** Of the whole slot. */
  length(i: number): number {
    return this.#arena.u32[(this.#headers + i * SIZEOF_MMSGHDR + MMSGHDR_LEN_AT) >> 2]!;
  }

  /** IPv4 address that slot `i` came from. */
  address(i: number): number {
    return readU32(this.bytes, this.#names + i * NAME_STRIDE + SOCKADDR_IN_ADDR_AT);
  }

  port(i: number): number {
    return readU16(this.bytes, this.#names + i * NAME_STRIDE + SOCKADDR_IN_PORT_AT);
  }

  /**
   * The address of ours that slot `i` was sent to; of a broadcast, one of that interface, since
   * nothing can leave from a broadcast address. 0 if the socket does not report it.
   */
  local(i: number): number {
    const data = this.#findControl(i, SOL_IP, IP_PKTINFO);
    return data < 0 ? 0 : readU32(this.bytes, data + IN_PKTINFO_SPEC_DST_AT);
  }

  /**
   * Length of each datagram in slot `i` but the last, which may be shorter; 0 when the slot is one
   * datagram.
   */
  segmentSize(i: number): number {
    const data = this.#findControl(i, SOL_UDP, UDP_GRO);
    return data < 0 ? 0 : this.#arena.i32[data >> 2]!;
  }

  /** Datagrams the kernel threw away for want of buffer before `i` since this was last asked. */
  overflowsBefore(i: number): number {
    const data = this.#findControl(i, SOL_SOCKET, SO_RXQ_OVFL);
    if (data < 0) return 0;
    const total = this.#arena.u32[data >> 2]!;
    const more = (total - this.#overflows) >>> 0;
    this.#overflows = total;
    return more;
  }

  /** Offset of the data of one control message of datagram `i`, or -1. */
  #findControl(i: number, level: number, type: number): number {
    const { u32, i32 } = this.#arena;
    const header = this.#headers + i * SIZEOF_MMSGHDR;
    const start = this.#controls + i * CONTROL_LENGTH;
    const end = start + u32[(header + MSGHDR_CONTROLLEN_AT) >> 2]!;
    for (let at = start; at + CMSGHDR_DATA_AT <= end;) {
      if (
        i32[(at + CMSGHDR_LEVEL_AT) >> 2] === level && i32[(at + CMSGHDR_TYPE_AT) >> 2] === type
      ) {
        return at + CMSGHDR_DATA_AT;
      }
      const length = u32[(at + CMSGHDR_LEN_AT) >> 2]!;
      if (length < CMSGHDR_DATA_AT) return -1;
      at = CMSG_NEXT(at, length);
    }
    return -1;
  }
}
