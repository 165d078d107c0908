import assert from "node:assert/strict";
import process from "node:process";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import { RENEW_AGAIN } from "#src/datapath/linux/fast_path/leases.ts";
import { readU16, writeU16 } from "#src/protocol/wire/bytes.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { origin } from "#test/protocol/packets.ts";
import { RELAY, RELAY_PORT, toHex } from "#test/protocol/vectors.ts";
import { Prng } from "#test/sim/prng.ts";
import {
  ETHERNET,
  finishIpv4,
  finishUdp,
  INNER,
  IPV4,
  makePacket,
  packetFrame,
  TCP_PROTOCOL,
  transportChecksumAt,
  UDP,
  UDP_PROTOCOL,
  unfinishTransport,
  unfinishUdp,
} from "./frames.ts";
import {
  anyCase,
  append,
  type Expected,
  frameDown,
  frameUp,
  isAstray,
  ODD,
  packetUp,
  play,
  PROTOCOLS,
  SERVED,
  SERVED_PREFIXES,
  shortestRun,
} from "./oracle.ts";
import { type Peer, SMALL_MTU, TUN_MTU, World } from "./world.ts";

/**
 * The kernel runs the programs, and the relay's rules judge: what a program carries, the rules would have
 * carried (`oracle.ts`). And what has nothing wrong with it, it does carry.
 */

/** More of them by hand, or before a release. */
const PACKETS = Number(process.env["TEREDO_ORACLE_PACKETS"] ?? 100_000);
const SEED = Number(process.env["TEREDO_ORACLE_SEED"] ?? 9_601);

const libc = await openLibc();
const WORLDS: readonly (readonly [string, World])[] = [
  ["any address is served", new World(libc, undefined)],
  [
    "some are",
    new World(libc, SERVED_PREFIXES),
  ],
];
process.once("exit", () => WORLDS.forEach(([, world]) => world.close()));

/** What is wrong with a datagram, and why it is left. A defect changes the frame or makes another. */
const UP: readonly (readonly [string, Expected, (b: Uint8Array, random: Prng) => Uint8Array])[] = [
  ["nothing", undefined, (b) => b],
  ["to another host", "not ours", (b) => put8(b, 5, 1)],
  ["to all hosts", "not ours", (b) => put8(b, 0, 0xff)],
  ["an 802.1Q header", "not ours", (b) => put16(b, 12, 0x8100)],
  ["said to be IPv6", "not ours", (b) => put16(b, 12, 0x86dd)],
  ["UDP-Lite", "not ours", (b) => finishIpv4(put8(b, IPV4 + 9, 136))],
  ["another port", "not ours", (b) => finishUdp(put16(b, UDP + 2, RELAY_PORT + 1))],
  ["IPv4 options", "ipv4_options", (b) => finishIpv4(put8(b, IPV4, 0x46))],
  ["a header that is too short", "ipv4_options", (b) => finishIpv4(put8(b, IPV4, 0x44))],
  ["version 5", "ipv4_options", (b) => finishIpv4(put8(b, IPV4, 0x55))],
  ["a first fragment", "fragment", (b) => finishIpv4(put16(b, IPV4 + 6, 0x2000))],
  ["a last fragment", "not ours", (b) => finishIpv4(put16(b, IPV4 + 6, 0x0001))],
  ["a fragment far behind", "not ours", (b) => finishIpv4(put16(b, IPV4 + 6, 0x1fff))],
  ...[1, 2, 3].map((ecn) =>
    [
      `ECN ${ecn}`,
      "ecn",
      (b: Uint8Array) => finishIpv4(put8(b, IPV4 + 1, (b[IPV4 + 1]! & 0xfc) | ecn)),
    ] as const
  ),
  ["a total length that is too small", "length", (b) => finishIpv4(grow16(b, IPV4 + 2, -1))],
  ["a total length that is too large", "length", (b) => finishIpv4(grow16(b, IPV4 + 2, 1))],
  ["a UDP length that is too small", "length", (b) => finishUdp(grow16(b, UDP + 4, -1))],
  ["a UDP length that is too large", "length", (b) => finishUdp(grow16(b, UDP + 4, 1))],
  ["padding", "length", (b) => append(b, 4)],
  ["a byte missing", "length", (b) => b.slice(0, -1)],
  ["a wrong header checksum", "ipv4_checksum", (b) => grow16(b, IPV4 + 10, 1)],
  ["an IPv4 address changed on the way", "ipv4_checksum", (b) => grow16(b, IPV4 + 14, 1)],
  ["a datagram that has no packet", "length", (b) => resized(b, INNER)],
  ["half an IPv6 header", "length", (b) => resized(b, INNER + 39)],
  ["an origin indication", "not_ipv6", (b) => rebuilt(b, origin(1, 2), b.slice(INNER))],
  ["an IPv4 packet", "not_ipv6", (b) => finishUdp(put8(b, INNER, 0x45))],
  ["a trailer", "trailers", (b) => rebuilt(b, b.slice(INNER), Uint8Array.of(1, 2, 0, 0))],
  ["a payload length beyond the datagram", "trailers", (b) => finishUdp(grow16(b, INNER + 4, 1))],
  ...[0, 43, 44, 50, 51, 59, 60, 135, 255].map((header) =>
    [
      `next header ${header}`,
      "next_header",
      (b: Uint8Array) => finishUdp(put8(b, INNER + 6, header)),
    ] as const
  ),
  ["a source that nobody knows", "no_lease", (b) => finishUdp(put8(b, INNER + 8 + 5, 77))],
  ["a source that is no client", "no_lease", (b) => finishUdp(put8(b, INNER + 8 + 1, 2))],
  ["another IPv4 source", "mapping", (b) => finishUdp(finishIpv4(grow16(b, IPV4 + 14, 1)))],
  ["another port", "mapping", (b) => finishUdp(grow16(b, UDP, 1))],
  [
    "to another address of ours",
    "local_address",
    (b) => finishUdp(finishIpv4(grow16(b, IPV4 + 18, 1))),
  ],
  ["no UDP checksum", "no_checksum", (b) => put16(b, UDP + 6, 0)],
  ["an unfinished UDP checksum", "unfinished_checksum", unfinishUdp],
  ["a wrong UDP checksum", "checksum", (b) => grow16(b, UDP + 6, 2)],
  ["a wrong transport checksum", "checksum", (b) => {
    const place = INNER + transportChecksumAt(b[INNER + 6]!);
    writeU16(b, place, readU16(b, place) ^ 0x0400);
    return finishUdp(b);
  }],
  [
    "a changed payload, under both checksums",
    undefined,
    (b) => put8(b, b.length - 1, b.at(-1)! ^ 1),
  ],
];

const DOWN: readonly (readonly [string, Expected, (b: Uint8Array, random: Prng) => Uint8Array])[] =
  [
    ["nothing", undefined, (b) => b],
    ["said to be IPv4", "not_ipv6", (b) => put16(b, 12, 0x0800)],
    ["another version", "not_ipv6", (b) => put8(b, ETHERNET, 0x45)],
    ["a payload length that is too small", "length", (b) => grow16(b, ETHERNET + 4, -1)],
    ["a payload length that is too large", "length", (b) => grow16(b, ETHERNET + 4, 1)],
    ["no transport header", "length", (b) => put16(b.slice(0, ETHERNET + 40), ETHERNET + 4, 0)],
    ["a byte short of a checksum", "length", (b) => {
      const length = transportChecksumAt(b[ETHERNET + 6]!) + 1;
      return put16(b.slice(0, ETHERNET + length), ETHERNET + 4, length - 40);
    }],
    ...[0, 43, 44, 50, 51, 59, 60, 135, 255].map((header) =>
      [
        `next header ${header}`,
        "next_header",
        (b: Uint8Array) => put8(b, ETHERNET + 6, header),
      ] as const
    ),
    ["a client that nobody knows", "no_lease", (b) => put8(b, ETHERNET + 24 + 5, 77)],
    ["no client", "no_lease", (b) => put8(b, ETHERNET + 24 + 1, 2)],
    ["a group", "no_lease", (b) => put8(b, ETHERNET + 24, 0xff)],
    ["an unfinished checksum", "unfinished_checksum", (b) => {
      unfinishTransport(b, ETHERNET);
      return b;
    }],
    ["a changed payload", undefined, (b) => put8(b, b.length - 1, b.at(-1)! ^ 1)],
  ];

const put8 = (b: Uint8Array, at: number, value: number) => (b[at] = value, b);
const put16 = (b: Uint8Array, at: number, value: number) => (writeU16(b, at, value), b);
const grow16 = (b: Uint8Array, at: number, by: number) => put16(b, at, readU16(b, at) + by);
/** A datagram of another length, whose outer headers agree with it. */
function resized(b: Uint8Array, length: number): Uint8Array {
  const other = new Uint8Array(length);
  other.set(b.subarray(0, length));
  put16(other, IPV4 + 2, length - IPV4);
  put16(other, UDP + 4, length - UDP);
  return finishUdp(finishIpv4(other));
}

/** The same datagram with another payload. */
function rebuilt(b: Uint8Array, first: Uint8Array, second: Uint8Array): Uint8Array {
  const other = new Uint8Array(INNER + first.length + second.length);
  other.set(b.subarray(0, INNER));
  other.set(first, INNER);
  other.set(second, INNER + first.length);
  return resized(other, other.length);
}

for (const [served, world] of WORLDS) {
  const [fresh] = world.peers as readonly [Peer];

  for (const [name, expected, change] of UP) {
    test(`relayUp(), ${served}: ${name}: ${expected ?? "carried"}`, () => {
      const random = new Prng(SEED);
      for (const protocol of PROTOCOLS) {
        for (let i = 0; i < 20; i++) {
          const packet = packetUp(random, fresh, random.pick(SERVED), protocol);
          const frame = change(frameUp(random, fresh, packet), random);
          play(world, { way: "up", frame, peer: fresh, expected }, name);
        }
      }
    });
  }

  for (const [name, expected, change] of DOWN) {
    test(`relayDown(), ${served}: ${name}: ${expected ?? "carried"}`, () => {
      const random = new Prng(SEED);
      for (const protocol of PROTOCOLS) {
        for (let i = 0; i < 20; i++) {
          const frame = change(frameDown(random, fresh, random.pick(SERVED), protocol), random);
          play(world, { way: "down", frame, peer: fresh, expected }, name);
        }
      }
    });
  }

  test(`relayUp(), relayDown(), ${served}: a lease in every state`, () => {
    const random = new Prng(SEED);
    for (const peer of world.peers) {
      const native = random.pick(SERVED);
      const frame = frameUp(random, peer, packetUp(random, peer, native));
      play(world, { way: "up", frame, peer, expected: peer.up }, "up");
      if (isAstray(peer)) continue;
      const down = frameDown(random, peer, native);
      play(world, { way: "down", frame: down, peer, expected: peer.down }, "down");
    }
  });

  test(`relayUp(), relayDown(), ${served}: nothing passes when nobody is alive`, () => {
    const random = new Prng(SEED);
    world.isAlive = false;
    const up = frameUp(random, fresh, packetUp(random, fresh, SERVED[0]!));
    play(world, { way: "up", frame: up, peer: fresh, expected: "expired" }, "up");
    const down = frameDown(random, fresh, SERVED[0]!);
    play(world, { way: "down", frame: down, peer: fresh, expected: "expired" }, "down");
    world.isAlive = true;
  });

  test(`relayUp(), relayDown(), ${served}: super-packets are left`, () => {
    const random = new Prng(SEED);
    const expected = "super_packet";
    const up = frameUp(random, fresh, packetUp(random, fresh, SERVED[0]!, TCP_PROTOCOL));
    play(world, { way: "up", frame: up, peer: fresh, expected, gsoSize: 100 }, "up");
    const down = frameDown(random, fresh, SERVED[0]!, TCP_PROTOCOL);
    play(world, { way: "down", frame: down, peer: fresh, expected, gsoSize: 100 }, "down");
  });

  test(`relayUp(), relayDown(), ${served}: to and from every odd address, what the rules say`, () => {
    const random = new Prng(SEED);
    for (const odd of [...ODD, ...SERVED]) {
      const packet = packetUp(random, fresh, odd);
      const up = frameUp(random, fresh, packet);
      const isUp = world.askUp(packet, fresh.address, fresh.port, RELAY) === "none";
      world.reset(fresh);
      assert.equal(world.run("up", up), isUp, `to ${toHex(odd)}`);
      const down = frameDown(random, fresh, odd);
      const isDown = world.askDown(down.slice(ETHERNET)) === "none";
      world.reset(fresh);
      assert.equal(world.run("down", down), isDown, `from ${toHex(odd)}`);
    }
  });

  test(`relayUp(), relayDown(), ${served}: the longest packets that fit, and one byte more`, () => {
    const random = new Prng(SEED);
    for (const [length, fits] of [[TUN_MTU, true], [TUN_MTU + 1, false]] as const) {
      const expected: Expected = fits ? undefined : "too_long";
      const packet = makePacket(random, UDP_PROTOCOL, fresh.teredo, SERVED[0]!, length - 48);
      play(
        world,
        { way: "up", frame: frameUp(random, fresh, packet), peer: fresh, expected },
        "up",
      );
    }
    for (const [length, fits] of [[SMALL_MTU - 28, true], [SMALL_MTU - 27, false]] as const) {
      const expected: Expected = fits ? undefined : "too_long";
      const packet = makePacket(random, UDP_PROTOCOL, SERVED[0]!, fresh.teredo, length - 48);
      const down = { frame: packetFrame(packet), peer: fresh, expected, mtu: SMALL_MTU };
      play(world, { way: "down", ...down }, "down");
    }
  });
}

test("relayUp(), relayDown(): packets and bytes add up, and a time is refreshed once a second", () => {
  const [[, world]] = WORLDS as readonly [readonly [string, World]];
  const [peer] = world.peers as readonly [Peer];
  const random = new Prng(SEED);
  world.reset(peer);
  let [up, down] = [0, 0];
  let first: number[] = [];
  // For long enough that the programs' clock has gone on.
  const end = world.now + 50e6;
  for (let i = 1; i <= 20 || world.now < end; i++) {
    const packet = packetUp(random, peer, SERVED[0]!);
    assert.ok(world.run("up", frameUp(random, peer, packet)));
    const frame = frameDown(random, peer, SERVED[0]!);
    assert.ok(world.run("down", frame));
    [up, down] = [up + packet.length, down + frame.length - ETHERNET];
    const { received, sent, receivedAt, sentAt } = world.read(peer);
    assert.deepEqual([received, sent], [[i, up], [i, down]]);
    const times = [receivedAt, sentAt];
    const now = world.now;
    assert.ok(times.every((time) => time > 0 && time <= now), `${times} of ${now}`);
    if (first.length === 0) first = times;
    times.forEach((time, way) => {
      const since = time - first[way]!;
      assert.ok(since === 0 || since >= 1e9, `refreshed after ${since} ns`);
      if (since > 0) first[way] = time;
    });
  }
});

test("relayUp(), relayDown(): one packet renews, the next ones pass until it is asked again", () => {
  const [[, world]] = WORLDS as readonly [readonly [string, World]];
  const random = new Prng(SEED);
  for (const way of ["up", "down"] as const) {
    const peer = world.peers.find((it) => it[way] === "renewal")!;
    const frame = way === "up"
      ? frameUp(random, peer, packetUp(random, peer, SERVED[0]!))
      : frameDown(random, peer, SERVED[0]!);
    world.reset(peer);
    // What would not have passed renews nothing.
    const wrong = frame.slice();
    if (way === "up") grow16(wrong, UDP + 6, 2);
    else unfinishTransport(wrong, ETHERNET);
    assert.equal(world.run(way, wrong), false);
    const renewAt = () => world.read(peer)[way === "up" ? "renewUpAt" : "renewDownAt"];
    assert.equal(renewAt(), 1);
    const before = world.now;
    assert.equal(world.run(way, frame), false);
    const after = world.now;
    // The programs' clock is a tick behind, of 10 ms at most.
    const again = renewAt() - RENEW_AGAIN;
    assert.ok(again > before - 20e6 && again <= after, `${before} ${again} ${after}`);
    const passes = world.run(way, frame);
    if (world.now - before < RENEW_AGAIN) assert.ok(passes); // else it may be asked again
  }
});

test("relayDown(): UDP without a checksum is left, TCP and ICMPv6 may have one of 0", () => {
  const [[, world]] = WORLDS as readonly [readonly [string, World]];
  const [peer] = world.peers as readonly [Peer];
  const random = new Prng(SEED);
  for (const protocol of PROTOCOLS) {
    const frame = packetFrame(makePacket(random, protocol, SERVED[0]!, peer.teredo, 20));
    // The last word takes what the checksum would have been.
    const last = frame.length - 2;
    writeU16(frame, last, 0);
    writeU16(frame, ETHERNET + transportChecksumAt(protocol), 0);
    writeU16(frame, last, payloadChecksum(frame, ETHERNET));
    assert.equal(payloadChecksum(frame, ETHERNET), 0);
    const expected = protocol === UDP_PROTOCOL ? "no_checksum" : undefined;
    play(world, { way: "down", frame, peer, expected }, `checksum 0 of ${protocol}`);
  }
});

test(`relayUp(), relayDown(): ${PACKETS} packets of all kinds, and the rules agree`, {
  timeout: 600_000 + PACKETS,
}, () => {
  const carried = { up: 0, down: 0 };
  for (let i = 0; i < PACKETS; i++) {
    const random = new Prng(SEED + i);
    const [, world] = WORLDS[i % WORLDS.length]!;
    const one = anyCase(world, random);
    if (one.frame.length < shortestRun(one.frame)) continue;
    play(world, one, `packet ${i} of seed ${SEED}`);
    if (world.out.length !== one.frame.length) carried[one.way]++;
  }
  // Or this shows nothing.
  assert.ok(carried.up > PACKETS / 50 && carried.down > PACKETS / 50, JSON.stringify(carried));
});
