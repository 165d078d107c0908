import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { Counter, type Counters, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import type { Authenticate } from "#src/protocol/wire/authentication.ts";
import { Server, type ServerPassage } from "#src/protocol/server/rules.ts";
import {
  PRIMARY,
  SECONDARY,
  type ServerSink,
  type ServerSocket,
} from "#src/protocol/server/contract.ts";
import type { Millis } from "#src/protocol/time.ts";
import { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import type { ServerRules } from "../datapath.ts";
import type { FateRecorder } from "../fates/recorder.ts";
import { serverWatchedBy } from "../fates/server.ts";
import { type FateOptions, FateWish } from "../fates/wish.ts";
import { Failures } from "../failures.ts";
import type { Kernel, PacketSender } from "../kernel.ts";
import { PacketRecorder } from "../recorder/recorder.ts";
import { RecordedServer } from "../recorder/server.ts";
import type { Tape } from "../recorder/tape.ts";
import type { SharedValue } from "../threads/shared_value.ts";
import { Level, type SharedState } from "../threads/shared.ts";
import { UdpReceiver } from "../udp/receive.ts";
import { Blocked } from "../udp/blocked.ts";
import { UdpSender } from "../udp/send.ts";
import { Waiter } from "../waiter.ts";

/** Descriptors a server works on; all non-blocking. */
export interface ServerDescriptors {
  readonly primary: number;
  readonly secondary: number;
  readonly ipv6: number;
  readonly wake: number;
}

export interface ServerLoopOptions {
  readonly server: ServerRules;
  /** Where others come from. */
  readonly rules: SharedValue<ServerRules>;
  readonly authenticateBy: (algorithm: ServerRules["algorithm"]) => Authenticate;
  /** Two random words, which no client knows. */
  readonly seeds: readonly [number, number];
  readonly clock: () => Millis;
  /** By which it is asked to tell packets' fates. */
  readonly fates: FateOptions;
  /** What packets are recorded on; undefined: they are not. */
  readonly tape?: Tape | undefined;
}

function makeServer(options: ServerLoopOptions, counters: Counters): Server {
  const { server, authenticateBy, seeds } = options;
  return new Server(server, counters, authenticateBy(server.algorithm), seeds[0], seeds[1]);
}

/** Batches taken at a stop, so that what had arrived before it is still answered. */
const LAST_BATCHES = 64;

/**
 * The server's one thread:
 *
 *     wait -> batch of the primary address -> flush -> batch of the secondary -> flush
 */
export class ServerLoop implements ServerSink {
  readonly #shared: SharedState;
  readonly #counters: Counters;
  readonly #options: ServerLoopOptions;
  readonly #server: Server;
  /** The rules, or the rules observed or recorded. */
  #passage: ServerPassage;
  readonly #fates: FateWish;
  readonly #recorder: PacketRecorder | undefined;
  readonly #receivers: readonly [UdpReceiver, UdpReceiver];
  readonly #senders: readonly [UdpSender, UdpSender];
  readonly #ipv6: PacketSender;
  readonly #failures: Failures;
  readonly #waiter: Waiter;
  readonly #arrival = new UdpDatagram();
  #broadcastsVersion = 0;

  constructor(
    kernel: Kernel,
    libc: Libc,
    shared: SharedState,
    descriptors: ServerDescriptors,
    options: ServerLoopOptions,
  ) {
    this.#shared = shared;
    this.#counters = shared.counters;
    this.#options = options;
    const arena = new Arena(
      libc,
      2 * (UdpReceiver.arenaLength + UdpSender.arenaLength) + kernel.arenaLength +
        Waiter.arenaLength + 65_536,
    );
    const { primary, secondary } = descriptors;
    this.#server = makeServer(options, this.#counters);
    const { tape } = options;
    this.#recorder = tape && new PacketRecorder(tape, arena.u8, this.#counters, Date.now);
    this.#passage = this.#watchedBy(null);
    this.#fates = new FateWish(options.fates, this.#counters, options.server.prefix);
    this.#receivers = [
      new UdpReceiver(libc, arena, primary),
      new UdpReceiver(libc, arena, secondary),
    ];
    this.#senders = [
      new UdpSender(libc, arena, primary, this.#counters, false, this.#recorder),
      new UdpSender(libc, arena, secondary, this.#counters, false, this.#recorder),
    ];
    this.#ipv6 = kernel.nativeSender(libc, arena, descriptors.ipv6);
    this.#failures = new Failures(libc.layout, this.#counters, "ipv6");
    this.#waiter = new Waiter(libc, arena, [primary, secondary, descriptors.wake]);
  }

  /** Serves until a stop is requested. @throws Error when a descriptor fails for good */
  run(): void {
    while (!this.#shared.stopping) {
      this.#waiter.wait(Infinity);
      this.#adopt();
      this.#turn(this.#waiter.isReady(PRIMARY), this.#waiter.isReady(SECONDARY));
      this.#beat();
    }
    this.#finish();
  }

  /** What the main thread has changed. */
  #adopt(): void {
    const { rules, authenticateBy, clock } = this.#options;
    const fresh = rules.take();
    if (fresh !== undefined) this.#server.set(fresh, authenticateBy(fresh.algorithm), clock());
    const fates = this.#fates.take();
    if (fates !== undefined) this.#passage = this.#watchedBy(fates);
    const version = this.#shared.broadcastsVersion;
    if (version === this.#broadcastsVersion) return;
    this.#broadcastsVersion = version;
    this.#server.setBroadcasts(this.#shared.broadcasts());
  }

  /** @param fates who observes the rules as well; null: nobody */
  #watchedBy(fates: FateRecorder | null): ServerPassage {
    const watched = serverWatchedBy(this.#server, fates);
    return this.#recorder === undefined ? watched : new RecordedServer(watched, this.#recorder);
  }

  /** What the kernel had already taken for us is still answered. */
  #finish(): void {
    for (let i = 0; i < LAST_BATCHES; i++) {
      if (this.#receive(PRIMARY) + this.#receive(SECONDARY) === 0) return;
    }
  }

  /** A batch of each socket that has something: a flood at one does not silence the other. */
  #turn(primaryReady: boolean, secondaryReady: boolean): void {
    if (primaryReady) this.#receive(PRIMARY);
    if (secondaryReady) this.#receive(SECONDARY);
  }

  /** UDP side -> server rules. RFC 4380 §5.3.1 */
  #receive(socket: ServerSocket): number {
    const udp = this.#receivers[socket];
    const arrival = this.#arrival;
    const count = udp.receive();
    if (count === 0) return 0;
    const now = this.#options.clock();
    this.#recorder?.begin(now);
    let bytes = 0;
    for (let i = 0; i < count; i++) {
      const length = udp.length(i);
      bytes += length;
      arrival.setPayload(udp.bytes, udp.at(i), length);
      arrival.setEnds(udp.address(i), udp.port(i), 0);
      this.#passage.fromUdp(socket, arrival, now, this);
    }
    this.#counters[Counter.udp_received_datagrams]! += count;
    this.#counters[Counter.udp_received_bytes]! += bytes;
    this.#counters[DROPS_AT + Drop.SocketOverflow]! += udp.overflowsBefore(count - 1);
    // Forwarding sends from the slots themselves: they must be out before they are filled again.
    this.#flush();
    this.#recorder?.end();
    udp.release(count);
    return count;
  }

  sendDatagram(socket: ServerSocket, datagram: UdpDatagram): void {
    this.#recorder?.answered(datagram);
    const { bytes, at, length, address, port } = datagram;
    this.#senders[socket].queue(bytes, at, length, address, port, 0);
  }

  sendIpv6(b: Uint8Array, at: number, length: number): void {
    const errno = this.#ipv6.send(b, at, length);
    if (errno !== 0) {
      const drop = this.#failures.count(errno, 1);
      return this.#recorder?.sentIpv6(b, at, length, drop);
    }
    this.#recorder?.passed();
    this.#counters[Counter.ipv6_sent_packets]! += 1;
    this.#counters[Counter.ipv6_sent_bytes]! += length;
  }

  /** What there is no room for is dropped: clients ask again, and the next ones are not to wait. */
  #flush(): void {
    this.#flushOne(this.#senders[PRIMARY]);
    this.#flushOne(this.#senders[SECONDARY]);
  }

  #flushOne(sender: UdpSender): void {
    sender.flush();
    // Of an interface: after a few times it is the one message that is dropped.
    while (sender.blocked === Blocked.Interface) sender.resume();
    if (sender.blocked === Blocked.Socket) sender.giveUp();
  }

  #beat(): void {
    this.#shared.levels[Level.Beat]! += 1;
  }
}
