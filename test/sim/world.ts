import type { TunnelSink } from "#src/protocol/tunnel.ts";
import assert from "node:assert/strict";
import {
  Counter,
  type CounterName,
  type Counters,
  DROPS_AT,
  makeCounters,
} from "#src/protocol/counters.ts";
import type { Drop } from "#src/protocol/drops.ts";
import type { Millis } from "#src/protocol/time.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { Relay } from "#src/protocol/relay/rules.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { Server } from "#src/protocol/server/rules.ts";
import { PRIMARY, SECONDARY, type ServerSink } from "#src/protocol/server/contract.ts";
import { isTeredo, SERVICE_PREFIX, TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import { arrival } from "#test/protocol/packets.ts";
import { keyedHash, RELAY_OPTIONS } from "#test/protocol/relay/lab.ts";
import { hmacSha1, OPTIONS } from "#test/protocol/server/lab.ts";
import { RELAY, RELAY_PORT, SECONDARY_SERVER, SERVER } from "#test/protocol/vectors.ts";
import { Client } from "./client.ts";
import { Clock } from "./clock.ts";
import { Nat, type NatKind } from "./nat.ts";
import {
  destinationOf,
  ECHO_REPLY,
  ECHO_REQUEST,
  echoNumberOf,
  ICMPV6,
  keyOf,
  makeData,
  makeEcho,
  numberOf,
  REPLY,
  REQUEST,
  sourceOf,
  UDP,
} from "./packets.ts";
import { PacketLog } from "./packet_log.ts";
import { Prng } from "./prng.ts";
import { RelayWatch } from "./relay_watch.ts";

const START = 1_000_000;
/** For how long a relay that has slept may trust clients whose mappings are gone. RFC 4380 §5.2.4 */
const WAKING_GRACE = 31_000;
const LOG_LENGTH = 400;
const HEADROOM = 64;
/** IPv4 addresses of the NATs count up from here. */
const FIRST_NAT = 0x17000001; // 23.0.0.1
const IPV6_DELAY = 5;
const UDP_DELAY = 20;
/** A packet to a client that is there has arrived by then, whatever had to be found out first. */
const DEADLINE = 10_000;
/** Flows of clients come back this soon after their next packet. */
const RESTART_GRACE = 5_000;
/** A client behind a symmetric NAT must first give up its relay. */
const SYMMETRIC_GRACE = 31_000;

export interface WorldOptions {
  readonly seed: number;
  /** Of datagrams, 0..1. Without loss every packet to a client that is there must arrive. */
  readonly loss: number;
  readonly relay: Partial<RelayOptions>;
  /** What the clock shows at first. */
  readonly start?: Millis;
  /** What each relay's counters, one by one, have counted before. */
  readonly counted?: number;
}

interface Expected {
  readonly client: Client;
  readonly generation: number;
  readonly restarts: number;
  readonly sleeps: number;
  readonly deadline: number;
}

/** IPv4 and IPv6 Internet, with one server, one relay, native hosts, and clients behind NATs. */
export class World {
  readonly clock: Clock;
  readonly random: Prng;
  readonly log = new PacketLog(LOG_LENGTH);
  readonly clients = new Set<Client>();
  readonly hosts = Array.from({ length: 20 }, (_, i) => parseIpv6(`2001:db8::${i + 1}`)!);
  readonly seen = { arrived: 0, expected: 0, unreachable: 0, restarts: 0, sleeps: 0, serverIn: 0 };
  watch: RelayWatch;
  restartedAt = -Infinity;
  readonly #options: WorldOptions;
  readonly #serverCounters = makeCounters();
  /** Of each relay there was, one after the other. */
  readonly #relayCounters: Counters[] = [];
  readonly #server: Server;
  readonly #byNat = new Map<number, Client>();
  readonly #byAddress = new Map<string, Client>();
  readonly #expected = new Map<number, Expected>();
  #number = 0;
  #nats = 0;
  #timerAt = Infinity;
  #isAsleep = false;
  /** When it last fell asleep, and how long it has slept: its clock stands still meanwhile. */
  #asleepSince = 0;
  #slept: Millis = 0;
  /** Until when nothing has to arrive, as the relay has just woken up. */
  #settledAt = -Infinity;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.clock = new Clock(options.start ?? START);
    this.random = new Prng(options.seed);
    this.#server = new Server(OPTIONS, this.#serverCounters, hmacSha1, 1, 2);
    this.watch = this.#makeRelay();
  }

  get isLossy(): boolean {
    return this.#options.loss > 0;
  }

  /** What the relays counted. */
  count(name: CounterName): number {
    const { counted = 0 } = this.#options;
    return this.#relayCounters.reduce((sum, cells) => sum + cells[Counter[name]]! - counted, 0);
  }

  drops(reason: Drop): number {
    const { counted = 0 } = this.#options;
    return this.#relayCounters.reduce((sum, cells) => sum + cells[DROPS_AT + reason]! - counted, 0);
  }

  nextNumber(): number {
    return this.#number++;
  }

  addClient(kind: NatKind): Client {
    const address = FIRST_NAT + this.#nats++;
    const timeout = this.random.between(65_000, 300_000);
    const firstPort = 1_024 + this.random.below(60_000);
    const nat = new Nat({ kind, address, firstPort, timeout });
    const client = new Client(this, nat, SERVER);
    this.clients.add(client);
    this.#byNat.set(address, client);
    return client;
  }

  removeClient(client: Client): void {
    client.vanish();
    this.clients.delete(client);
    this.#byNat.delete(client.nat.address);
  }

  /** The relay's process starts anew: no state, another key. */
  restartRelay(): void {
    this.log.note(this.clock.now, "the relay restarts");
    this.seen.restarts++;
    this.restartedAt = this.clock.now;
    for (const client of this.clients) client.firstSince = Infinity;
    this.watch = this.#makeRelay();
  }

  /**
   * The relay's machine sleeps, as one that is suspended or a guest that is moved: nothing reaches it,
   * and its clock, which is monotonic, stands still. clock_gettime(2)
   */
  sleep(duration: Millis): void {
    if (this.#isAsleep) return;
    this.log.note(this.clock.now, "the relay's machine sleeps");
    this.seen.sleeps++;
    this.#isAsleep = true;
    this.#asleepSince = this.clock.now;
    this.clock.after(duration, () => {
      this.log.note(this.clock.now, "the relay's machine wakes up");
      this.#slept += this.clock.now - this.#asleepSince;
      this.#isAsleep = false;
      this.#settledAt = this.clock.now + WAKING_GRACE;
      this.#timerAt = Infinity;
      this.#setTimer();
    });
  }

  /** Whether the relay has been awake for long enough to know where its clients are. */
  get isSettled(): boolean {
    return !this.#isAsleep && this.clock.now >= this.#settledAt;
  }

  /** By the relay's own clock. */
  get #relayNow(): Millis {
    return this.clock.now - this.#slept;
  }

  /** A client has an address, or another one. */
  register(client: Client): void {
    this.#byAddress.set(keyOf(client.address!), client);
  }

  // What must arrive

  /** Sends one packet from a native host to a client that qualified; it must arrive. */
  sendToClient(host: Uint8Array, client: Client): number {
    const number = this.nextNumber();
    if (client.address === undefined) return number;
    if (client.qualifiedAt !== Infinity) this.#expect(number, client);
    this.sendIpv6(makeData(host, client.address, number, 0));
    return number;
  }

  /** The number of a request of `client` whose reply must arrive, if that can be asked for now. */
  expectReply(client: Client): number {
    const number = this.nextNumber();
    const { now } = this.clock;
    if (client.qualifiedAt === Infinity) return number;
    const since = now - this.restartedAt;
    const cone = client.nat.kind !== "symmetric";
    const isBack = cone && now - client.firstSince >= RESTART_GRACE;
    if (since > SYMMETRIC_GRACE || isBack) this.#expect(number, client);
    return number;
  }

  arrived(number: number, client: Client): void {
    const expected = this.#expected.get(number);
    if (expected === undefined) return;
    assert.equal(client, expected.client, "a packet came to another client");
    this.#expected.delete(number);
    this.seen.arrived++;
  }

  isExpected(number: number): boolean {
    return this.#expected.has(number);
  }

  #expect(number: number, client: Client): void {
    if (!this.isSettled) return;
    const deadline = this.clock.now + DEADLINE;
    const { generation } = client;
    const { restarts, sleeps } = this.seen;
    this.#expected.set(number, { client, generation, restarts, sleeps, deadline });
    this.seen.expected++;
    this.clock.at(deadline, () => this.#checkArrival(number));
  }

  #checkArrival(number: number): void {
    const expected = this.#expected.get(number);
    if (expected === undefined) return;
    this.#expected.delete(number);
    const { client, generation, restarts, sleeps } = expected;
    const excused = this.isLossy || !client.isAlive || client.generation !== generation ||
      this.seen.restarts !== restarts || this.seen.sleeps !== sleeps;
    assert.ok(excused, `data ${number} did not arrive at a client behind a ${client.nat.kind} NAT`);
  }

  // IPv4

  sendDatagram(b: Uint8Array, from: number, port: number, to: number, toPort: number): void {
    this.log.datagram(this.clock.now, from, port, to, toPort, b);
    if (this.random.chance(this.#options.loss)) return;
    this.clock.after(UDP_DELAY, () => this.#deliver(b, from, port, to, toPort));
  }

  #deliver(b: Uint8Array, from: number, port: number, to: number, toPort: number): void {
    const { now } = this.clock;
    if (to === RELAY && toPort === RELAY_PORT) {
      if (this.#isAsleep) return;
      this.watch.fromClient(b, from, port, RELAY, this.#relayNow);
      this.#setTimer();
    } else if ((to === SERVER || to === SECONDARY_SERVER) && toPort === TEREDO_PORT) {
      this.#toServer(b, from, port, to);
    } else {
      const client = this.#byNat.get(to);
      if (client?.nat.lets(toPort, from, port, now)) client.receive(b, from, port);
    }
  }

  #toServer(b: Uint8Array, from: number, port: number, to: number): void {
    const frame = new Uint8Array(HEADROOM + b.length);
    frame.set(b, HEADROOM);
    const socket = to === SERVER ? PRIMARY : SECONDARY;
    const sink: ServerSink = {
      sendDatagram: (socket, { bytes, at, length, address, port: toPort }) => {
        const local = socket === PRIMARY ? SERVER : SECONDARY_SERVER;
        const copy = bytes.slice(at, at + length);
        this.sendDatagram(copy, local, TEREDO_PORT, address, toPort);
      },
      sendIpv6: (bytes, at, length) => this.sendIpv6(bytes.slice(at, at + length)),
    };
    this.seen.serverIn++;
    const came = arrival(frame, from, port, 0, HEADROOM, b.length);
    this.#server.fromUdp(socket, came, this.clock.now, sink);
  }

  // IPv6

  sendIpv6(b: Uint8Array): void {
    const toRelay = isTeredo(b, 24, SERVICE_PREFIX);
    this.log.ipv6(this.clock.now, toRelay ? "IPv6 to the relay" : "IPv6 to a host", b);
    this.clock.after(IPV6_DELAY, () => {
      if (!toRelay) return this.#toHost(b);
      if (this.#isAsleep) return;
      this.watch.fromIpv6(b, this.#relayNow);
      this.#setTimer();
    });
  }

  #toHost(b: Uint8Array): void {
    const host = destinationOf(b);
    const from = sourceOf(b);
    if (b[6] === ICMPV6 && b[40] === ECHO_REQUEST) {
      this.sendIpv6(makeEcho(host, from, echoNumberOf(b), ECHO_REPLY));
    } else if (b[6] === UDP && b[44] === REQUEST) {
      assert.notEqual(numberOf(b), 0xffffffff, "a forged packet passed the relay");
      this.sendIpv6(makeData(host, from, numberOf(b), REPLY));
    }
  }

  /** The relay says that the packet in the error cannot be delivered. */
  #unreachable(b: Uint8Array): void {
    this.log.ipv6(this.clock.now, "ICMPv6 error", b);
    this.seen.unreachable++;
    const client = this.#byAddress.get(keyOf(destinationOf(b, 48)));
    if (this.isLossy || client === undefined || client.address === undefined) return;
    const same = keyOf(client.address) === keyOf(destinationOf(b, 48));
    const settled = this.clock.now - Math.max(client.qualifiedAt, this.#settledAt) > 2 * DEADLINE;
    assert.ok(!same || !settled, "a client that is there is called unreachable");
  }

  // The relay

  #makeRelay(): RelayWatch {
    const options = { ...RELAY_OPTIONS, ...this.#options.relay };
    const counters = makeCounters().fill(this.#options.counted ?? 0);
    this.#relayCounters.push(counters);
    const hash = keyedHash(`key ${this.seen.restarts}`);
    const relay = new Relay(options, counters, hash, this.#options.seed);
    const sink: TunnelSink = {
      sendDatagram: ({ bytes: b, at, length, address, port }) => {
        this.sendDatagram(b.slice(at, at + length), RELAY, RELAY_PORT, address, port);
      },
      sendIpv6: (b, at, length) => this.sendIpv6(b.slice(at, at + length)),
      sendIcmpv6Error: (b, at, length) => this.#unreachable(b.slice(at, at + length)),
    };
    this.#timerAt = Infinity;
    return new RelayWatch(relay, counters, options, sink);
  }

  #setTimer(): void {
    const { watch } = this;
    const next = watch.nextTimer();
    if (this.#isAsleep || next >= this.#timerAt) return;
    this.#timerAt = next;
    this.clock.at(next + this.#slept, () => {
      if (watch !== this.watch || this.#isAsleep || this.#relayNow < this.#timerAt) return;
      this.#timerAt = Infinity;
      watch.runTimers(this.#relayNow);
      this.#setTimer();
    });
  }

  /** Every datagram to the server was answered, forwarded or dropped for one reason. */
  checkServer(): void {
    const names: CounterName[] = [
      "advertisements_sent",
      "bubbles_forwarded",
      "icmpv6_forwarded",
      "native_forwarded",
      "echoes_answered",
    ];
    const done = names.reduce((sum, name) => sum + this.#serverCounters[Counter[name]]!, 0);
    const drops = this.#serverCounters.subarray(DROPS_AT).reduce((sum, n) => sum + n, 0);
    assert.equal(this.seen.serverIn, done + drops);
  }
}
