import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { errnoName } from "#ffi/linux.ts";
import { Counter, type Counters, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { Relay } from "#src/protocol/relay.ts";
import type { RelayOptions, RelaySink } from "#src/protocol/relay_contract.ts";
import type { KeyedHash, Millis } from "#src/protocol/time.ts";
import { BATCH, CAPACITY, Frames } from "./frames.ts";
import type { Offloads } from "./offloads.ts";
import { RawIpv6Sender } from "./raw_ipv6.ts";
import { Level, type SharedState } from "./shared.ts";
import { TunQueue } from "./tun_queue.ts";
import { UdpReceiver } from "./udp_receive.ts";
import { UdpSender } from "./udp_send.ts";
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
  readonly interfaceName: string;
  /** What the kernel gives and takes in larger pieces, as interface and socket were opened. */
  readonly offloads: Offloads;
  /** Whether replies must name the address they leave from: the socket is bound to every one. */
  readonly replyFromLocal: boolean;
  readonly hash: KeyedHash;
  readonly seed: number;
  readonly clock: () => Millis;
}

/** Batches taken at a stop, so that what had arrived before it is still carried. */
const LAST_BATCHES = 64;

/**
 * The relay's one thread, a loop that reads in the order a packet travels:
 *
 *     wait -> UDP batch -> TUN batch -> timers -> flush -> publish
 *
 * From a client:  UDP slot -> Relay.fromClient -> sendIpv6 writes the slot to TUN
 * To a client:    TUN slot -> Relay.fromIpv6 -> sendDatagram queues the slot -> flush
 */
export class RelayLoop implements RelaySink {
  readonly #shared: SharedState;
  readonly #counters: Counters;
  readonly #options: RelayLoopOptions;
  readonly #relay: Relay;
  readonly #tun: TunQueue;
  readonly #frames: Frames;
  readonly #receiver: UdpReceiver;
  readonly #sender: UdpSender;
  readonly #icmpv6: RawIpv6Sender;
  readonly #waiter: Waiter;
  readonly #tunScratch: number;
  readonly #arena: Arena;
  #servedVersion = 0;

  constructor(
    libc: Libc,
    shared: SharedState,
    descriptors: RelayDescriptors,
    options: RelayLoopOptions,
  ) {
    this.#shared = shared;
    this.#counters = shared.counters;
    this.#options = options;
    const arena = new Arena(
      libc,
      Frames.size + CAPACITY + UdpReceiver.arenaLength + UdpSender.arenaLength +
        RawIpv6Sender.arenaLength + Waiter.arenaLength + 65_536,
    );
    this.#arena = arena;
    this.#relay = new Relay(options.relay, this.#counters, options.hash, options.seed);
    this.#tun = new TunQueue(libc, arena, descriptors.tun, options.interfaceName);
    this.#frames = new Frames(arena);
    this.#receiver = new UdpReceiver(libc, arena, descriptors.udp);
    this.#sender = new UdpSender(libc, arena, descriptors.udp, this.#counters);
    this.#icmpv6 = new RawIpv6Sender(libc, arena, descriptors.icmpv6, "payload");
    this.#waiter = new Waiter(libc, arena, [descriptors.udp, descriptors.tun, descriptors.wake]);
    this.#tunScratch = arena.take(CAPACITY);
  }

  /** Serves until a stop is requested. @throws Error when a descriptor fails for good */
  run(): void {
    while (!this.#shared.stopping) {
      const now = this.#options.clock();
      this.#waiter.wait(this.#relay.nextTimer() - now);
      // After the wait: what was set during it holds for the packet that ended it.
      this.#adoptServed();
      this.#turn(this.#waiter.isReady(0), this.#waiter.isReady(1));
      this.#publish();
    }
    this.#finish();
  }

  /** A batch of each side that has something: neither waits until the other one is drained. */
  #turn(udpReady: boolean, tunReady: boolean): void {
    const now = this.#options.clock();
    if (udpReady) this.#fromUdp(now);
    if (tunReady) this.#fromTun(now);
    if (now >= this.#relay.nextTimer()) this.#relay.tick(now, this);
    this.#sender.flush();
  }

  /** UDP side -> relay rules. RFC 4380 §5.4.2 */
  #fromUdp(now: Millis): number {
    const udp = this.#receiver;
    const count = udp.receive();
    if (count === 0) return 0;
    let bytes = 0;
    for (let i = 0; i < count; i++) {
      const length = udp.length(i);
      bytes += length;
      const local = this.#options.replyFromLocal ? udp.local(i) : 0;
      this.#relay.fromClient(
        udp.bytes,
        udp.at(i),
        length,
        udp.address(i),
        udp.port(i),
        local,
        now,
        this,
      );
    }
    this.#counters[Counter.udp_received_datagrams]! += count;
    this.#counters[Counter.udp_received_bytes]! += bytes;
    this.#counters[DROPS_AT + Drop.SocketOverflow]! += udp.overflowsBefore(count - 1);
    udp.release(count);
    return count;
  }

  /** IPv6 side -> relay rules. RFC 4380 §5.4.1 */
  #fromTun(now: Millis): number {
    const bytes = this.#frames.bytes;
    let count = 0;
    let total = 0;
    for (; count < BATCH; count++) {
      const at = this.#frames.at(count);
      const length = this.#tun.read(at, CAPACITY);
      if (length === 0) break;
      if (length < 0) {
        throw new Error(`The interface ${this.#tun.name} is gone: read: ${errnoName(-length)}`);
      }
      total += length;
      this.#relay.fromIpv6(bytes, at, length, now, this);
    }
    this.#counters[Counter.ipv6_received_packets]! += count;
    this.#counters[Counter.ipv6_received_bytes]! += total;
    return count;
  }

  sendDatagram(
    b: Uint8Array,
    at: number,
    length: number,
    address: number,
    port: number,
    local: number,
  ): void {
    this.#sender.queue(b, at, length, address, port, local);
  }

  sendIpv6(b: Uint8Array, at: number, length: number): void {
    if (b !== this.#arena.u8) {
      this.#arena.u8.set(b.subarray(at, at + length), this.#tunScratch);
      at = this.#tunScratch;
    }
    if (this.#tun.write(at, length) === length) {
      this.#counters[Counter.ipv6_sent_packets]! += 1;
      this.#counters[Counter.ipv6_sent_bytes]! += length;
    } else {
      this.#counters[DROPS_AT + Drop.TunWriteFailed]! += 1;
    }
  }

  sendIcmpv6Error(b: Uint8Array, at: number, length: number): void {
    if (!this.#icmpv6.send(b, at, length)) this.#counters[DROPS_AT + Drop.SendFailed]! += 1;
  }

  #adoptServed(): void {
    const version = this.#shared.servedVersion;
    if (version === this.#servedVersion) return;
    this.#servedVersion = version;
    this.#relay.setServed(this.#shared.served());
  }

  #beat(): void {
    this.#shared.levels[Level.Beat]! += 1;
  }

  #publish(): void {
    this.#beat();
    const { levels } = this.#shared;
    const gauges = this.#relay.gauges;
    levels[Level.Peers] = gauges.peers;
    levels[Level.PeersTrusted] = gauges.trusted;
    levels[Level.HeldPackets] = gauges.heldPackets;
    levels[Level.HeldBytes] = gauges.heldBytes;
  }

  /** What the kernel had already taken for us is still carried. */
  #finish(): void {
    for (let i = 0; i < LAST_BATCHES; i++) {
      const now = this.#options.clock();
      const count = this.#fromUdp(now) + this.#fromTun(now);
      this.#sender.flush();
      if (count === 0) break;
    }
    this.#publish();
  }
}
