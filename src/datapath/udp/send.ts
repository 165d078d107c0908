import type { Arena } from "#ffi/arena.ts";
import type { Layout } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import { EINTR, EINVAL } from "#ffi/posix.ts";
import { copyBytes } from "#src/protocol/wire/bytes.ts";
import { Counter, type Counters, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import type { SuperPacket } from "#src/segments/super_packet.ts";
import { Acceptance } from "../acceptance.ts";
import { Failures } from "../failures.ts";
import { CAPACITY, Scratch } from "../frames.ts";
import type { PacketRecorder } from "../recorder/recorder.ts";
import { Blocked } from "./blocked.ts";
import { MessageCalls } from "./calls.ts";
import { LostSources } from "./lost_sources.ts";
import { UdpMessages } from "./messages.ts";

const SCRATCH_LENGTH = 8 * CAPACITY;
/** Of ENOBUFS, the full queue of an interface: so many in a row are waited out. */
const MOST_REFUSALS = 3;
/** No message is sent datagram by datagram. */
const WHOLE = -1;

/**
 * Queues datagrams and sends them together; those to one peer in one message, which
 * the kernel cuts up (`UDP_SEGMENT`), where it can.
 *
 * Never waits: what the kernel has no room for stays queued, and the sender is {@link blocked} until
 * it is told to {@link resume}. What comes then and finds no room beside it is dropped.
 *
 * A datagram that the kernel refuses (no route, a firewall's verdict, a broadcast address) costs
 * only itself: it is counted and the rest goes on.
 */
export class UdpSender {
  readonly #libc: Libc;
  readonly #layout: Layout;
  readonly #arena: Arena;
  readonly #calls: MessageCalls;
  /** The socket that what is queued leaves by. */
  #fd: number;
  readonly #counters: Counters;
  readonly #failures: Failures;
  readonly #messages: UdpMessages;
  readonly #scratch: Scratch;
  readonly #hasSegment: boolean;
  readonly #recorder: PacketRecorder | undefined;
  readonly #acceptance = new Acceptance();
  readonly #lost = new LostSources();
  /** The address that the next message was to leave from, while another one is tried. */
  #tried = 0;
  /** Whether the kernel is to cut messages up. */
  #joins: boolean;
  #blocked: Blocked = Blocked.No;
  /** ENOBUFS in a row. */
  #refusals = 0;
  /** Messages that have been sent or dropped. */
  #done = 0;
  /** Datagrams of the next message that have been, where they go one by one. */
  #single = WHOLE;
  /** What the kernel said of the whole message then. */
  #refusal = 0;
  /** The super-packet that is being queued, to where, and its segments that have been. */
  #packet: SuperPacket | undefined;
  #segment = 0;
  #address = 0;
  #port = 0;
  #local = 0;

  /** Bytes of arena that one sender takes. */
  static readonly arenaLength: number = SCRATCH_LENGTH + UdpMessages.arenaLength + 4096;

  /** @param joins whether the kernel cuts messages up: {@link Offloads.udpSegment} */
  constructor(
    libc: Libc,
    arena: Arena,
    fd: number,
    counters: Counters,
    joins = false,
    recorder?: PacketRecorder,
  ) {
    this.#libc = libc;
    this.#layout = libc.layout;
    this.#arena = arena;
    this.#calls = new MessageCalls(libc, arena);
    this.#fd = fd;
    this.#counters = counters;
    this.#failures = new Failures(libc.layout, counters, "udp");
    this.#hasSegment = joins;
    this.#recorder = recorder;
    this.#joins = joins;
    this.#messages = new UdpMessages(arena, libc.layout);
    this.#scratch = new Scratch(arena, SCRATCH_LENGTH);
  }

  /** Whether the kernel, which was to cut messages up, refuses to. */
  get isSegmentRefused(): boolean {
    return this.#acceptance.isGivenUp;
  }

  /** What keeps {@link flush} from sending all; else the bytes queued are the caller's again. */
  get blocked(): Blocked {
    return this.#blocked;
  }

  /** Has what is queued next leave by this socket. @returns false: there is no room in the one before */
  leaveBy(fd: number): boolean {
    if (fd === this.#fd) return true;
    this.flush();
    if (this.#blocked !== Blocked.No) return false;
    this.#fd = fd;
    return true;
  }

  /** Whether one more datagram finds room: to have it, sends what is queued. */
  hasRoom(): boolean {
    if (this.#messages.isFull) this.#send();
    return this.#blocked === Blocked.No;
  }

  /**
   * Queues one datagram, flushing first when there is no room.
   *
   * Bytes that lie in the arena must stay until they are sent; others are copied.
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
    if (b !== this.#arena.u8) at = this.#copy(b, at, length);
    const i = at < 0 ? -1 : this.#place(address, port, local, length, 1);
    if (i < 0) return this.refuse(1);
    this.#messages.addPiece(i, at, length);
    this.#messages.endDatagram(i);
  }

  /**
   * Queues each segment of a super-packet as a datagram: headers of its own, and the payload where
   * it lies. The super-packet must stay as it is until all are sent.
   */
  queueSegments(packet: SuperPacket, address: number, port: number, local: number): void {
    this.#packet = packet;
    this.#segment = 0;
    this.#address = address;
    this.#port = port;
    this.#local = local;
    this.#queueRest();
  }

  /** Queues what is not yet of the super-packet at hand, until there is no room. */
  #queueRest(): void {
    const packet = this.#packet!;
    for (; this.#segment < packet.count; this.#segment++) {
      if (!this.#queueSegment(packet, this.#segment)) return;
    }
    this.#packet = undefined;
  }

  /** @returns false when there is no room */
  #queueSegment(packet: SuperPacket, k: number): boolean {
    const { headerLength } = packet;
    const payload = packet.payloadLength(k);
    const headers = this.#room(headerLength);
    if (headers < 0) return false;
    const length = headerLength + payload;
    const i = this.#place(this.#address, this.#port, this.#local, length, 2);
    if (i < 0) return false;
    packet.writeHeader(k, this.#arena.u8, headers);
    this.#messages.addPiece(i, headers, headerLength);
    this.#messages.addPiece(i, packet.payloadAt(k), payload);
    this.#messages.endDatagram(i);
    return true;
  }

  /** @returns -1 when there is no room */
  #place(address: number, port: number, local: number, length: number, pieces: number): number {
    if (this.#lost.has(local)) {
      local = 0;
      this.#counters[Counter.udp_sent_from_other]! += 1;
    }
    const i = this.#messages.place(address, port, local, length, pieces, this.#joins);
    if (i >= 0) return i;
    this.#send();
    return this.#messages.place(address, port, local, length, pieces, this.#joins);
  }

  /** Offset of the copy, or -1 when there is no room. */
  #copy(b: Uint8Array, at: number, length: number): number {
    const copy = this.#room(length);
    if (copy >= 0) copyBytes(this.#arena.u8, copy, b, at, length);
    return copy;
  }

  /** Offset of `length` bytes that stay until they are sent, or -1 when there is no room. */
  #room(length: number): number {
    const room = this.#scratch.take(length);
    if (room >= 0) return room;
    this.#send();
    if (this.#blocked !== Blocked.No) return -1;
    this.#scratch.clear();
    return this.#scratch.take(length);
  }

  /** Sends all that is queued, as long as the kernel has room. */
  flush(): void {
    for (;;) {
      this.#send();
      if (this.#blocked !== Blocked.No) return;
      this.#scratch.clear();
      if (this.#packet === undefined) return;
      this.#queueRest();
    }
  }

  /** Goes on, when there may be room again. */
  resume(): void {
    this.#blocked = Blocked.No;
    this.flush();
  }

  /** Drops all that is queued. */
  giveUp(): void {
    const messages = this.#messages;
    let datagrams = 0;
    let first = Math.max(this.#single, 0);
    for (let i = this.#done; i < messages.count; i++) {
      const left = messages.datagrams(i) - first;
      this.#recorder?.refused(messages, i, first, left, Drop.SendQueueFull);
      datagrams += left;
      first = 0;
    }
    if (this.#packet !== undefined) datagrams += this.#packet.count - this.#segment;
    this.refuse(datagrams);
    this.#packet = undefined;
    this.#single = WHOLE;
    this.#tried = 0;
    this.#blocked = Blocked.No;
    this.#clear();
    this.#scratch.clear();
  }

  /** What lies in the scratch memory stays: a datagram may be half queued. */
  #send(): void {
    const messages = this.#messages;
    if (this.#blocked !== Blocked.No || messages.count === 0) return;
    messages.seal(this.#done);
    while (this.#done < messages.count) {
      const goesOn = this.#single === WHOLE ? this.#sendMany() : this.#sendSingles();
      if (!goesOn) return messages.close();
    }
    this.#clear();
  }

  #clear(): void {
    this.#messages.clear();
    this.#done = 0;
    this.#lost.tick();
    this.#joins = this.#hasSegment && this.#acceptance.isWorthwhile();
  }

  /** @returns false when there is no room */
  #sendMany(): boolean {
    const messages = this.#messages;
    const at = this.#done;
    const sent = this.#calls.send(this.#fd, messages.header(at), messages.count - at);
    if (sent <= 0) return this.#heed(this.#libc.errno());
    if (this.#tried !== 0) this.#lose(messages.datagrams(at));
    for (let i = at; i < at + sent; i++) {
      const datagrams = messages.datagrams(i);
      if (datagrams > 1) this.#acceptance.accepted();
      this.#count(datagrams, messages.sentBytes(i));
    }
    this.#done += sent;
    return true;
  }

  /** What becomes of a message that the kernel did not take. @returns false when there is no room */
  #heed(errno: number): boolean {
    if (errno === EINTR) return true;
    if (this.#block(errno)) return false;
    const datagrams = this.#messages.datagrams(this.#done);
    if (datagrams > 1 && errno !== this.#layout.ENOBUFS) {
      this.#refusal = errno;
      this.#single = 0;
      return true;
    }
    if (this.#leavesFromOther(errno)) return true;
    this.#tried = 0;
    this.#fail(errno, 0, datagrams);
    this.#done++;
    return true;
  }

  /**
   * Whether the next message is to be tried from another address of ours, for the one that its client
   * knows may be gone.
   */
  #leavesFromOther(errno: number): boolean {
    const local = this.#messages.local(this.#done);
    if (local === 0 || !this.#isNoSource(errno)) return false;
    this.#tried = local;
    this.#messages.forgetLocal(this.#done);
    return true;
  }

  /** Not what a rule answers with, which may be about that very source: EPERM, EACCES, EHOSTUNREACH. */
  #isNoSource(errno: number): boolean {
    const { ENETUNREACH, EADDRNOTAVAIL } = this.#layout;
    return errno === ENETUNREACH || errno === EINVAL || errno === EADDRNOTAVAIL;
  }

  /** It was: what is sent from there next need not be tried. */
  #lose(datagrams: number): void {
    this.#lost.add(this.#tried);
    this.#tried = 0;
    this.#counters[Counter.udp_sent_from_other]! += datagrams;
  }

  /** What is left of a message that the kernel did not take, datagram by datagram. @returns as {@link #heed} */
  #sendSingles(): boolean {
    const messages = this.#messages;
    const first = this.#single;
    const sent = this.#calls.send(this.#fd, messages.single(0), messages.split(this.#done, first));
    if (sent > 0) {
      if (this.#tried !== 0) this.#lose(messages.datagrams(this.#done));
      if (first === 0 && !this.#isTooLong(this.#refusal)) this.#acceptance.refused();
      for (let k = 0; k < sent; k++) this.#count(1, messages.singleBytes(k));
      this.#endSingles(first + sent);
      return true;
    }
    const errno = this.#libc.errno();
    if (errno === EINTR) return true;
    if (this.#block(errno)) return false;
    // What is refused in the same words alone is not refused for being many: nor are the others tried.
    const all = first === 0 && errno === this.#refusal;
    if (all && this.#leavesFromOther(errno)) {
      this.#single = WHOLE;
      return true;
    }
    this.#tried = 0;
    const datagrams = all ? messages.datagrams(this.#done) : 1;
    this.#fail(errno, first, datagrams);
    this.#endSingles(first + datagrams);
    return true;
  }

  /** So many datagrams of the next message are not sent, from number `first` on. */
  #fail(errno: number, first: number, datagrams: number): void {
    const drop = this.#failures.count(errno, datagrams);
    this.#recorder?.refused(this.#messages, this.#done, first, datagrams, drop);
  }

  /**
   * Whether a message may have been refused because its datagrams are longer than the MTU of the way to
   * this peer, which says nothing of others. Alone they go out in fragments.
   */
  #isTooLong(errno: number): boolean {
    return errno === this.#layout.EMSGSIZE || errno === EINVAL;
  }

  /** @param next number of the datagram that is to be sent next */
  #endSingles(next: number): void {
    this.#single = next;
    if (next < this.#messages.datagrams(this.#done)) return;
    this.#single = WHOLE;
    this.#done++;
  }

  /** Whether what the kernel has no room for now is to stay queued. */
  #block(errno: number): boolean {
    if (errno === this.#layout.EAGAIN) {
      this.#blocked = Blocked.Socket;
      return true;
    }
    if (errno !== this.#layout.ENOBUFS || this.#refusals === MOST_REFUSALS) return false;
    this.#refusals++;
    this.#blocked = Blocked.Interface;
    return true;
  }

  #count(datagrams: number, bytes: number): void {
    this.#refusals = 0;
    this.#counters[Counter.udp_sent_datagrams]! += datagrams;
    this.#counters[Counter.udp_sent_bytes]! += bytes;
  }

  /** Drops so many datagrams, for which there is no room. */
  refuse(datagrams: number): void {
    this.#counters[DROPS_AT + Drop.SendQueueFull]! += datagrams;
  }
}
