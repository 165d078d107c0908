import assert from "node:assert/strict";
import { type ClientOptions, DISCOVERY_PATH, SERVICE_PATH } from "#src/protocol/client/contract.ts";
import { Client } from "#src/protocol/client/rules.ts";
import { Counter, type CounterName, makeCounters } from "#src/protocol/counters.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { TunnelSink } from "#src/protocol/tunnel.ts";
import { sipHash } from "#test/protocol/client/lab.ts";
import { arrival } from "#test/protocol/packets.ts";
import type { Nat } from "../nat.ts";
import { destinationOf, makeData, numberOf, REPLY, REQUEST, sourceOf, UDP } from "../packets.ts";
import { ClientWatch } from "./watch.ts";
import type { ClientWorld } from "./world.ts";

const HEADROOM = 64;
/** How often the daemon looks whether it has slept. `src/daemon/roles/client.ts` */
const LOOK: Millis = 1_000;

/** A client as it runs, behind a NAT, with its sockets. */
export class SimClient {
  readonly world: ClientWorld;
  readonly nat: Nat | undefined;
  readonly address: number;
  readonly core: Client;
  readonly counters = makeCounters();
  readonly watch: ClientWatch;
  readonly ports = new Map<number, number>();
  /** Numbers of data that arrived; and how often an ICMPv6 error came, with its code. */
  readonly arrived = new Set<number>();
  readonly errors: { at: number; code: number }[] = [];
  isUp = true;
  readonly sink: TunnelSink;
  readonly #options: ClientOptions;
  #timerAt = Infinity;
  #isAsleep = false;
  /** How long it has slept: its clock, which is monotonic, stood still meanwhile. */
  #slept: Millis = 0;

  constructor(
    world: ClientWorld,
    nat: Nat | undefined,
    address: number,
    options: ClientOptions,
    seed: number,
  ) {
    this.world = world;
    this.nat = nat;
    this.address = address;
    this.#options = options;
    this.core = new Client(options, this.counters, sipHash(seed), seed, {
      openPort: (path) => this.#openPort(path),
      closePort: (path) => void this.ports.delete(path),
    });
    this.watch = new ClientWatch(world, options);
    this.sink = {
      sendDatagram: ({ bytes, at, length, address, port, local }) => {
        const copy = bytes.slice(at, at + length);
        const from = local === SERVICE_PATH ? options.servicePort : this.ports.get(local);
        assert.ok(from !== undefined, `nobody listens on path ${local}`);
        this.watch.sent(copy, from, address, port, world.clock.now);
        world.fromClient(this, copy, from, address, port);
      },
      sendIpv6: (b, at, length) => this.#take(b.slice(at, at + length)),
      sendIcmpv6Error: (b) => void this.errors.push({ at: world.clock.now, code: b[41]! }),
    };
    this.ports.set(SERVICE_PATH, options.servicePort);
  }

  /** Its Teredo address; undefined while it has none. */
  get teredo(): Uint8Array | undefined {
    return this.core.status().address;
  }

  count(name: CounterName): number {
    return this.counters[Counter[name]]!;
  }

  /** By its own clock, from which the world's differs by what it has slept. */
  get now(): Millis {
    return this.world.clock.now - this.#slept;
  }

  start(): void {
    this.core.start(this.now, this.sink);
    this.#setTimer();
  }

  /**
   * Its machine is suspended: nothing reaches it, and its clock stands still. The daemon notices at its
   * next look by another clock, and has everything asked again (`src/daemon/client/sleep.ts`).
   */
  sleep(duration: Millis): void {
    const { clock } = this.world;
    this.#isAsleep = true;
    clock.after(duration, () => {
      this.#isAsleep = false;
      this.#slept += duration;
      this.#timerAt = Infinity;
      this.#setTimer();
      clock.after(LOOK, () => {
        this.core.set(this.#options, this.now, this.sink);
        this.#setTimer();
      });
    });
  }

  /** Sends one packet; the host at the other end answers a request. */
  request(to: Uint8Array, from = this.teredo): number {
    const number = this.world.nextNumber();
    if (from === undefined) return number;
    this.sendIpv6(makeData(from, to, number, REQUEST));
    return number;
  }

  sendIpv6(b: Uint8Array): void {
    this.core.fromIpv6(b, 0, b.length, this.now, this.sink);
    this.#setTimer();
  }

  receive(b: Uint8Array, address: number, port: number, toPort: number): void {
    if (!this.isUp || this.#isAsleep) return;
    for (const [path, at] of this.ports) {
      if (at === toPort) return this.#receive(b, address, port, path);
    }
  }

  receiveFromGroup(b: Uint8Array, address: number, port: number): void {
    if (!this.#isAsleep) this.#receive(b, address, port, DISCOVERY_PATH);
  }

  #receive(b: Uint8Array, address: number, port: number, path: number): void {
    const frame = new Uint8Array(HEADROOM + b.length);
    frame.set(b, HEADROOM);
    const came = arrival(frame, address, port, path, HEADROOM, b.length);
    const { trusted } = this.core.gauges;
    this.watch.begin(b, address, port);
    this.core.fromUdp(came, this.now, this.sink);
    this.watch.end(this.core.gauges.trusted - trusted);
    this.#setTimer();
  }

  #openPort(path: number): number {
    const port = 10_000 + this.world.random.below(50_000);
    this.ports.set(path, port);
    return port;
  }

  #take(packet: Uint8Array): void {
    if (packet[6] !== UDP) return;
    const number = numberOf(packet);
    this.watch.delivered(packet);
    this.arrived.add(number);
    if (packet[44] !== REQUEST) return;
    const answer = makeData(destinationOf(packet), sourceOf(packet), number, REPLY);
    this.world.clock.after(1, () => this.isUp && this.sendIpv6(answer));
  }

  /** Once more, as what it is told may have set another time. */
  #setTimer(): void {
    const next = this.core.nextTimer();
    if (next >= this.#timerAt || next === Infinity) return;
    this.#timerAt = next;
    // Never early, whatever the sum is rounded to.
    this.world.clock.at(Math.ceil(next) + this.#slept, () => {
      if (this.#timerAt !== next || !this.isUp || this.#isAsleep) return;
      this.#timerAt = Infinity;
      this.core.tick(this.now, this.sink);
      this.#setTimer();
    });
  }
}
