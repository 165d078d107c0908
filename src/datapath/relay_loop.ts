import type { TunnelRules, TunnelSink } from "#src/protocol/tunnel.ts";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { POLLIN, POLLOUT } from "#ffi/posix.ts";
import { Drop } from "#src/protocol/drops.ts";
import { Relay } from "#src/protocol/relay/rules.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import type { KeyedHash, Millis } from "#src/protocol/time.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import { makeSum } from "#src/segments/checksum.ts";
import { Downlink } from "./downlink.ts";
import type { FateRecorder } from "./fates/recorder.ts";
import { relayWatchedBy } from "./fates/relay.ts";
import { type FateOptions, FateWish } from "./fates/wish.ts";
import { Failures } from "./failures.ts";
import type { FastPathShare } from "./fast_path.ts";
import type { Kernel } from "./kernel.ts";
import type { Legacy } from "./legacy.ts";
import { LoopLending } from "./loop_lending.ts";
import type { Offloads } from "./offloads.ts";
import { PeerAnswers } from "./peers/answers.ts";
import type { PeerQuestions } from "./peers/questions.ts";
import { RawIpv6Sender } from "./raw_ipv6.ts";
import { PacketRecorder } from "./recorder/recorder.ts";
import { RecordedRelay } from "./recorder/relay.ts";
import type { Tape } from "./recorder/tape.ts";
import type { RulesBlock } from "./threads/rules_block.ts";
import { workerOf } from "./threads/share_out.ts";
import { Level, type SharedState } from "./threads/shared.ts";
import { Waking } from "./threads/wake.ts";
import { Blocked } from "./udp/send.ts";
import { Uplink } from "./uplink.ts";
import { Waiter } from "./waiter.ts";

/** Descriptors a relay works on; all non-blocking. */
export interface RelayDescriptors {
  readonly tun: number;
  readonly udp: number;
  readonly icmpv6: number;
  readonly wake: number;
}

/** What the loop needs of its thread besides descriptors. */
export interface RelayLoopOptions {
  readonly relay: RelayOptions;
  /** Where others come from. */
  readonly rules: RulesBlock<RelayOptions>;
  readonly interfaceName: string;
  /** What the kernel gives and takes in larger pieces, as interface and socket were opened. */
  readonly offloads: Offloads;
  /** How long another queue is waited for when the interface goes away under this one. */
  readonly queuePatience: Millis;
  /** Of the UDP socket; 0: every one, so that replies must name the address they leave from. */
  readonly boundAddress: number;
  /** By which peers are lent to the kernel; undefined: they are not. */
  readonly fastPath?: FastPathShare | undefined;
  readonly hash: KeyedHash;
  readonly seed: number;
  readonly clock: () => Millis;
  /** By which it is asked about its peers. */
  readonly questions: PeerQuestions;
  /** Which worker this is, from 0, and of how many. */
  readonly share: readonly [worker: number, workers: number];
  /** What to take over this worker's peers from; undefined: there is nothing. */
  readonly legacy?: Legacy | undefined;
  /** By which it is asked to tell packets' fates. */
  readonly fates: FateOptions;
  /** What packets are recorded on; undefined: they are not. */
  readonly tape?: Tape | undefined;
}

/** How long to leave the full queue of an interface, ENOBUFS, which no event tells about. */
const QUEUE_PAUSE: Millis = 1;
/** Places in the waiter's list. */
const UDP = 0;
const TUN = 1;
const WAKE = 2;

/** Batches taken at a stop, so that what had arrived before it is still carried. */
const LAST_BATCHES = 64;

/** Between two looks for another queue. */
const QUEUE_LOOK: Millis = 50;
/**
 * The relay's one thread, a loop that reads in the order a packet travels:
 *
 *     wait -> UDP batch -> TUN batch -> timers -> flush -> publish
 *
 * From a client:  `Uplink`, UDP slot -> Relay.fromUdp -> sendIpv6 -> TUN
 * To a client:    `Downlink`, TUN slot -> Relay.fromIpv6 -> sendDatagram -> flush
 *
 * It waits in one place, for all at once. While there is no room for what is to be sent, TUN is left
 * alone: its queue in the kernel fills, and the other direction goes on.
 */
export class RelayLoop implements TunnelSink {
  readonly #shared: SharedState;
  readonly #clock: () => Millis;
  readonly #relay: Relay;
  /** The rules, or the rules observed or recorded. */
  #passage: TunnelRules;
  readonly #fates: FateWish;
  readonly #recorder: PacketRecorder | undefined;
  readonly #uplink: Uplink;
  readonly #downlink: Downlink;
  readonly #lending: LoopLending | undefined;
  readonly #icmpv6: RawIpv6Sender;
  readonly #failures: Failures;
  readonly #waiter: Waiter;
  readonly #waking: Waking;
  readonly #answers: PeerAnswers;
  readonly #queuePatience: Millis;
  /** See `Kernel.bootTime`. */
  readonly #bootTime: (() => Millis) | undefined;
  readonly #rules: RulesBlock<RelayOptions>;
  #broadcastsVersion = 0;
  #blocked: Blocked = Blocked.No;
  /** Of the turn at hand. */
  #now: Millis = 0;
  #isWatched = false;
  /** When an interface's full queue is tried again. */
  #retryAt: Millis = 0;
  #queueVersion: number;
  /** When the queue was found to be gone. */
  #lostAt: Millis | undefined;

  constructor(
    kernel: Kernel,
    libc: Libc,
    shared: SharedState,
    descriptors: RelayDescriptors,
    options: RelayLoopOptions,
  ) {
    const { counters } = shared;
    const { offloads, interfaceName } = options;
    const { udp, wake } = descriptors;
    this.#shared = shared;
    this.#clock = options.clock;
    this.#rules = options.rules;
    this.#queuePatience = options.queuePatience;
    this.#queueVersion = shared.queueVersion;
    const arena = new Arena(
      libc,
      Uplink.arenaLength + Downlink.arenaLength + kernel.arenaLength +
        RawIpv6Sender.arenaLength + Waiter.arenaLength,
    );
    const sum = makeSum(arena.memory);
    const tun = kernel.tunQueue(libc, arena, descriptors.tun, interfaceName, offloads);
    const relay = new Relay(options.relay, counters, options.hash, options.seed);
    const { tape, boundAddress, fastPath } = options;
    const recorder = tape && new PacketRecorder(tape, arena.u8, counters, Date.now);
    const common = [udp, tun, relay, sum, offloads] as const;
    this.#relay = relay;
    this.#passage = relay;
    this.#fates = new FateWish(options.fates, counters, options.relay.prefix);
    this.#recorder = recorder;
    this.#uplink = new Uplink(libc, arena, counters, ...common, boundAddress === 0, recorder);
    this.#downlink = new Downlink(libc, arena, counters, ...common, recorder);
    const lending = fastPath &&
      kernel.lend?.(libc, fastPath, relay.leases, counters, boundAddress, this.#clock);
    this.#lending = lending &&
      new LoopLending(lending, shared, this.#uplink, this.#downlink, this.#clock);
    this.#watchBy(null);
    this.#icmpv6 = new RawIpv6Sender(libc, arena, descriptors.icmpv6, "payload");
    this.#failures = new Failures(libc.layout, counters, "ipv6");
    this.#waiter = new Waiter(libc, arena, [udp, descriptors.tun, wake]);
    this.#waking = new Waking(libc, arena, wake);
    this.#answers = new PeerAnswers(options.questions, relay);
    const { bootTime } = kernel;
    this.#bootTime = bootTime && (() => bootTime(libc));
    if (options.legacy !== undefined) this.#takeOver(options.legacy, options.share);
  }

  #takeOver({ rows, writtenAt }: Legacy, [worker, workers]: RelayLoopOptions["share"]): void {
    if (this.#bootTime === undefined) return;
    const now = this.#clock();
    const written = now - (this.#bootTime() - writtenAt);
    const isOurs = (b: Uint8Array, at: number) => workerOf(b, at, workers) === worker;
    for (const some of rows) this.#relay.takeOver(some, written, now, isOurs);
  }

  /** What is left to a successor, once {@link run} has returned; undefined where time goes unmeasured. */
  legacy(): Legacy<ArrayBuffer> | undefined {
    if (this.#bootTime === undefined) return undefined;
    const rows = this.#relay.legacy(this.#clock());
    return { rows: [rows], writtenAt: this.#bootTime() };
  }

  /** Serves until a stop is requested. @throws Error when a descriptor fails for good */
  run(): void {
    try {
      while (!this.#shared.stopping) this.#comeRound();
      this.#finish();
    } finally {
      this.#lending?.close();
    }
  }

  #comeRound(): void {
    this.#waiter.wait(this.#uplink.hasMore ? 0 : this.#nextTimer() - this.#clock());
    // After the wait: what was set during it holds for the packet that ended it.
    this.#adopt();
    this.#resume();
    const tunReady = this.#isAnnounced() || this.#waiter.isReady(TUN);
    this.#turn(this.#uplink.hasMore || this.#waiter.isReady(UDP), tunReady);
    this.#heedBlocked();
    this.#heedLoss();
    this.#heedQuestions();
    this.#publish();
  }

  #nextTimer(): Millis {
    const next = this.#relay.nextTimer();
    const retry = this.#blocked === Blocked.Interface ? this.#retryAt : Infinity;
    const look = this.#lostAt === undefined ? Infinity : this.#clock() + QUEUE_LOOK;
    const lending = this.#lending?.nextAt ?? Infinity;
    return Math.min(next, retry, look, this.#answers.nextAt, lending);
  }

  /** What wakes it to end stays, for the rest of the turn to see. */
  #heedQuestions(): void {
    if (this.#waiter.isReady(WAKE) && !this.#shared.stopping) this.#waking.drain();
    if (this.#answers.nextAt !== Infinity) this.#lending?.takeIn();
    this.#answers.answer(this.#clock);
  }

  /** Goes on with what there was no room for, if there may be. */
  #resume(): void {
    if (this.#blocked === Blocked.No) return;
    if (this.#blocked === Blocked.Socket && !this.#waiter.isWritable(UDP)) return;
    const now = this.#clock();
    if (this.#blocked === Blocked.Interface && now < this.#retryAt) return;
    this.#retryAt = now + QUEUE_PAUSE;
    this.#downlink.resume();
  }

  /** Waits next for what there is to be done then. */
  #heedBlocked(): void {
    const { blocked } = this.#downlink;
    if (blocked === this.#blocked) return;
    this.#blocked = blocked;
    this.#retryAt = this.#clock() + QUEUE_PAUSE;
    this.#waiter.expect(UDP, blocked === Blocked.Socket ? POLLIN | POLLOUT : POLLIN);
    this.#expectTun();
  }

  /**
   * Whether TUN is to be read though no event says so: its descriptor is that of another queue, or of
   * none any more, which NetBSD's poll() does not tell.
   */
  #isAnnounced(): boolean {
    const version = this.#shared.queueVersion;
    if (version === this.#queueVersion) return false;
    this.#queueVersion = version;
    this.#lostAt = undefined;
    this.#downlink.find();
    this.#expectTun();
    return this.#blocked === Blocked.No;
  }

  /**
   * Goes on without TUN until its descriptor is that of another queue: clients, their state and what
   * is held for them stay.
   *
   * @throws Error when patience ends
   */
  #heedLoss(): void {
    if (!this.#downlink.isLost) return;
    const now = this.#clock();
    if (now - (this.#lostAt ??= now) >= this.#queuePatience) {
      throw new Error(this.#downlink.lossOf());
    }
    this.#expectTun();
  }

  #expectTun(): void {
    const isReadable = this.#blocked === Blocked.No && this.#lostAt === undefined;
    this.#waiter.expect(TUN, isReadable ? POLLIN : 0);
  }

  /** A batch of each side that has something: neither waits until the other one is drained. */
  #turn(udpReady: boolean, tunReady: boolean): void {
    const now = this.#clock();
    this.#now = now;
    this.#recorder?.begin(now);
    if (udpReady) this.#uplink.receive(now, this);
    if (tunReady) this.#downlink.receive(now, this);
    if (now >= this.#relay.nextTimer()) this.#passage.tick(now, this);
    this.#downlink.flush();
    this.#lending?.settle(now, this);
    this.#recorder?.end();
  }

  sendDatagram(datagram: UdpDatagram): void {
    this.#recorder?.sent(datagram);
    this.#downlink.send(datagram);
    this.#lending?.sentDatagram(datagram, this.#now);
  }

  sendIpv6(b: Uint8Array, at: number, length: number): void {
    this.#recorder?.passed();
    this.#uplink.send(b, at, length);
    this.#lending?.sentIpv6(b, at, this.#now);
  }

  sendIcmpv6Error(b: Uint8Array, at: number, length: number): void {
    const errno = this.#icmpv6.send(b, at, length);
    const drop = errno === 0 ? Drop.None : this.#failures.count(errno, 1);
    this.#recorder?.sentIpv6(b, at, length, drop);
  }

  /** What the main thread has changed. */
  #adopt(): void {
    const rules = this.#rules.take();
    if (rules !== undefined) {
      this.#relay.set(rules, this.#clock());
      this.#lending?.end();
    }
    const fates = this.#fates.take();
    if (fates !== undefined) this.#watchBy(fates);
    const { broadcastsVersion } = this.#shared;
    if (broadcastsVersion !== this.#broadcastsVersion) {
      this.#broadcastsVersion = broadcastsVersion;
      this.#relay.setBroadcasts(this.#shared.broadcasts());
      this.#lending?.end();
    }
    this.#lending?.heed(this.#isWatched);
  }

  /** @param fates who observes the rules as well; null: nobody */
  #watchBy(fates: FateRecorder | null): void {
    this.#isWatched = fates !== null;
    const recorder = this.#recorder;
    const watched = relayWatchedBy(this.#relay, fates, recorder);
    const passage = recorder === undefined ? watched : new RecordedRelay(watched, recorder);
    this.#passage = passage;
    this.#uplink.goBy(passage);
    this.#downlink.goBy(passage);
  }

  #publish(): void {
    const { levels } = this.#shared;
    const { gauges } = this.#relay;
    levels[Level.Beat]! += 1;
    levels[Level.Peers] = gauges.peers;
    levels[Level.PeersTrusted] = gauges.trusted;
    levels[Level.PeersResolving] = gauges.resolving;
    levels[Level.PeersFailed] = gauges.failed;
    levels[Level.HeldPackets] = gauges.heldPackets;
    levels[Level.HeldBytes] = gauges.heldBytes;
    levels[Level.TunRefused] = Number(this.#uplink.isTcpRefused);
    levels[Level.TunUdpRefused] = Number(this.#uplink.isUdpRefused);
    levels[Level.UdpSegmentRefused] = Number(this.#downlink.isSegmentRefused);
    this.#lending?.publish();
  }

  /** What the kernel had already taken for us is still carried. */
  #finish(): void {
    this.#lending?.finish();
    for (let i = 0; i < LAST_BATCHES; i++) {
      const now = this.#clock();
      this.#recorder?.begin(now);
      const count = this.#uplink.receive(now, this) + this.#downlink.receive(now, this);
      this.#downlink.flush();
      if (count === 0) break;
    }
    this.#downlink.giveUp();
    this.#lending?.finish();
    this.#publish();
  }
}
