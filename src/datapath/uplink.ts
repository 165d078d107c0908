import type { TunnelRules, TunnelSink } from "#src/protocol/tunnel.ts";
import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { SERVICE_PATH } from "#src/protocol/client/contract.ts";
import { Counter, type Counters, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { NEXT_HEADER_TCP } from "#src/protocol/wire/ipv6.ts";
import type { Millis } from "#src/protocol/time.ts";
import { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import type { Sum } from "#src/segments/checksum.ts";
import { Joiner, type JoinSink, type Run } from "#src/segments/join.ts";
import { BATCH, CAPACITY } from "./frames.ts";
import { Acceptance } from "./acceptance.ts";
import { Failures } from "./failures.ts";
import type { Offloads } from "./offloads.ts";
import type { PacketRecorder } from "./recorder/recorder.ts";
import type { TunQueue } from "./tun_queue.ts";
import type { UdpInlet } from "./udp/inlet.ts";
import { UdpReceiver } from "./udp/receive.ts";

/** Slots taken in one go when they hold runs of datagrams: what is at hand stays in the cache. */
const RUN_BATCH = 4;
/** Mean bytes in a slot from which on they do. */
const RUN_LENGTH = 4_096;
/**
 * Datagrams, to the end of a slot, after which the other side has its turn: a slot can hold 64, so
 * that a batch of short ones would take 64 times as long as one of single datagrams.
 */
const MOST_DATAGRAMS = 256;

/**
 * From Teredo clients to the IPv6 side. RFC 4380 §5.4.2
 *
 *     UDP slot -> its datagrams -> rules.fromUdp -> run of equal segments -> TUN
 *
 * Packets are not copied: TUN takes them from the slots, which hold until {@link receive} is called
 * again. No packet waits for another batch.
 */
export class Uplink implements JoinSink {
  readonly #counters: Counters;
  readonly #failures: Failures;
  /** EAGAIN. */
  readonly #noRoom: number;
  #rules!: TunnelRules;
  readonly #receiver: UdpReceiver;
  readonly #tun: TunQueue;
  readonly #joiner: Joiner | undefined;
  readonly #hasUdp: boolean;
  /** Of runs of either kind, each by itself. */
  readonly #tcp = new Acceptance();
  readonly #udp = new Acceptance();
  readonly #replyFromLocal: boolean;
  readonly #recorder: PacketRecorder | undefined;
  readonly #arrival = new UdpDatagram();
  #limit = BATCH;
  /** Slots filled, and the first of them that has not been seen to. */
  #filled = 0;
  #next = 0;
  /** Of the socket that they came by. */
  #path = SERVICE_PATH;
  /** Whether the batch at hand is one datagram, to which nothing can be joined. */
  #isAlone = false;
  #isInRun = false;

  /** Bytes of arena that one uplink takes. */
  static readonly arenaLength: number = UdpReceiver.arenaLength;

  /**
   * {@link goBy} says what rules packets are given to.
   *
   * @param replyFromLocal whether the rules are told which address of ours a datagram came to
   */
  constructor(
    libc: Libc,
    arena: Arena,
    counters: Counters,
    udp: number,
    tun: TunQueue,
    sum: Sum,
    offloads: Offloads,
    replyFromLocal: boolean,
    recorder?: PacketRecorder,
  ) {
    this.#counters = counters;
    this.#failures = new Failures(libc.layout, counters, "tun");
    this.#noRoom = libc.layout.EAGAIN;
    this.#receiver = new UdpReceiver(libc, arena, udp);
    this.#tun = tun;
    this.#joiner = offloads.tun && tun.writeRun !== undefined
      ? new Joiner(sum, { udp: offloads.tunUdp })
      : undefined;
    this.#hasUdp = offloads.tunUdp;
    this.#replyFromLocal = replyFromLocal;
    this.#recorder = recorder;
  }

  /** Gives the next packets to this one. */
  goBy(rules: TunnelRules): void {
    this.#rules = rules;
  }

  /** Whether the kernel, which was to take runs of TCP, refuses to. */
  get isTcpRefused(): boolean {
    return this.#tcp.isGivenUp;
  }

  get isUdpRefused(): boolean {
    return this.#udp.isGivenUp;
  }

  /** Whether the datagram that the rules look at came in one slot with others. */
  get isInRun(): boolean {
    return this.#isInRun;
  }

  /** Whether slots are left of what was taken from the kernel: {@link receive} goes on with them. */
  get hasMore(): boolean {
    return this.#next < this.#filled;
  }

  /**
   * A part of what has arrived, so that the other side has its turn.
   *
   * @param inlet the socket to take from, unless it {@link hasMore}
   * @returns slots seen to
   */
  receive(now: Millis, sink: TunnelSink, inlet: UdpInlet = this.#receiver.own): number {
    if (!this.hasMore) this.#fill(inlet);
    if (this.hasMore) {
      const udp = this.#udp.isWorthwhile() && this.#hasUdp;
      this.#joiner?.setOptions(this.#tcp.isWorthwhile(), udp);
    }
    const from = this.#next;
    for (let datagrams = 0; this.hasMore && datagrams < MOST_DATAGRAMS; this.#next++) {
      datagrams += this.#takeSlot(this.#next, now, sink);
    }
    this.#joiner?.flush(this);
    return this.#next - from;
  }

  #fill(inlet: UdpInlet): void {
    const udp = this.#receiver;
    udp.release(this.#filled);
    this.#path = inlet.path;
    const count = udp.receive(this.#limit, inlet);
    this.#next = 0;
    this.#filled = count;
    if (count === 0) return;
    let bytes = 0;
    for (let i = 0; i < count; i++) bytes += udp.length(i);
    this.#isAlone = count === 1 && udp.segmentSize(0) === 0;
    this.#limit = bytes >= count * RUN_LENGTH ? RUN_BATCH : BATCH;
    this.#counters[Counter.udp_received_bytes]! += bytes;
    this.#counters[DROPS_AT + Drop.SocketOverflow]! += udp.overflowsBefore(count - 1);
  }

  /**
   * Each datagram of a run is looked at by itself: only the mapping they came from is common.
   *
   * @returns how many there were
   */
  #takeSlot(i: number, now: Millis, sink: TunnelSink): number {
    const udp = this.#receiver;
    const { bytes } = udp;
    const arrival = this.#arrival;
    const local = this.#replyFromLocal ? udp.local(i) : this.#path;
    arrival.setEnds(udp.address(i), udp.port(i), local);
    const end = udp.at(i) + udp.length(i);
    const step = udp.segmentSize(i) || CAPACITY;
    this.#isInRun = udp.length(i) > step;
    let datagrams = 0;
    for (let at = udp.at(i); at < end || datagrams === 0; at += step) {
      arrival.setPayload(bytes, at, Math.min(step, end - at));
      this.#rules.fromUdp(arrival, now, sink);
      datagrams++;
    }
    this.#counters[Counter.udp_received_datagrams]! += datagrams;
    return datagrams;
  }

  /** A packet that the rules let pass, where it lies in its slot; see `TunnelSink.sendIpv6`. */
  send(b: Uint8Array, at: number, length: number): void {
    if (this.#joiner === undefined || this.#isAlone) void this.#writeOne(at, length);
    else this.#joiner.offer(b, at, length, this);
  }

  sendRun(run: Run): void {
    const { count, length } = run;
    if (count === 1) return void this.#writeOne(run.headerAt, length);
    if (this.#tun.writeRun!(run) !== length) return this.#writeEach(run);
    this.#acceptance(run).accepted();
    // As many packets as on the wire: each but the first brings headers of its own.
    this.#count(count, length + (count - 1) * run.headerLength);
  }

  /** A run that the kernel refused, as the packets that went in. */
  #writeEach(run: Run): void {
    run.split();
    const errno = this.#writeOne(run.packetAt(0), run.packetLength(0));
    // It is not the run that is refused: no packet would be taken, and asking for each takes long.
    if (errno !== 0) return this.#refuseRest(run, errno);
    this.#acceptance(run).refused();
    for (let i = 1; i < run.count; i++) this.#writeOne(run.packetAt(i), run.packetLength(i));
  }

  #refuseRest(run: Run, errno: number): void {
    const drop = this.#failures.count(errno, run.count - 1);
    for (let i = 1; i < run.count; i++) this.#record(run.packetAt(i), run.packetLength(i), drop);
  }

  #record(at: number, length: number, drop: Drop): void {
    this.#recorder?.sentIpv6(this.#receiver.bytes, at, length, drop);
  }

  #acceptance(run: Run): Acceptance {
    return run.transport === NEXT_HEADER_TCP ? this.#tcp : this.#udp;
  }

  /** @returns 0, or the errno of a kernel that did not take it */
  #writeOne(at: number, length: number): number {
    const taken = this.#tun.write(at, length);
    if (taken === length) {
      this.#count(1, length);
      return 0;
    }
    const errno = taken < 0 ? -taken : this.#noRoom;
    this.#record(at, length, this.#failures.count(errno, 1));
    return errno;
  }

  #count(packets: number, bytes: number): void {
    this.#counters[Counter.ipv6_sent_packets]! += packets;
    this.#counters[Counter.ipv6_sent_bytes]! += bytes;
  }
}
