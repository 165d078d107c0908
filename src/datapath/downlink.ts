import type { TunnelRules, TunnelSink } from "#src/protocol/tunnel.ts";
import type { Arena } from "#ffi/arena.ts";
import { errnoName } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import { copyBytes } from "#src/protocol/wire/bytes.ts";
import { SERVICE_PATH } from "#src/protocol/client/contract.ts";
import { Counter, type Counters, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import { completeChecksum, type Sum } from "#src/segments/checksum.ts";
import { SuperPacket } from "#src/segments/super_packet.ts";
import { Borne } from "./borne.ts";
import { BATCH, CAPACITY, Frames } from "./frames.ts";
import type { Offloads } from "./offloads.ts";
import type { PacketRecorder } from "./recorder/recorder.ts";
import type { TunQueue } from "./tun_queue.ts";
import { Blocked } from "./udp/blocked.ts";
import { UdpSender } from "./udp/send.ts";

/** Bytes of packets, each segment one, before they are sent: what is at hand stays in the cache. */
const BATCH_BYTES = 256 * 1024;
/** No packet is a super-packet that the rules are just looking at. */
const NOWHERE = -1;

/** Several sockets that datagrams can leave by. */
export interface UdpOutlets {
  /** -1: there is none. */
  fdOf(path: number): number;
}

/**
 * From the IPv6 side to Teredo clients. RFC 4380 §5.4.1
 *
 *     TUN slot -> rules.fromIpv6 -> UDP message -> flush
 *
 * A super-packet to a peer that can be sent to passes the rules once, for all its segments; any other
 * is cut up before. Payloads are not copied: UDP takes them from the slots.
 */
export class Downlink {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #counters: Counters;
  #rules!: TunnelRules;
  readonly #tun: TunQueue;
  readonly #frames: Frames;
  readonly #borne: Borne;
  readonly #sender: UdpSender;
  readonly #sum: Sum;
  readonly #super: SuperPacket;
  /** One segment of a super-packet that may have to be held, as a packet of its own. */
  readonly #segment = new Uint8Array(CAPACITY);
  #superAt = NOWHERE;
  #isInSuper = false;
  /** Where there are several sockets: which a datagram leaves by is what its `local` says. */
  #outlets: UdpOutlets | undefined;
  /** Of the socket in use. */
  #path = SERVICE_PATH;
  /** Packets in the batch before. */
  #lastCount = 0;
  /** errno of a read since the interface is gone; 0: it is there. */
  #lostBy = 0;

  /** Bytes of arena that one downlink takes. */
  static readonly arenaLength: number = Frames.size + UdpSender.arenaLength + 4096;

  /** {@link goBy} says what rules packets are given to. */
  constructor(
    libc: Libc,
    arena: Arena,
    counters: Counters,
    udp: number,
    tun: TunQueue,
    sum: Sum,
    offloads: Offloads,
    recorder?: PacketRecorder,
  ) {
    this.#libc = libc;
    this.#arena = arena;
    this.#counters = counters;
    this.#tun = tun;
    this.#frames = new Frames(arena);
    this.#sender = new UdpSender(libc, arena, udp, counters, offloads.udpSegment, recorder);
    this.#sum = sum;
    this.#super = new SuperPacket(sum);
    this.#borne = new Borne(libc.layout);
  }

  /** Gives the next packets to this one. */
  goBy(rules: TunnelRules): void {
    this.#rules = rules;
  }

  /** From here on a datagram's `local` is the path that it leaves by. */
  leaveBy(outlets: UdpOutlets): void {
    this.#outlets = outlets;
  }

  /** Path of the socket that what is queued leaves by, and that {@link blocked} is about. */
  get path(): number {
    return this.#path;
  }

  /** The socket of this path is about to be closed: what is queued for it is sent, or dropped. */
  forsake(path: number): void {
    if (path !== this.#path) return;
    this.#sender.flush();
    if (this.blocked !== Blocked.No) this.#sender.giveUp();
    this.#choose(SERVICE_PATH);
  }

  #choose(path: number): boolean {
    if (path === this.#path) return true;
    const fd = this.#outlets!.fdOf(path);
    if (fd < 0 || !this.#sender.leaveBy(fd)) return false;
    this.#path = path;
    return true;
  }

  /** Whether the kernel, which was to cut up what is sent, refuses to. */
  get isSegmentRefused(): boolean {
    return this.#sender.isSegmentRefused;
  }

  /** What keeps {@link flush} from sending all; until it does not, nothing is taken from TUN. */
  get blocked(): Blocked {
    return this.#sender.blocked;
  }

  /** Whether the interface went away under the queue, so that nothing can be read. */
  get isLost(): boolean {
    return this.#lostBy !== 0;
  }

  /** Whether the packet that the rules look at is a super-packet, or one of its segments. */
  get isInSuper(): boolean {
    return this.#isInSuper;
  }

  /** Goes on reading TUN: its descriptor is that of a queue again. */
  find(): void {
    this.#lostBy = 0;
  }

  /** Why {@link isLost}, for people. */
  lossOf(): string {
    const why = errnoName(this.#libc.layout, this.#lostBy);
    return `The interface ${this.#tun.name} is gone: read: ${why}`;
  }

  /** One batch of what waits in TUN. @returns how many slots it filled */
  receive(now: Millis, sink: TunnelSink): number {
    let count = 0;
    for (let bytes = 0; count < BATCH && bytes < BATCH_BYTES && this.#sender.hasRoom(); count++) {
      const at = this.#frames.at(count);
      const length = this.#tun.read(at);
      if (length < 0) {
        if (!this.#borne.bears(-length)) this.#lostBy = -length;
        break;
      }
      this.#borne.end();
      if (length === 0) break;
      bytes += this.#tun.segmentSize > 0
        ? this.#takeSuper(at, length, now, sink)
        : this.#takeOne(at, length, now, sink);
      // Where packets come one by one, none waits for the answer that no other one is there.
      if (count === 0 && this.#lastCount <= 1) this.flush();
    }
    this.#lastCount = count;
    return count;
  }

  /** @returns its length */
  #takeOne(at: number, length: number, now: Millis, sink: TunnelSink): number {
    const b = this.#arena.u8;
    const { needsChecksum, checksumStart, checksumOffset } = this.#tun;
    if (needsChecksum) completeChecksum(this.#sum, b, at, length, checksumStart, checksumOffset);
    this.#count(1, length);
    this.#rules.fromIpv6(b, at, length, now, sink);
    return length;
  }

  /** @returns the length of all its segments: small ones cost as much as large ones. */
  #takeSuper(at: number, length: number, now: Millis, sink: TunnelSink): number {
    const b = this.#arena.u8;
    const packet = this.#super;
    const { transport, needsChecksum, checksumStart, segmentSize } = this.#tun;
    const transportAt = needsChecksum ? checksumStart : 0;
    if (!packet.parse(b, at, length, transport, transportAt, segmentSize)) {
      this.#count(1, length);
      this.#counters[DROPS_AT + Drop.BadLength]! += 1;
      return length;
    }
    const bytes = length + (packet.count - 1) * packet.headerLength;
    this.#count(packet.count, bytes);
    this.#isInSuper = true;
    if (this.#rules.isOpen(b, at, length, now)) {
      this.#superAt = at;
      this.#rules.fromIpv6(b, at, length, now, sink, packet.count, bytes);
      this.#superAt = NOWHERE;
    } else {
      this.#takeSegments(now, sink);
    }
    this.#isInSuper = false;
    return bytes;
  }

  /** One by one, for a peer that is not yet trusted, or an error about each. */
  #takeSegments(now: Millis, sink: TunnelSink): void {
    const packet = this.#super;
    const segment = this.#segment;
    const { headerLength } = packet;
    for (let i = 0; i < packet.count; i++) {
      const from = packet.payloadAt(i);
      const payload = packet.payloadLength(i);
      packet.writeHeader(i, segment, 0);
      copyBytes(segment, headerLength, this.#arena.u8, from, payload);
      this.#rules.fromIpv6(segment, 0, headerLength + payload, now, sink);
    }
  }

  #count(packets: number, bytes: number): void {
    this.#counters[Counter.ipv6_received_packets]! += packets;
    this.#counters[Counter.ipv6_received_bytes]! += bytes;
  }

  /** What the rules send; see `TunnelSink.sendDatagram`. */
  send(datagram: UdpDatagram): void {
    const { bytes, at, length, address, port } = datagram;
    let { local } = datagram;
    const isSuper = at === this.#superAt && bytes === this.#arena.u8;
    if (this.#outlets !== undefined) {
      if (!this.#choose(local)) return this.#sender.refuse(isSuper ? this.#super.count : 1);
      local = 0;
    }
    if (isSuper) {
      this.#sender.queueSegments(this.#super, address, port, local);
    } else {
      this.#sender.queue(bytes, at, length, address, port, local);
    }
  }

  /** Sends what is queued, as long as the kernel has room. */
  flush(): void {
    this.#sender.flush();
  }

  /** Goes on, when there may be room again. */
  resume(): void {
    this.#sender.resume();
  }

  /** Drops what is queued. */
  giveUp(): void {
    this.#sender.giveUp();
  }
}
