import assert from "node:assert/strict";
import process from "node:process";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import type { ServerReason } from "#src/datapath/linux/fast_path/server/reasons.ts";
import type { ServerOptions } from "#src/protocol/server/contract.ts";
import { Counter, DROPS_AT, FAILURES_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { readU16, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { formatIpv4, isGlobalUnicast, notGlobalUnicast } from "#src/protocol/wire/ipv4.ts";
import { change, concat, fixChecksum, icmpv6, ip4, nonceOnly } from "#test/protocol/packets.ts";
import { ALICE } from "#test/protocol/server/lab.ts";
import {
  CLIENT,
  RELAY,
  SECONDARY_SERVER,
  SERVER,
  vector,
  VECTORS,
} from "#test/protocol/vectors.ts";
import { Prng } from "#test/sim/prng.ts";
import { type Ends, finishIpv4, finishUdp, INNER, IPV4, UDP, unfinishUdp } from "../frames.ts";
import { BODY, CONE, mutated, PLAIN, serverFrame, solicitation } from "./frames.ts";
import { ServerWorld } from "./world.ts";

const libc = await openLibc();
const random = new Prng(12);
const worlds: ServerWorld[] = [];
process.once("exit", () => worlds.forEach((it) => it.close()));

function makeWorld(...[options, broadcasts, bound]: DropFirst<typeof ServerWorld>): ServerWorld {
  const world = new ServerWorld(libc, options, broadcasts, bound);
  worlds.push(world);
  return world;
}
type DropFirst<C extends abstract new (...all: never) => unknown> = ConstructorParameters<C> extends
  [unknown, ...infer Rest] ? Rest : never;

const frameOf = (payload: Uint8Array, ends: Partial<Ends> = {}) =>
  serverFrame(random, payload, ends);

const OTHER_OPTIONS: readonly Partial<ServerOptions>[] = [
  {},
  { prefix: 0x3ffe831f, mtu: 1400 },
  { secrets: [ALICE] },
  { serverAddress: RELAY, secondaryAddress: RELAY + 1, ownAddresses: [RELAY, RELAY + 1] },
];

for (const options of OTHER_OPTIONS) {
  test(`serverAnswer() answers as the rules do: ${Object.keys(options).join(", ") || "plain"}`, () => {
    const world = makeWorld(options);
    let frames = 0;
    for (const from of [PLAIN, CONE, "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]) {
      for (const before of [new Uint8Array(0), nonceOnly(), change(nonceOnly(), 12, 7)]) {
        for (const destination of [SERVER, SECONDARY_SERVER]) {
          for (const sourcePort of [1, 3544, 3545, 65_535]) {
            const payload = concat(before, solicitation(from));
            assert.equal(world.check(frameOf(payload, { destination, sourcePort })), "answered");
            frames++;
          }
        }
      }
    }
    assert.deepEqual(world.left, {});
    assert.equal(world.counters[Counter.advertisements_sent], frames);
  });
}

test("serverAnswer() counts what the threads would have counted", () => {
  const world = makeWorld();
  for (const from of [PLAIN, CONE, CONE]) {
    for (const before of [new Uint8Array(0), nonceOnly()]) {
      for (const destination of [SERVER, SECONDARY_SERVER, SECONDARY_SERVER]) {
        world.check(frameOf(concat(before, solicitation(from)), { destination }));
      }
    }
  }
  const [kernel, { counters }] = [world.counters, world.rules];
  // The rules do not see what the loop counts.
  assert.equal(kernel[Counter.udp_received_datagrams], 18);
  assert.equal(kernel[Counter.udp_received_bytes], 9 * 48 + 9 * 61);
  assert.equal(kernel[Counter.udp_sent_datagrams], 18);
  assert.equal(kernel[Counter.udp_sent_bytes], 9 * 104 + 9 * 117);
  assert.equal(kernel[Counter.solicitations_secondary], 4);
  kernel.fill(0, 0, Counter.udp_sent_bytes + 1);
  assert.deepEqual(kernel, counters);
});

test("serverAnswer() draws another identification for each answer", () => {
  const world = makeWorld();
  const all = Array.from({ length: 8 }, () => {
    world.check(frameOf(solicitation()));
    return readU16(world.out, IPV4 + 4);
  });
  assert.ok(new Set(all).size > 4, `${all}`);
});

const toOther = (b: Uint8Array) => change(b, b.length - 1, b.at(-1)! ^ 1);
const OPTION = fixChecksum(
  icmpv6(133, PLAIN, "ff02::2", concat(BODY, vector("R1").slice(0, 8)), 255),
);
const withId = concat(Uint8Array.of(0, 1, 5, 20), ALICE.clientId, new Uint8Array(29));

/** What is left to the threads, and why. */
const LEFT: readonly (readonly [what: string, reason: ServerReason | undefined, Uint8Array])[] = [
  ["to another address", undefined, frameOf(solicitation(), { destination: RELAY })],
  ["to another port", undefined, frameOf(solicitation(), { destinationPort: 3545 })],
  ["to another station", undefined, change(frameOf(solicitation()), 0, 2)],
  ["to a group of stations", undefined, change(frameOf(solicitation()), 0, 1)],
  ["IPv6", undefined, changed((b) => writeU16(b, 12, 0x86dd))],
  ["ARP", undefined, changed((b) => writeU16(b, 12, 0x0806))],
  ["TCP", undefined, changed((b) => b[IPV4 + 9] = 6)],
  ["of no more than an IPv4 header", undefined, frameOf(solicitation()).slice(0, UDP)],
  ["without a UDP header", undefined, frameOf(solicitation()).slice(0, INNER - 1)],
  ["IPv4 options", "ipv4_options", changed((b) => b[IPV4] = 0x46)],
  ["a first fragment", "fragment", changed((b) => writeU16(b, IPV4 + 6, 0x2000))],
  ["a later fragment", undefined, changed((b) => writeU16(b, IPV4 + 6, 0x2001))],
  ["congestion, maybe", "ecn", changed((b) => b[IPV4 + 1] = 1)],
  ["congestion", "ecn", changed((b) => b[IPV4 + 1] = 3)],
  ["longer than IPv4 says", "length", concat(frameOf(solicitation()), BODY)],
  ["shorter than IPv4 says", "length", frameOf(solicitation()).slice(0, -1)],
  ["shorter than UDP says", "length", changed((b) => writeU16(b, UDP + 4, 57))],
  ["longer than UDP says", "length", changed((b) => writeU16(b, UDP + 4, 55))],
  ["with an option", "other", frameOf(OPTION)],
  ["with an option, of a length", "other", frameOf(OPTION.slice(0, 48))],
  ["with trailers", "other", frameOf(concat(solicitation(), BODY))],
  ["with as many bytes of trailers", "other", frameOf(concat(solicitation(), nonceOnly()))],
  ["with an identifier", "other", frameOf(concat(withId, solicitation()))],
  ["with an identifier, of a length", "other", frameOf(withId.slice(0, 61))],
  ["with a value", "other", frameOf(concat(change(nonceOnly(), 3, 1), solicitation()))],
  ["another indication", "other", frameOf(concat(change(nonceOnly(), 1, 0), solicitation()))],
  ["a bubble", "other", frameOf(concat(vector("A1"), BODY).slice(0, 40))],
  ["nothing", "other", frameOf(new Uint8Array(0))],
  ["IPv4 in it", "other", frameOf(change(solicitation(), 0, 0x45))],
  ["another next header", "other", frameOf(change(solicitation(), 6, 59))],
  ["an echo request", "other", frameOf(icmpv6(128, PLAIN, "ff02::2", BODY, 255))],
  ["an advertisement", "other", frameOf(icmpv6(134, PLAIN, "ff02::2", BODY, 255))],
  ["to all nodes", "other", frameOf(icmpv6(133, PLAIN, "ff02::1", BODY, 255))],
  ["to all routers of the site", "other", frameOf(icmpv6(133, PLAIN, "ff05::2", BODY, 255))],
  ["from a Teredo address", "other", frameOf(solicitation(vector("A2")))],
  ["from fec0::", "other", frameOf(solicitation("fec0::1"))],
  ["from ::", "other", frameOf(solicitation("::"))],
  ["wrong sum of IPv4", "ipv4_checksum", changed((b) => b[IPV4 + 8]! ^= 1, finishUdp)],
  ["no sum of UDP", "no_checksum", changed((b) => writeU16(b, UDP + 6, 0), (b) => b)],
  ["a sum that a card is to make", "unfinished_checksum", unfinishUdp(frameOf(solicitation()))],
  ["wrong sum of UDP", "checksum", toOther(frameOf(solicitation()))],
  ["the same, behind a nonce", "checksum", toOther(frameOf(concat(nonceOnly(), solicitation())))],
  ["of a router", "invalid", frameOf(icmpv6(133, PLAIN, "ff02::2", BODY, 254))],
  ["with a code", "invalid", frameOf(icmpv6(133, PLAIN, "ff02::2", BODY, 255, 1))],
  ["wrong sum of ICMPv6", "invalid", frameOf(toOther(solicitation()))],
  ["from port 0", "source", frameOf(solicitation(), { sourcePort: 0 })],
  ["from a private address", "source", frameOf(solicitation(), { source: ip4("10.0.0.1") })],
  ["from ourselves", "source", frameOf(solicitation(), { source: SERVER })],
  ["from a broadcast address", "source", frameOf(solicitation(), { source: ip4("8.8.8.255") })],
  ["from a group of stations", "source", change(frameOf(solicitation()), 6, 3)],
];

/** A plain solicitation with something else in its headers, whose sums are right if not made wrong. */
function changed(
  by: (b: Uint8Array) => unknown,
  finish: (b: Uint8Array) => Uint8Array = (b) => finishUdp(finishIpv4(b)),
): Uint8Array {
  const b = frameOf(solicitation());
  by(b);
  return finish(b);
}

test("serverAnswer() leaves alone what is not plain, by its reason, as it came", async (t) => {
  const world = makeWorld({}, [ip4("8.8.8.255")]);
  const want: Partial<Record<ServerReason, number>> = {};
  for (const [what, reason, frame] of LEFT) {
    await t.test(what, () => {
      assert.equal(world.check(frame), "left");
      if (reason !== undefined) want[reason] = (want[reason] ?? 0) + 1;
      assert.deepEqual(world.left, want);
    });
  }
  assert.equal(world.check(frameOf(solicitation())), "answered", "and nothing else");
});

test("serverAnswer() leaves alone what was joined, and all there is while it is closed", () => {
  const world = makeWorld();
  assert.equal(world.run(frameOf(solicitation()), 48), "left");
  world.programs.open = false;
  assert.equal(world.check(frameOf(solicitation())), "left");
  world.programs.open = true;
  assert.equal(world.check(frameOf(solicitation())), "answered");
  assert.deepEqual(world.left, { super_packet: 1, paused: 1 });
});

for (const refuseReserved of [false, true]) {
  test(`serverAnswer() answers whom isGlobalUnicast() names, refuseReserved ${refuseReserved}`, () => {
    const broadcasts = ["1.2.3.255", "8.8.8.255", "9.0.0.0", "9.0.0.2"].map(ip4);
    const world = makeWorld({ refuseReserved }, broadcasts);
    const ranges = [
      ...notGlobalUnicast(true),
      ...broadcasts.map((it) => ({ first: it, last: it })),
    ];
    const near = ranges.flatMap(({ first, last }) => [first - 1, first, last, last + 1]);
    const sources = near.filter((it) => it >= 0 && it < 2 ** 32);
    for (let i = 0; i < 500; i++) sources.push(random.below(2 ** 31) * 2 + random.below(2));
    for (const source of sources) {
      const isClient = isGlobalUnicast(source, refuseReserved) && !broadcasts.includes(source);
      const want = isClient ? "answered" : "left";
      assert.equal(world.check(frameOf(solicitation(), { source })), want, formatIpv4(source));
    }
  });
}

test("serverAnswer() with as many broadcast addresses as there can be", () => {
  const broadcasts = Array.from({ length: 512 }, (_, i) => 0x0b0000ff + 512 * i);
  const world = makeWorld({}, broadcasts);
  for (const it of broadcasts) {
    assert.equal(world.check(frameOf(solicitation(), { source: it })), "left");
    assert.equal(world.check(frameOf(solicitation(), { source: it + 1 })), "answered");
  }
});

test("serverAnswer() answers nothing of what the vectors have that the rules do not", () => {
  const world = makeWorld();
  let answered = 0;
  for (const { id } of VECTORS) {
    for (const destination of [SERVER, SECONDARY_SERVER]) {
      if (world.check(frameOf(vector(id), { destination })) === "answered") answered++;
    }
  }
  assert.ok(answered >= 8, `${answered}`); // R1, R2, R3, R5 and R6
});

test("serverAnswer() answers mutated frames as the rules do, or leaves them as they are", () => {
  const world = makeWorld({}, [ip4("8.8.8.8")]);
  const seen = { answered: 0, left: 0, dropped: 0 };
  for (let i = 0; i < 30_000; i++) seen[world.check(mutated(random))]++;
  assert.equal(seen.dropped, 0);
  assert.ok(seen.answered > 2_000, JSON.stringify(seen));
  assert.ok(Object.keys(world.left).length > 8, JSON.stringify(world.left));
});

const NEVER_AGAIN = 1e-3; // tokens a second: none comes back while a test runs

for (const burst of [1, 2, 7, 200]) {
  test(`takeToken() gives a source its burst of ${burst}, and drops the rest`, () => {
    const world = makeWorld({ solicitationRate: NEVER_AGAIN, solicitationBurst: burst });
    const frame = () => frameOf(solicitation(random.pick([PLAIN, CONE])));
    for (let i = 0; i < burst; i++) assert.equal(world.check(frame()), "answered", `${i}`);
    for (let i = 0; i < 5; i++) assert.equal(world.check(frame()), "dropped");
    const { counters } = world;
    assert.equal(counters[DROPS_AT + Drop.RateLimited], 5);
    assert.equal(counters[Counter.advertisements_sent], burst);
    assert.equal(counters[Counter.udp_sent_datagrams], burst);
    assert.equal(counters[Counter.solicitations_received], burst + 5);
    assert.equal(counters[Counter.udp_received_datagrams], burst + 5);
    assert.equal(counters.subarray(DROPS_AT, FAILURES_AT).reduce((a, b) => a + b), 5);
  });
}

test("takeToken(): only what would be answered costs a token, and only its source's", () => {
  const world = makeWorld({ solicitationRate: NEVER_AGAIN, solicitationBurst: 1 });
  for (const [, , frame] of LEFT) world.run(frame);
  assert.equal(world.check(frameOf(solicitation())), "answered");
  // Two sources share a bucket once in 65,536.
  const others = [1, 2, 3].map((i) => world.check(frameOf(solicitation(), { source: RELAY + i })));
  assert.ok(others.includes("answered"));
});

test("takeToken(): tokens come back", () => {
  const world = makeWorld({ solicitationRate: 1_000_000, solicitationBurst: 1 });
  for (let i = 0; i < 20; i++) assert.equal(world.check(frameOf(solicitation())), "answered");
});

test("ServerPrograms.serve(): other rules hold from the next datagram on; buckets stay as they are", () => {
  const world = makeWorld({ solicitationRate: NEVER_AGAIN, solicitationBurst: 1 });
  const ask = () => world.run(frameOf(solicitation()));
  assert.equal(ask(), "answered");
  world.programs.serve(world.optionsWith({ mtu: 1300 }));
  assert.equal(ask(), "dropped");
  world.programs.serve(world.optionsWith({ solicitationBurst: 2, mtu: 1300 }));
  assert.deepEqual([ask(), ask(), ask()], ["answered", "answered", "dropped"]);
  world.programs.serve(world.optionsWith({ solicitationRate: 0, mtu: 1300 }));
  assert.equal(ask(), "answered");
  assert.equal(world.out.at(-1), 1300 & 0xff);
  world.programs.serve(world.optionsWith({ solicitationRate: 0 }, [CLIENT]));
  assert.equal(ask(), "left");
  assert.equal(world.counters[Counter.advertisements_sent], 4, "counted all along");
});

test("serverAnswer() behind 1:1 NAT: at the addresses bound, as those advertised", () => {
  const bound = { primary: ip4("10.0.0.4"), secondary: ip4("10.0.0.9") };
  const world = makeWorld({ ownAddresses: [...Object.values(bound), SERVER] }, [], bound);
  for (const destination of Object.values(bound)) {
    for (const from of [PLAIN, CONE]) {
      assert.equal(world.check(frameOf(solicitation(from), { destination })), "answered");
    }
  }
  assert.equal(world.check(frameOf(solicitation())), "left");
  const b = frameOf(solicitation(), { destination: bound.primary });
  writeU32(b, IPV4 + 12, SERVER);
  assert.equal(world.check(finishUdp(finishIpv4(b))), "left");
});
