import type { TunnelRules, TunnelSink } from "#src/protocol/tunnel.ts";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { POLLIN, POLLOUT } from "#ffi/posix.ts";
import { SERVICE_PATH } from "#src/protocol/client/contract.ts";
import { Drop } from "#src/protocol/drops.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import { makeSum } from "#src/segments/checksum.ts";
import { Downlink } from "../downlink.ts";
import type { FateRecorder } from "../fates/recorder.ts";
import { tunnelWatchedBy } from "../fates/tunnel.ts";
import { type FateOptions, FateWish } from "../fates/wish.ts";
import { Failures } from "../failures.ts";
import type { Kernel } from "../kernel.ts";
import type { Offloads } from "../offloads.ts";
import { PeerAnswers } from "../peers/answers.ts";
import type { PeerQuestions } from "../peers/questions.ts";
import { RawIpv6Sender } from "../raw_ipv6.ts";
import { PacketRecorder } from "../recorder/recorder.ts";
import { RecordedTunnel } from "../recorder/tunnel.ts";
import type { Tape } from "../recorder/tape.ts";
import { Level, type SharedState } from "../threads/shared.ts";
import { Waking } from "../threads/wake.ts";
import { Blocked } from "../udp/blocked.ts";
import { Uplink } from "../uplink.ts";
import { Waiter } from "../waiter.ts";
import { Place, type TunnelParts, type TunnelRole } from "./role.ts";

/** Descriptors that a tunnel works on; all non-blocking. */
export interface TunnelDescriptors {
  readonly tun: number;
  readonly udp: number;
  readonly icmpv6: number;
  readonly wake: number;
}

/** What the loop needs of its thread besides descriptors, whatever its role. */
export interface TunnelLoopOptions {
  readonly interfaceName: string;
  /** Upper 32 bits of the service prefix. */
  readonly prefix: number;
  /** What the kernel gives and takes in larger pieces, as interface and socket were opened. */
  readonly offloads: Offloads;
  /** How long another queue is waited for when the interface goes away under this one. */
  readonly queuePatience: Millis;
  /** Whether the rules are told which address of ours a datagram came to. */
  readonly replyFromLocal: boolean;
  /** Most sockets that the role opens itself. */
  readonly otherSockets: number;
  readonly clock: () => Millis;
  /** By which it is asked about its peers. */
  readonly questions: PeerQuestions;
  /** By which it is asked to tell packets' fates. */
  readonly fates: FateOptions;
  /** What packets are recorded on; undefined: they are not. */
  readonly tape?: Tape | undefined;
}

/** How long to leave the full queue of an interface, ENOBUFS, which no event tells about. */
const QUEUE_PAUSE: Millis = 1;

/** Batches taken at a stop, so that what had arrived before it is still carried. */
const LAST_BATCHES = 64;

/** Between two looks for another queue. */
const QUEUE_LOOK: Millis = 50;

/**
 * The one thread of a tunnel, a relay's or a client's, a loop that reads in the order a packet travels:
 *
 *     wait -> UDP batch -> TUN batch -> timers -> flush -> publish
 *
 * From UDP:  `Uplink`, UDP slot -> rules.fromUdp -> sendIpv6 -> TUN
 * To UDP:    `Downlink`, TUN slot -> rules.fromIpv6 -> sendDatagram -> flush
 *
 * It waits in one place, for all at once. While there is no room for what is to be sent, TUN is left
 * alone: its queue in the kernel fills, and the other direction goes on.
 */
export class TunnelLoop<R extends TunnelRole> implements TunnelSink {
  readonly role: R;
  readonly #shared: SharedState;
  readonly #clock: () => Millis;
  /** The rules, or the rules observed or recorded. */
  #passage: TunnelRules;
  readonly #fates: FateWish;
  readonly #recorder: PacketRecorder | undefined;
  readonly #uplink: Uplink;
  readonly #downlink: Downlink;
  readonly #icmpv6: RawIpv6Sender;
  readonly #failures: Failures;
  readonly #waiter: Waiter;
  readonly #waking: Waking;
  readonly #answers: PeerAnswers;
  readonly #queuePatience: Millis;
  #blocked: Blocked = Blocked.No;
  /** Place of the socket that there is no room in. */
  #blockedPlace: number = Place.Udp;
  /** Of the turn at hand. */
  #now: Millis = 0;
  #isWatched = false;
  /** When an interface's full queue is tried again. */
  #retryAt: Millis = 0;
  #queueVersion: number;
  /** When the queue was found to be gone. */
  #lostAt: Millis | undefined;

  /** @param makeRole makes what is the role's own, once all that it works with is there */
  constructor(
    kernel: Kernel,
    libc: Libc,
    shared: SharedState,
    descriptors: TunnelDescriptors,
    options: TunnelLoopOptions,
    makeRole: (parts: TunnelParts) => R,
  ) {
    const { counters } = shared;
    const { offloads, interfaceName, otherSockets, replyFromLocal, tape } = options;
    const { udp, wake } = descriptors;
    this.#shared = shared;
    this.#clock = options.clock;
    this.#queuePatience = options.queuePatience;
    this.#queueVersion = shared.queueVersion;
    const arena = new Arena(
      libc,
      Uplink.arenaLength + Downlink.arenaLength + kernel.arenaLength +
        RawIpv6Sender.arenaLength + Waiter.arenaLength,
    );
    const sum = makeSum(arena.memory);
    const tun = kernel.tunQueue(libc, arena, descriptors.tun, interfaceName, offloads);
    const recorder = tape && new PacketRecorder(tape, arena.u8, counters, Date.now);
    const common = [udp, tun, sum, offloads] as const;
    this.#fates = new FateWish(options.fates, counters, options.prefix);
    this.#recorder = recorder;
    const uplink = new Uplink(libc, arena, counters, ...common, replyFromLocal, recorder);
    const downlink = new Downlink(libc, arena, counters, ...common, recorder);
    this.#uplink = uplink;
    this.#downlink = downlink;
    this.#icmpv6 = new RawIpv6Sender(libc, arena, descriptors.icmpv6, "payload");
    this.#failures = new Failures(libc.layout, counters, "ipv6");
    const waiter = new Waiter(libc, arena, [udp, descriptors.tun, wake], otherSockets);
    this.#waiter = waiter;
    this.#waking = new Waking(libc, arena, wake);
    this.role = makeRole({ libc, arena, shared, uplink, downlink, waiter });
    this.#passage = this.role.rules;
    this.#watchBy(null);
    this.#answers = new PeerAnswers(options.questions, this.role.rules);
  }

  /** Serves until a stop is requested. @throws Error when a descriptor fails for good */
  run(): void {
    try {
      this.#begin();
      while (!this.#shared.stopping) this.#comeRound();
      this.#finish();
    } finally {
      this.role.close();
    }
  }

  #begin(): void {
    this.#startTurn();
    this.role.begin(this.#now, this);
    this.#downlink.flush();
    this.#recorder?.end();
  }

  #comeRound(): void {
    this.#waiter.wait(this.#uplink.hasMore ? 0 : this.#nextTimer() - this.#clock());
    this.#startTurn();
    // After the wait: what was set during it holds for the packet that ended it.
    this.#adopt();
    this.#resume();
    const tunReady = this.#isAnnounced() || this.#waiter.isReady(Place.Tun);
    this.#turn(this.#uplink.hasMore || this.#waiter.isReady(Place.Udp), tunReady);
    this.#heedBlocked();
    this.#heedLoss();
    this.#heedQuestions();
    this.#publish();
  }

  #startTurn(): void {
    this.#now = this.#clock();
    this.#recorder?.begin(this.#now);
  }

  #nextTimer(): Millis {
    const next = this.role.rules.nextTimer();
    const retry = this.#blocked === Blocked.Interface ? this.#retryAt : Infinity;
    const look = this.#lostAt === undefined ? Infinity : this.#clock() + QUEUE_LOOK;
    return Math.min(next, retry, look, this.#answers.nextAt, this.role.nextAt);
  }

  /** What wakes it to end stays, for the rest of the turn to see. */
  #heedQuestions(): void {
    if (this.#waiter.isReady(Place.Wake) && !this.#shared.stopping) this.#waking.drain();
    if (this.#answers.nextAt !== Infinity) this.role.takeIn();
    this.#answers.answer(this.#clock);
  }

  /** Goes on with what there was no room for, if there may be. */
  #resume(): void {
    if (this.#blocked === Blocked.No) return;
    if (this.#blocked === Blocked.Socket && !this.#waiter.isWritable(this.#blockedPlace)) return;
    const now = this.#now;
    if (this.#blocked === Blocked.Interface && now < this.#retryAt) return;
    this.#retryAt = now + QUEUE_PAUSE;
    this.#downlink.resume();
  }

  /** Waits next for what there is to be done then. */
  #heedBlocked(): void {
    const { blocked, path } = this.#downlink;
    const place = path === SERVICE_PATH ? Place.Udp : Place.Wake + path;
    if (blocked === this.#blocked && place === this.#blockedPlace) return;
    if (place !== this.#blockedPlace) this.#waiter.expect(this.#blockedPlace, POLLIN);
    this.#blocked = blocked;
    this.#blockedPlace = place;
    this.#retryAt = this.#clock() + QUEUE_PAUSE;
    this.#waiter.expect(place, blocked === Blocked.Socket ? POLLIN | POLLOUT : POLLIN);
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
    this.#waiter.expect(Place.Tun, isReadable ? POLLIN : 0);
  }

  /** A batch of each side that has something: neither waits until the other one is drained. */
  #turn(udpReady: boolean, tunReady: boolean): void {
    const now = this.#now;
    if (udpReady) this.#uplink.receive(now, this);
    this.role.receive(now, this);
    if (tunReady) this.#downlink.receive(now, this);
    if (now >= this.role.rules.nextTimer()) this.#passage.tick(now, this);
    this.#downlink.flush();
    this.role.settle(now, this);
    this.#recorder?.end();
  }

  sendDatagram(datagram: UdpDatagram): void {
    this.#recorder?.sent(datagram);
    this.#downlink.send(datagram);
    this.role.sentDatagram(datagram, this.#now);
  }

  sendIpv6(b: Uint8Array, at: number, length: number): void {
    this.#recorder?.passed();
    this.#uplink.send(b, at, length);
    this.role.sentIpv6(b, at, this.#now);
  }

  sendIcmpv6Error(b: Uint8Array, at: number, length: number): void {
    const errno = this.#icmpv6.send(b, at, length);
    const drop = errno === 0 ? Drop.None : this.#failures.count(errno, 1);
    this.#recorder?.sentIpv6(b, at, length, drop);
  }

  /** What the main thread has changed. */
  #adopt(): void {
    const fates = this.#fates.take();
    if (fates !== undefined) this.#watchBy(fates);
    this.role.adopt(this.#isWatched, this.#now, this);
  }

  /** @param fates who observes the rules as well; null: nobody */
  #watchBy(fates: FateRecorder | null): void {
    this.#isWatched = fates !== null;
    const recorder = this.#recorder;
    const watched = tunnelWatchedBy(this.role.rules, fates, recorder);
    const passage = recorder === undefined ? watched : new RecordedTunnel(watched, recorder);
    this.#passage = passage;
    this.#uplink.goBy(passage);
    this.#downlink.goBy(passage);
  }

  #publish(): void {
    const { levels } = this.#shared;
    const { gauges } = this.role.rules;
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
    this.role.publish();
  }

  /** What the kernel had already taken for us is still carried. */
  #finish(): void {
    this.role.finish();
    for (let i = 0; i < LAST_BATCHES; i++) {
      this.#startTurn();
      const now = this.#now;
      const count = this.#uplink.receive(now, this) + this.#downlink.receive(now, this);
      this.#downlink.flush();
      if (count === 0) break;
    }
    this.#downlink.giveUp();
    this.role.finish();
    this.#publish();
  }
}
