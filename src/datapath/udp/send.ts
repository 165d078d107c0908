import type { Arena } from "#ffi/arena.ts";
import type { Layout } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import { EINTR, EINVAL, EIO, POLLFD_EVENTS_AT, POLLOUT, SIZEOF_POLLFD } from "#ffi/posix.ts";
import { copyBytes } from "#src/protocol/wire/bytes.ts";
import { Counter, type Counters, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import type { SuperPacket } from "#src/segments/super_packet.ts";
import { CAPACITY, Scratch } from "../frames.ts";
import { MessageCalls } from "./calls.ts";
import { UdpMessages } from "./messages.ts";

const SCRATCH_LENGTH = 8 * CAPACITY;
/** How long to wait for room in a full send buffer before a datagram is given up. */
const SEND_WAIT_MS = 10;
/** The same for the full queue of an interface, ENOBUFS. */
const QUEUE_WAIT_MS = 1;
/** Such waits in one flush; past them a datagram that finds no room is given up at once. */
const SEND_WAITS = 3;

/**
 * Queues datagrams and sends them together; those to one peer in one message, which
 * the kernel cuts up (`UDP_SEGMENT`), where it can.
 *
 * A datagram that the kernel refuses (no route, a firewall's verdict, a broadcast address) costs
 * only itself: it is counted and the rest goes on.
 */
export class UdpSender {
  readonly #libc: Libc;
  readonly #layout: Layout;
  readonly #arena: Arena;
  readonly #calls: MessageCalls;
  readonly #counters: Counters;
  readonly #messages: UdpMessages;
  readonly #scratch: Scratch;
  readonly #pollfd: number;
  #joins: boolean;
  /** In this flush. */
  #waits = 0;

  /** Bytes of arena that one sender takes. */
  static readonly arenaLength: number = SCRATCH_LENGTH + UdpMessages.arenaLength + 4096;

  /** @param joins whether the kernel cuts messages up: {@link Offloads.udpSegment} */
  constructor(libc: Libc, arena: Arena, fd: number, counters: Counters, joins = false) {
    this.#libc = libc;
    this.#layout = libc.layout;
    this.#arena = arena;
    this.#calls = new MessageCalls(libc, arena, fd);
    this.#counters = counters;
    this.#joins = joins;
    this.#messages = new UdpMessages(arena, libc.layout);
    this.#scratch = new Scratch(arena, SCRATCH_LENGTH);
    this.#pollfd = arena.take(SIZEOF_POLLFD);
    arena.i32[this.#pollfd >> 2] = fd;
    arena.u16[(this.#pollfd + POLLFD_EVENTS_AT) >> 1] = POLLOUT;
  }

  /** False from the start, or since the kernel refused to cut a message up. */
  get joins(): boolean {
    return this.#joins;
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
    if (b !== this.#arena.u8) {
      at = this.#copy(b, at, length);
      if (at < 0) return;
    }
    const i = this.#place(address, port, local, length, 1);
    this.#messages.addPiece(i, at, length);
    this.#messages.endDatagram(i);
  }

  /**
   * Queues each segment of a super-packet as a datagram: headers of its own, and the payload where
   * it lies, which must stay until {@link flush}.
   */
  queueSegments(packet: SuperPacket, address: number, port: number, local: number): void {
    const { count, headerLength } = packet;
    for (let k = 0; k < count; k++) {
      const payload = packet.payloadLength(k);
      const headers = this.#room(headerLength);
      if (headers < 0) return;
      packet.writeHeader(k, this.#arena.u8, headers);
      const i = this.#place(address, port, local, headerLength + payload, 2);
      this.#messages.addPiece(i, headers, headerLength);
      this.#messages.addPiece(i, packet.payloadAt(k), payload);
      this.#messages.endDatagram(i);
    }
  }

  #place(address: number, port: number, local: number, length: number, pieces: number): number {
    const i = this.#messages.place(address, port, local, length, pieces, this.#joins);
    if (i >= 0) return i;
    this.#send();
    return this.#messages.place(address, port, local, length, pieces, this.#joins);
  }

  /** Offset of the copy, or -1 when it was dropped. */
  #copy(b: Uint8Array, at: number, length: number): number {
    const copy = this.#room(length);
    if (copy >= 0) copyBytes(this.#arena.u8, copy, b, at, length);
    return copy;
  }

  /** Offset of `length` bytes that stay until {@link flush}; -1, and a drop, if there never are. */
  #room(length: number): number {
    let room = this.#scratch.take(length);
    if (room < 0) {
      this.flush();
      room = this.#scratch.take(length);
    }
    if (room < 0) this.#drop(Drop.SendQueueFull, 1); // longer than any packet can be
    return room;
  }

  /** Sends all that is queued. */
  flush(): void {
    this.#send();
    this.#scratch.clear();
  }

  /** What lies in the scratch memory stays: a datagram may be half queued. */
  #send(): void {
    const messages = this.#messages;
    const { count } = messages;
    if (count === 0) return;
    messages.seal();
    this.#waits = 0;
    for (let done = 0; done < count;) {
      const sent = this.#calls.send(messages.header(done), count - done);
      if (sent > 0) {
        for (const end = done + sent; done < end; done++) {
          this.#count(messages.datagrams(done), messages.sentBytes(done));
        }
        continue;
      }
      const errno = this.#libc.errno();
      if (errno === EINTR) continue;
      if (this.#isFull(errno) && this.#waitForRoom(errno)) continue;
      if (messages.datagrams(done) > 1 && this.#mayPassSingly(errno)) this.#sendSingly(done, errno);
      else this.#drop(this.#reasonOf(errno), messages.datagrams(done));
      done++;
    }
    messages.clear();
  }

  /** The datagrams of a message that the kernel did not cut up. */
  #sendSingly(i: number, errno: number): void {
    const messages = this.#messages;
    if (errno === EIO) this.#joins = false; // as would be the answer to every other message
    for (let k = 0; k < messages.datagrams(i); k++) {
      if (this.#sendOne(messages.single(i, k))) this.#count(1, messages.singleBytes);
      else this.#drop(this.#reasonOf(this.#libc.errno()), 1);
    }
  }

  /** @returns false when the kernel refused it; errno then says why */
  #sendOne(header: number): boolean {
    if (this.#calls.send(header, 1) === 1) return true;
    const errno = this.#libc.errno();
    return this.#isFull(errno) && this.#waitForRoom(errno) && this.#calls.send(header, 1) === 1;
  }

  /** The send buffer drains at wire speed: a few short waits a flush keep what was accepted. */
  #waitForRoom(errno: number): boolean {
    if (this.#waits++ >= SEND_WAITS) return false;
    const pollfd = this.#arena.address(this.#pollfd);
    if (errno === this.#layout.EAGAIN) return this.#libc.call.poll(pollfd, 1, SEND_WAIT_MS) > 0;
    // The queue of an interface, which nothing can be asked about: on a BSD the socket is writable.
    this.#libc.call.poll(pollfd, 0, QUEUE_WAIT_MS);
    return true;
  }

  #count(datagrams: number, bytes: number): void {
    this.#counters[Counter.udp_sent_datagrams]! += datagrams;
    this.#counters[Counter.udp_sent_bytes]! += bytes;
  }

  #drop(reason: Drop, datagrams: number): void {
    this.#counters[DROPS_AT + reason]! += datagrams;
  }

  #isFull(errno: number): boolean {
    return errno === this.#layout.EAGAIN || errno === this.#layout.ENOBUFS;
  }

  #reasonOf(errno: number): Drop {
    return this.#isFull(errno) ? Drop.SendQueueFull : Drop.SendFailed;
  }

  /**
   * EIO: the way out has no checksum offload, which cutting up needed before Linux 6.11. EMSGSIZE,
   * EINVAL: a datagram is longer than that way's MTU; alone it goes out in fragments.
   */
  #mayPassSingly(errno: number): boolean {
    return errno === EIO || errno === this.#layout.EMSGSIZE || errno === EINVAL;
  }
}
