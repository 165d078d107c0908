import type { TunnelSink } from "#src/protocol/tunnel.ts";
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { makeCounters } from "#src/protocol/counters.ts";
import { readU32, writeU32 } from "#src/protocol/wire/bytes.ts";
import { Relay } from "#src/protocol/relay/rules.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { bubble, concat, icmpv6, packet } from "#test/protocol/packets.ts";
import { CLIENTS, MAPPED } from "#test/protocol/relay/clients.ts";
import { keyedHash, RELAY_OPTIONS } from "#test/protocol/relay/lab.ts";
import { fromHex, RELAY } from "#test/protocol/vectors.ts";
import { RelayWatch } from "#test/sim/relay_watch.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";

const HOSTS = ["2001:db8::1", "2001:db8::2", "2001:db8:1::1"];
const ODD = ["fe80::1", "ff02::1", "::", "::1", "2001:0:1::1"];

const client = fc.nat({ max: CLIENTS.length - 1 });
const host = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...HOSTS) }, fc.constantFrom(...ODD));
const kind = fc.constantFrom("udp", "udp", "udp", "echo", "error", "redirect", "bubble");
const event = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("toClient" as const), client, host, kind }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("fromClient" as const),
      client,
      host,
      kind,
      /** Mostly from where the address says. */
      moved: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.constant(1)),
      trailers: fc.uint8Array({ maxLength: 12 }),
    }),
  },
  /** Answers the last bubble that the client was sent. */
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("answer" as const),
      client,
      moved: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.constant(1)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("toNative" as const), host, kind }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("junk" as const),
      head: fc.constantFrom("", "0000", "0001", "60", "6000000000003b00"),
      bytes: fc.uint8Array({ maxLength: 120 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(4_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(400_000) }) },
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

/** Plays events to a relay that is watched, and checks the order of what arrives. */
class Play implements TunnelSink {
  readonly watch: RelayWatch;
  now = 5_000_000;
  #number = 0;
  readonly #tokens = new Map<string, Uint8Array>();
  readonly #lastArrived = new Map<string, number>();

  constructor(options: Partial<RelayOptions>) {
    const all = { ...RELAY_OPTIONS, ...options };
    const counters = makeCounters();
    const relay = new Relay(all, counters, keyedHash("property"), 99);
    this.watch = new RelayWatch(relay, counters, all, this);
  }

  play(event: Event): void {
    if (event.do === "wait") this.wait(event.ms);
    else if (event.do === "toClient") this.toClient(event);
    else if (event.do === "toNative") {
      this.watch.fromIpv6(this.make(event.kind, HOSTS[0]!, event.host), this.now);
    } else if (event.do === "junk") {
      const b = concat(fromHex(event.head), event.bytes);
      this.watch.fromClient(b, 0xc0000201, 4_000, RELAY, this.now);
      this.watch.fromIpv6(b, this.now);
    } else this.fromClient(event);
  }

  wait(ms: number): void {
    this.now += ms;
    this.watch.runTimers(this.now);
  }

  toClient(event: { client: number; host: string; kind: string }): void {
    this.watch.fromIpv6(this.make(event.kind, event.host, CLIENTS[event.client]!), this.now);
  }

  fromClient(
    event: { client: number; moved: number; host?: string; kind?: string; trailers?: Uint8Array },
  ): void {
    const source = CLIENTS[event.client]!;
    const [address, port] = MAPPED[event.client]!;
    const token = this.#tokens.get(source.join());
    if (event.host === undefined && token === undefined) return;
    const b = event.host === undefined
      ? bubble(source, token!)
      : concat(this.make(event.kind!, source, event.host), event.trailers!);
    this.watch.fromClient(b, address, (port + event.moved) & 0xffff, RELAY, this.now);
  }

  make(kind: string, from: string | Uint8Array, to: string | Uint8Array): Uint8Array {
    const number = new Uint8Array(8 + (this.#number % 60));
    writeU32(number, 0, this.#number++);
    if (kind === "echo") return icmpv6(128, from, to, number);
    if (kind === "error") return icmpv6(1, from, to, number);
    if (kind === "redirect") return icmpv6(137, from, to, number);
    return kind === "bubble" ? bubble(from, to) : packet(17, from, to, number);
  }

  sendDatagram({ bytes: b, at, length }: UdpDatagram): void {
    const to = b.subarray(at + 24, at + 40).join();
    if (b[at + 6] === 59 && b[at + 8] === 0xfe) {
      this.#tokens.set(to, b.slice(at + 8, at + 24));
    } else if (b[at + 6] === 17) {
      assert.ok(length >= 48);
      const flow = b.subarray(at + 8, at + 40).join();
      const number = readU32(b, at + 40);
      assert.ok(number > (this.#lastArrived.get(flow) ?? -1), "packets of a flow out of order");
      this.#lastArrived.set(flow, number);
    }
  }
  sendIpv6(): void {}
  sendIcmpv6Error(): void {}
}

const OPTIONS: readonly (readonly [string, Partial<RelayOptions>])[] = [
  ["roomy", {}],
  ["restricted", { restricted: true }],
  ["with hardly any room", {
    holdPackets: 2,
    holdBytes: 200,
    holdMemory: 3 * 1280,
    holdAge: 3_000,
    icmpRate: 1,
    icmpBurst: 2,
    challengeRate: 2,
  }],
];

for (const [name, options] of OPTIONS) {
  test(`Relay ${name} keeps its invariants over any traffic (R-02, R-15, R-16, R-21, R-23, I-02)`, () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 120 }), (events) => {
        const play = new Play(options);
        for (const event of events) play.play(event);
        play.wait(700_000);
        play.watch.checkEmpty();
      }),
      { numRuns: 250 },
    );
  });
}

test("Relay drops any bytes or takes them, and never throws (R-20, N8)", () => {
  const play = new Play({});
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (b) => {
      play.watch.fromClient(b, 0xc0000201, 4_000, RELAY, play.now);
      play.watch.fromIpv6(b, play.now);
    }),
    { numRuns: 2_000 },
  );
});
