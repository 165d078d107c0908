import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { UdpReceiver } from "#src/datapath/udp/receive.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import type { Millis } from "#src/protocol/time.ts";
import { BUBBLE_LENGTH, ICMPV6_ECHO_REPLY, writeBubble } from "#src/protocol/wire/build.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { DESTINATION_AT, isBubble, parseIpv6, SOURCE_AT } from "#src/protocol/wire/ipv6.ts";
import { mappedAddressOf, TEREDO_PORT, toBytes } from "#src/protocol/wire/teredo_address.ts";
import { drain } from "#test/load/drain.ts";
import { clientAddress, PREFIX } from "#test/load/plan.ts";
import { clock, rest } from "#test/load/role.ts";
import { Schedule } from "#test/load/schedule.ts";
import { GENERATOR_BUFFER } from "#test/load/sockets.ts";
import { WaitingSender } from "#test/load/waiting_sender.ts";
import {
  ECHO_REQUEST,
  echoNumberOf,
  ICMPV6,
  makeEcho,
  makeSolicitation,
} from "#test/sim/packets.ts";

/** What `newcomers_main.ts` is told. */
export interface NewcomersPlan {
  /** UDP port of all of them. */
  readonly port: number;
  /** Number of the first one's address, and how many addresses there are: then the first comes again. */
  readonly first: number;
  readonly addresses: number;
  /** Clients that come in a second, and for how long. */
  readonly rate: number;
  readonly seconds: number;
  /**
   * Milliseconds for the last one's answer; then no address comes again before its last visit was answered,
   * and all leave once they have been. Without it the last one has {@link PATIENCE}, and none waits.
   */
  readonly patience?: Millis;
  /** Whether each asks the server who it is first, as who really is new does. RFC 4380 §5.2.1 */
  readonly qualifies: boolean;
  /** Milliseconds between pings of the first one, once it has come; 0: it pings nobody. */
  readonly pulse: Millis;
  /** A.B.C.D, and the native host that all of them want to reach. */
  readonly server: string;
  readonly host: string;
}

/** What has become of them up to now. */
export interface NewcomersTold {
  readonly started: number;
  /** Those whom the server told their address. */
  readonly qualified: number;
  /** Those that had an answer from the host by way of the relay, and of these within two seconds. */
  readonly joined: number;
  readonly inTime: number;
  /** Milliseconds from the first datagram to that answer. */
  readonly joinTimes: readonly Millis[];
  /** Datagrams that the kernel took for the relay. */
  readonly toRelay: number;
  /** Of the first one's pings since it was last told: sent, and the times of those that came back. */
  readonly pings: number;
  readonly roundTrips: readonly Millis[];
  /** Datagrams that the kernel threw away at this socket. */
  readonly overflowed: number;
}

/** A client that has no answer by then has not come in time. */
export const PATIENCE: Millis = 2_000;
const PING_SERIAL = 0x8000_0000;
/** Pings on their way that are told apart. */
const PINGS = 4_096;
const FLAGS = 0x1234;
const Stage = { Nobody: 0, Solicits: 1, Asks: 2, Joined: 3 } as const;

/**
 * Clients that come one after the other, as a Teredo client does: router solicitation, an echo request
 * to a native host by way of the server, an answer to the relay's bubble; the host's reply through the
 * relay makes it one that has joined. None repeats anything: what is lost is late.
 */
export class Newcomers {
  readonly schedule: Schedule;
  readonly #libc: Libc;
  readonly #plan: NewcomersPlan;
  readonly #receiver: UdpReceiver;
  readonly #sender: WaitingSender;
  readonly #datagram = new TeredoDatagram();
  readonly #server: number;
  readonly #host: Uint8Array;
  readonly #stage: Uint8Array;
  readonly #startedAt: Float64Array;
  readonly #serials: Uint32Array;
  readonly #pingedAt = new Float64Array(PINGS);
  #relay = { address: 0, port: 0 };
  #started = 0;
  #qualifiedCount = 0;
  #joined = 0;
  #inTime = 0;
  #joinTimes: Millis[] = [];
  #toRelay = 0;
  #pings = 0;
  #pinged = 0;
  #lastPing: Millis = 0;
  #roundTrips: Millis[] = [];
  #overflowed = 0;

  constructor(libc: Libc, plan: NewcomersPlan) {
    this.#libc = libc;
    this.#plan = plan;
    this.#server = parseIpv4(plan.server)!;
    this.#host = parseIpv6(plan.host)!;
    const arena = new Arena(libc, UdpReceiver.arenaLength + WaitingSender.arenaLength + 65_536);
    const socket = { address: 0, port: plan.port, buffer: GENERATOR_BUFFER };
    const { fd } = openUdpSocket(LINUX_KERNEL, libc, arena, socket);
    this.#receiver = new UdpReceiver(libc, arena, fd);
    this.#sender = new WaitingSender(libc, arena, fd, makeCounters());
    this.#stage = new Uint8Array(plan.addresses);
    this.#startedAt = new Float64Array(plan.addresses);
    this.#serials = new Uint32Array(plan.addresses);
    this.schedule = new Schedule(plan.rate, plan.seconds);
  }

  /** Runs to the end of the schedule, and until the last one's patience has ended. */
  run(tell: (told: NewcomersTold) => void): void {
    const start = clock();
    this.schedule.start(start);
    const { seconds, patience } = this.#plan;
    const end = start + 1_000 * seconds;
    const last = end + (patience ?? PATIENCE);
    for (let now = start, told = start; now < last; now = clock()) {
      if (patience !== undefined && now >= end && this.#joined === this.#started) break;
      rest(this.#libc);
      this.#receive();
      if (now < end) this.#sendDue(now);
      this.#sender.flush();
      if (now - told < 1_000) continue;
      told += 1_000;
      tell(this.#tell());
    }
    tell(this.#tell());
  }

  #tell(): NewcomersTold {
    const told = {
      started: this.#started,
      qualified: this.#qualifiedCount,
      joined: this.#joined,
      inTime: this.#inTime,
      joinTimes: this.#joinTimes,
      toRelay: this.#toRelay,
      pings: this.#pings,
      roundTrips: this.#roundTrips,
      overflowed: this.#overflowed,
    };
    this.#joinTimes = [];
    this.#roundTrips = [];
    this.#pings = 0;
    return told;
  }

  #sendDue(now: Millis): void {
    for (let due = this.schedule.due(now); due > 0; due--) {
      const client = this.#started % this.#plan.addresses;
      if (this.#plan.patience !== undefined && this.#isAsking(client)) break;
      this.schedule.sent++;
      this.#start(client, now);
    }
    const { pulse } = this.#plan;
    if (pulse === 0 || this.#relay.port === 0 || now - this.#lastPing < pulse) return;
    this.#lastPing = now;
    this.#ping(now);
  }

  #isAsking(client: number): boolean {
    const stage = this.#stage[client];
    return stage === Stage.Solicits || stage === Stage.Asks;
  }

  #start(client: number, now: Millis): void {
    this.#started++;
    this.#startedAt[client] = now;
    this.#serials[client] = this.#started;
    if (!this.#plan.qualifies) return this.#ask(client);
    this.#stage[client] = Stage.Solicits;
    this.#send(client, makeSolicitation(), this.#server, TEREDO_PORT);
  }

  /** By way of the server: the reply has to come through the relay. RFC 4380 §5.2.9 */
  #ask(client: number): void {
    this.#stage[client] = Stage.Asks;
    const echo = makeEcho(this.#address(client), this.#host, this.#serials[client]!, ECHO_REQUEST);
    this.#send(client, echo, this.#server, TEREDO_PORT);
  }

  /** Through the relay both ways. */
  #ping(now: Millis): void {
    const number = this.#pinged++ % PINGS;
    this.#pingedAt[number] = now;
    this.#pings++;
    const serial = PING_SERIAL + number;
    this.#toRelay++;
    const echo = makeEcho(this.#address(0), this.#host, serial, ECHO_REQUEST);
    this.#send(0, echo, this.#relay.address, this.#relay.port);
  }

  #receive(): void {
    const { lost } = drain(this.#receiver, (i) => this.#take(i));
    this.#overflowed += lost;
  }

  #take(i: number): void {
    const udp = this.#receiver;
    const d = this.#datagram;
    const b = udp.bytes;
    if (d.parse(b, udp.at(i), udp.length(i)) !== Drop.None) return;
    const client = udp.local(i) - clientAddress(this.#plan.first);
    if (!(client >= 0 && client < this.#plan.addresses)) return;
    const isServers = udp.address(i) === this.#server;
    if (isBubble(b, d.ipv6At)) return this.#answer(i, client, isServers);
    if (b[d.ipv6At + 6] !== ICMPV6) return;
    if (isServers && d.originAt >= 0) return this.#qualified(client);
    if (b[d.ipv6At + 40] === ICMPV6_ECHO_REPLY) this.#replied(client, echoNumberOf(b, d.ipv6At));
  }

  /** The advertisement says which address this one has. RFC 4380 §5.2.1 */
  #qualified(client: number): void {
    const { originAddress, originPort } = this.#datagram;
    const isOwn = originAddress === clientAddress(this.#plan.first + client) &&
      originPort === this.#plan.port;
    if (!isOwn || this.#stage[client] !== Stage.Solicits) return;
    this.#qualifiedCount++;
    this.#ask(client);
  }

  /** RFC 4380 §5.2.3 */
  #answer(i: number, client: number, isServers: boolean): void {
    const d = this.#datagram;
    const udp = this.#receiver;
    const b = udp.bytes;
    if (mappedAddressOf(b, d.ipv6At + DESTINATION_AT) !== udp.local(i)) return;
    if (isServers && d.originAt < 0) return;
    const relay = isServers
      ? { address: d.originAddress, port: d.originPort }
      : { address: udp.address(i), port: udp.port(i) };
    const answer = new Uint8Array(BUBBLE_LENGTH);
    writeBubble(answer, 0, b, d.ipv6At + DESTINATION_AT, b, d.ipv6At + SOURCE_AT);
    if (client === 0) this.#relay = relay;
    this.#toRelay++;
    this.#send(client, answer, relay.address, relay.port);
  }

  #replied(client: number, serial: number): void {
    const now = clock();
    if (serial >= PING_SERIAL) {
      const at = this.#pingedAt[serial - PING_SERIAL];
      if (client === 0 && at !== undefined) this.#roundTrips.push(now - at);
      return;
    }
    if (this.#stage[client] !== Stage.Asks || this.#serials[client] !== serial) return;
    this.#stage[client] = Stage.Joined;
    const took = now - this.#startedAt[client]!;
    this.#joined++;
    if (took <= PATIENCE) this.#inTime++;
    this.#joinTimes.push(took);
  }

  #address(client: number): Uint8Array {
    return toBytes({
      prefix: PREFIX,
      serverAddress: this.#server,
      flags: FLAGS,
      mappedAddress: clientAddress(this.#plan.first + client),
      mappedPort: this.#plan.port,
    });
  }

  #send(client: number, b: Uint8Array, address: number, port: number): void {
    const source = clientAddress(this.#plan.first + client);
    this.#sender.queue(b, 0, b.length, address, port, source);
  }
}
