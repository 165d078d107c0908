import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { Direction } from "#src/datapath/lending.ts";
import { Drop } from "#src/protocol/drops.ts";
import { NO_PEER } from "#src/protocol/peers/index.ts";
import { type Client, clientOf, LendLab } from "#test/datapath/linux/fast_path/lend_lab.ts";
import { arrival, bubble } from "#test/protocol/packets.ts";
import { data, HOST, tokenOf } from "#test/protocol/relay/lab.ts";
import { fromHex, RELAY } from "#test/protocol/vectors.ts";

/** More than there are slots, and than the table has entries. */
const CLIENTS: readonly Client[] = Array.from({ length: 5 }, (_, i) => clientOf(i));

const client = fc.nat({ max: CLIENTS.length - 1 });
const sometimes = (weight: number) =>
  fc.oneof({ weight, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) });
const event = fc.oneof(
  {
    weight: 60,
    arbitrary: fc.record({
      do: fc.constantFrom("up" as const, "down" as const),
      client,
      segment: sometimes(12),
      busy: sometimes(8),
    }),
  },
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant("datagram" as const),
      isAnswer: fc.boolean(),
      client,
      moved: sometimes(4),
      local: sometimes(6),
    }),
  },
  { weight: 20, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(1_500) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(60_000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("end" as const) }) },
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

class Play {
  readonly lab = new LendLab({ slots: [1, 4], relay: { maxPeers: 4 } });
  readonly #tokens = new Map<Client, Uint8Array>();

  play(event: Event): void {
    const { lab } = this;
    if (event.do === "wait") return lab.wait(event.ms);
    if (event.do === "end") return lab.lender.end(lab.lab.now);
    const who = CLIENTS[event.client]!;
    if (event.do === "datagram") this.#datagram(event, who);
    else {
      lab.isSegment = event.segment === 1;
      lab.isEmpty = event.busy === 0;
      lab[event.do](who);
    }
    this.#noteToken(who);
  }

  /** With the token that the client was told last; or a packet that anybody can make up. */
  #datagram(event: Extract<Event, { do: "datagram" }>, who: Client): void {
    const token = event.isAnswer ? this.#tokens.get(who) : undefined;
    const b = token === undefined ? data(who.address, HOST) : bubble(who.address, token);
    const from = { address: who.mapped, port: who.port + event.moved, local: RELAY + event.local };
    this.lab.lab.fromClient(b, from);
    this.lab.settle();
  }

  #noteToken(who: Client): void {
    const to = who.address.reduce((hex, byte) => hex + byte.toString(16).padStart(2, "0"), "");
    const { sent } = this.lab.lab;
    if (sent.some(({ hex }) => fromHex(hex)[6] === 59 && hex.slice(48, 80) === to)) {
      this.#tokens.set(who, tokenOf(sent));
    }
  }

  /** What the programs may pass is what the rules would pass at once, from and to the same ends. */
  check(): void {
    const { lab, programs } = this.lab;
    const { relay, now } = lab;
    const { leases } = relay;
    assert.equal(programs.leases.size, this.lab.lender.leases);
    for (const who of CLIENTS) {
      const p = leases.find(who.address, 0);
      const up = programs.openFor(Direction.Up, who.address, now);
      const down = programs.openFor(Direction.Down, who.address, now);
      if (up === undefined && down === undefined) continue;
      assert.notEqual(p, NO_PEER);
      assert.ok(leases.mayLease(p, now), "the rules would do more than pass it");
      const { mapped, port, local } = programs.slot((up ?? down)!);
      const entry = [leases.mappedAddress(p), leases.mappedPort(p), leases.localAddress(p)];
      assert.deepEqual([mapped, port, local], entry);
      const datagram = arrival(data(who.address, HOST), mapped, port, local);
      assert.equal(relay.foreseeFromUdp(datagram), Drop.None);
      const packet = data(HOST, who.address);
      assert.equal(relay.foreseeFromIpv6(packet, 0, packet.length, now), Drop.None);
      assert.ok(relay.isOpen(packet, 0, packet.length, now));
      if (down !== undefined) assert.ok(now < leases.refreshAt(p), "a bubble has to go beside it");
    }
  }
}

test("Lender: no lease carries what the rules would not pass at once, in any conversation", () => {
  let fast = 0;
  fc.assert(
    fc.property(fc.array(event, { maxLength: 150, size: "max" }), (events) => {
      const play = new Play();
      for (const it of events) {
        play.play(it);
        play.check();
      }
      fast += play.lab.fast;
      play.lab.wait(700_000);
      assert.deepEqual([play.lab.lender.leases, play.lab.programs.leases.size], [0, 0]);
      assert.equal(play.lab.lender.nextAt, Infinity);
      const { passedUp, passedDown } = play.lab.lender;
      assert.equal(passedUp + passedDown, play.lab.fast, "each packet counts once");
    }),
    { numRuns: 60, endOnFailure: true },
  );
  assert.ok(fast > 50, `only ${fast} packets took the fast path: nothing was shown`);
});
