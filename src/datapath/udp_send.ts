import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  AF_INET,
  CMSG_LEN,
  CMSG_SPACE,
  CMSGHDR_DATA_AT,
  CMSGHDR_LEN_AT,
  CMSGHDR_LEVEL_AT,
  CMSGHDR_TYPE_AT,
  EAGAIN,
  EINTR,
  ENOBUFS,
  IN_PKTINFO_SPEC_DST_AT,
  IP_PKTINFO,
  MMSGHDR_LEN_AT,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSGHDR_CONTROL_AT,
  MSGHDR_CONTROLLEN_AT,
  MSGHDR_IOV_AT,
  MSGHDR_IOVLEN_AT,
  MSGHDR_NAME_AT,
  MSGHDR_NAMELEN_AT,
  POLLFD_EVENTS_AT,
  POLLOUT,
  SIZEOF_IN_PKTINFO,
  SIZEOF_IOVEC,
  SIZEOF_MMSGHDR,
  SIZEOF_POLLFD,
  SIZEOF_SOCKADDR_IN,
  SOCKADDR_IN_ADDR_AT,
  SOCKADDR_IN_PORT_AT,
  SOL_IP,
} from "#ffi/linux.ts";
import { writeU16, writeU32 } from "#src/protocol/bytes.ts";
import { Counter, type Counters, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { BATCH, CAPACITY, Scratch } from "./frames.ts";

const CONTROL_LENGTH = CMSG_SPACE(SIZEOF_IN_PKTINFO);
const SCRATCH_LENGTH = 8 * CAPACITY;
/** How long to wait for room in a full send buffer before a datagram is given up. */
const SEND_WAIT_MS = 10;
/** Such waits in one flush; past them a datagram that finds no room is given up at once. */
const SEND_WAITS = 3;

/**
 * Queues datagrams and sends them together, by `sendmmsg`.
 *
 * A datagram that the kernel refuses (no route, a firewall's verdict, a broadcast address) costs
 * only itself: it is counted and the rest goes on.
 */
export class UdpSender {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #fd: number;
  readonly #counters: Counters;
  readonly #headers: number;
  readonly #names: number;
  readonly #controls: number;
  readonly #iovecs: number;
  readonly #scratch: Scratch;
  readonly #pollfd: number;
  #queued = 0;

  /** Bytes of arena that one sender takes. */
  static readonly arenaLength: number = SCRATCH_LENGTH +
    BATCH * (SIZEOF_MMSGHDR + SIZEOF_SOCKADDR_IN + CONTROL_LENGTH + SIZEOF_IOVEC) + 4096;

  constructor(libc: Libc, arena: Arena, fd: number, counters: Counters) {
    this.#libc = libc;
    this.#arena = arena;
    this.#fd = fd;
    this.#counters = counters;
    this.#headers = arena.take(BATCH * SIZEOF_MMSGHDR);
    this.#names = arena.take(BATCH * SIZEOF_SOCKADDR_IN);
    this.#controls = arena.take(BATCH * CONTROL_LENGTH);
    this.#iovecs = arena.take(BATCH * SIZEOF_IOVEC);
    this.#scratch = new Scratch(arena, SCRATCH_LENGTH);
    this.#pollfd = arena.take(SIZEOF_POLLFD);
    arena.i32[this.#pollfd >> 2] = fd;
    arena.u16[(this.#pollfd + POLLFD_EVENTS_AT) >> 1] = POLLOUT;
    for (let i = 0; i < BATCH; i++) this.#prepare(i);
  }

  /** Everything of header `i` that no datagram changes. */
  #prepare(i: number): void {
    const arena = this.#arena;
    const name = this.#names + i * SIZEOF_SOCKADDR_IN;
    arena.u16[name >> 1] = AF_INET;
    const control = this.#controls + i * CONTROL_LENGTH;
    arena.writeU64(control + CMSGHDR_LEN_AT, CMSG_LEN(SIZEOF_IN_PKTINFO));
    arena.i32[(control + CMSGHDR_LEVEL_AT) >> 2] = SOL_IP;
    arena.i32[(control + CMSGHDR_TYPE_AT) >> 2] = IP_PKTINFO;
    const header = this.#headers + i * SIZEOF_MMSGHDR;
    arena.writeU64(header + MSGHDR_NAME_AT, arena.address(name));
    arena.u32[(header + MSGHDR_NAMELEN_AT) >> 2] = SIZEOF_SOCKADDR_IN;
    arena.writeU64(header + MSGHDR_IOV_AT, arena.address(this.#iovecs + i * SIZEOF_IOVEC));
    arena.writeU64(header + MSGHDR_IOVLEN_AT, 1);
    arena.writeU64(header + MSGHDR_CONTROL_AT, arena.address(control));
  }

  /**
   * Queues one datagram, flushing first when there is no room.
   *
   * Bytes that lie in the arena must stay until {@link flush}; others are copied.
   *
   * @param local our address to send from; 0 leaves it to the kernel
   */
  queue(
    b: Uint8Array,
    at: number,
    length: number,
    address: number,
    port: number,
    local: number,
  ): void {
    if (this.#queued === BATCH) this.flush();
    const arena = this.#arena;
    if (b !== arena.u8) {
      at = this.#copy(b, at, length);
      if (at < 0) return;
    }
    const i = this.#queued++;
    const iovec = this.#iovecs + i * SIZEOF_IOVEC;
    arena.writeU64(iovec, arena.address(at));
    arena.u32[(iovec + 8) >> 2] = length;
    const name = this.#names + i * SIZEOF_SOCKADDR_IN;
    writeU16(arena.u8, name + SOCKADDR_IN_PORT_AT, port);
    writeU32(arena.u8, name + SOCKADDR_IN_ADDR_AT, address);
    const header = this.#headers + i * SIZEOF_MMSGHDR;
    arena.u32[(header + MSGHDR_CONTROLLEN_AT) >> 2] = local === 0 ? 0 : CONTROL_LENGTH;
    if (local === 0) return;
    const control = this.#controls + i * CONTROL_LENGTH;
    writeU32(arena.u8, control + CMSGHDR_DATA_AT + IN_PKTINFO_SPEC_DST_AT, local);
  }

  #copy(b: Uint8Array, at: number, length: number): number {
    let copy = this.#scratch.copy(b, at, length);
    if (copy < 0) {
      this.flush();
      copy = this.#scratch.copy(b, at, length);
    }
    if (copy < 0) this.#drop(Drop.SendQueueFull); // longer than any packet can be
    return copy;
  }

  /** Sends all that is queued. */
  flush(): void {
    let done = 0;
    let waits = 0;
    while (done < this.#queued) {
      const sent = this.#libc.call.sendmmsg(
        this.#fd,
        this.#arena.address(this.#headers + done * SIZEOF_MMSGHDR),
        this.#queued - done,
        MSG_DONTWAIT | MSG_NOSIGNAL,
      );
      if (sent < 0) {
        const errno = this.#libc.errno();
        if (errno === EINTR) continue;
        const full = errno === EAGAIN || errno === ENOBUFS;
        if (full && waits++ < SEND_WAITS && this.#waitForRoom()) continue;
        this.#drop(full ? Drop.SendQueueFull : Drop.SendFailed);
        done++;
        continue;
      }
      this.#count(done, sent);
      done += sent;
    }
    this.#queued = 0;
    this.#scratch.clear();
  }

  /** The send buffer drains at wire speed: a short wait keeps what was accepted. */
  #waitForRoom(): boolean {
    return this.#libc.call.poll(this.#arena.address(this.#pollfd), 1, SEND_WAIT_MS) > 0;
  }

  #count(from: number, sent: number): void {
    let bytes = 0;
    for (let i = from; i < from + sent; i++) {
      bytes += this.#arena.u32[(this.#headers + i * SIZEOF_MMSGHDR + MMSGHDR_LEN_AT) >> 2]!;
    }
    this.#counters[Counter.udp_sent_datagrams]! += sent;
    this.#counters[Counter.udp_sent_bytes]! += bytes;
  }

  #drop(reason: Drop): void {
    this.#counters[DROPS_AT + reason]! += 1;
  }
}
