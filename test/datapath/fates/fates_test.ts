import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { Observer, type Watcher } from "#src/daemon/fates/observer.ts";
import { FateLog } from "#src/daemon/fates/log.ts";
import { fieldsOf } from "#src/daemon/fates/words.ts";
import { FATE_LENGTH } from "#src/datapath/fates/fate.ts";
import { FateRing, RING_CAPACITY } from "#src/datapath/fates/ring.ts";
import { serverWatchedBy } from "#src/datapath/fates/server.ts";
import { tunnelWatchedBy } from "#src/datapath/fates/tunnel.ts";
import { Fates, FateWish } from "#src/datapath/fates/wish.ts";
import { createLogger } from "#src/log/logger.ts";
import { type Fields, formatLogfmt } from "#src/log/record.ts";
import { parsePeerPattern } from "#src/protocol/peers/pattern.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { bubble, icmpv6, packet, teredo } from "#test/protocol/packets.ts";
import { data, type FromClient, HOST, RelayLab } from "#test/protocol/relay/lab.ts";
import { WatchedRelay } from "./watched_relay.ts";
import { ClientLab } from "#test/protocol/client/lab.ts";
import { ServerLab } from "#test/protocol/server/lab.ts";
import { CLIENT, CLIENT_PORT, fromHex, SERVER } from "#test/protocol/vectors.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";

const A = teredo(CLIENT, CLIENT_PORT);
const B = teredo(CLIENT + 1, CLIENT_PORT);
const FROM_B: FromClient = { address: CLIENT + 1 };

/** What is told since this was last asked. */
function told(fates: Fates): Fields[] {
  const fields: Fields[] = [];
  fates.take((fate) => void fields.push(fieldsOf(fate)));
  return fields;
}

function observed(peer: string, options: Partial<RelayOptions> = {}) {
  const watched = new WatchedRelay(options);
  watched.observe(peer);
  return watched;
}

/** Lines in short: way, deeds, reason. */
function short(fates: Fates): string[] {
  return told(fates).map(({ way, did, reason }) => [way, did, reason].filter(Boolean).join(": "));
}

/** The bubble by which the client answers the last one sent to it. */
function answer(lab: RelayLab, client = A): Uint8Array {
  const asked = lab.sent.find(({ to }) => to.endsWith(":3544"))!;
  return bubble(client, fromHex(asked.hex).slice(8, 24));
}

test("Observed client tells of its solicitations, and of a packet for a client from first to last", () => {
  const lab = new ClientLab();
  const fates = new Fates(1);
  const wish = new FateWish(fates.optionsOf(0), lab.counters, SERVICE_PREFIX);
  fates.observe([formatIpv4(SERVER), formatIpv6(A)].map((it) => parsePeerPattern(it)!));
  const passage = tunnelWatchedBy(lab.client, wish.take()!);
  lab.start();
  lab.now += 60_000;
  passage.tick(lab.now, lab.sink);
  const [asked] = told(fates);
  assert.equal(asked!["way"], "timer");
  assert.equal(asked!["destination"], "ff02::2", "behind its authentication");
  assert.equal(asked!["did"], "asked a server");

  lab.live(120_000);
  const sent = data(lab.address, A);
  passage.fromIpv6(sent, 0, sent.length, lab.now, lab.sink);
  const [held] = told(fates);
  assert.match(`${held!["did"]}`, /held/);
  lab.now += 400_000;
  passage.tick(lab.now, lab.sink);
  assert.ok(told(fates).some(({ way, reason }) => way === "from_hold" && reason !== undefined));
});

test("Observed relay tells a packet's way from first to last", () => {
  const { lab, fates } = observed(formatIpv6(A));
  lab.fromIpv6(data(HOST, A));
  const [first] = told(fates);
  assert.deepEqual(first, {
    way: "from_ipv6",
    peer: undefined,
    packet: "udp",
    source: HOST,
    destination: formatIpv6(A),
    bytes: 88,
    did: "made an entry, held, sent a bubble by way of its server",
    to: ["65.54.227.120:3544"],
  });
  lab.fromClient(answer(lab));
  lab.fromIpv6(data(HOST, A));
  lab.fromClient(data(A, HOST));
  assert.deepEqual(short(fates), [
    "from_udp: took a bubble, which answers ours, became trusted, released what was held",
    "from_ipv6: sent",
    "from_udp: passed to the IPv6 side",
  ]);
});

const drops: readonly [string, (lab: RelayLab) => void, readonly string[]][] = [
  ["a datagram that is none of Teredo's", (lab) => lab.fromClient(new Uint8Array(20)), [
    "from_udp: not_teredo",
  ]],
  ["a stranger, who is asked to prove itself", (lab) => lab.fromClient(data(A, HOST)), [
    "from_udp: sent a bubble as a challenge: unknown_peer",
  ]],
  ["a source that is not its mapping", (lab) => lab.fromClient(data(A, HOST), { port: 7 }), [
    "from_udp: source_mismatch",
  ]],
  ["a destination nobody serves", (lab) => lab.fromIpv6(data("fe80::1", A)), [
    "from_ipv6: source_scope",
  ]],
  ["what is held in vain", (lab) => {
    lab.fromIpv6(data(HOST, A));
    lab.advance(8_000);
    lab.fromIpv6(data(HOST, A));
  }, [
    "from_ipv6: made an entry, held, sent a bubble by way of its server",
    "timer: sent a bubble again",
    "timer: sent a bubble again",
    "timer: sent a bubble again",
    "from_hold: peer_unreachable",
    "from_ipv6: sent an ICMPv6 error: peer_unreachable",
  ]],
];

for (const [name, act, want] of drops) {
  test(`Observed relay tells of ${name}`, () => {
    const { lab, fates } = observed(formatIpv6(A));
    act(lab);
    assert.deepEqual(short(fates), want);
  });
}

test("Observed relay tells of what is held too long, and of what gives way to another's packet", () => {
  const { lab, fates } = observed(formatIpv6(A), { holdAge: 1_000, holdMemory: 1280 });
  lab.fromIpv6(data(HOST, A));
  lab.advance(1_000);
  lab.fromIpv6(data(HOST, A));
  lab.fromIpv6(data(HOST, B));
  assert.deepEqual(short(fates), [
    "from_ipv6: made an entry, held, sent a bubble by way of its server",
    "from_hold: hold_expired",
    "from_ipv6: held",
    "from_hold: hold_full",
  ]);
});

const packets: readonly [Uint8Array, string, string | undefined][] = [
  [icmpv6(128, HOST, A, Uint8Array.of(0, 9, 0, 7)), "icmpv6", "echo request 7"],
  [icmpv6(1, HOST, A, new Uint8Array(44)), "icmpv6", "unreachable, code 0"],
  [packet(6, HOST, A, new Uint8Array(32)), "tcp", "TCP, 32 bytes"],
  [packet(6, HOST, A, new Uint8Array(3)), "tcp", "TCP, 3 bytes"],
  [packet(58, HOST, A, new Uint8Array(3)), "icmpv6", undefined],
  [packet(59, HOST, A, new Uint8Array(0)), "bubble", undefined],
  [packet(253, HOST, A, new Uint8Array(0)), "next header 253", undefined],
];

for (const [bytes, kind, what] of packets) {
  test(`fieldsOf() says what a packet is: ${what ?? kind}`, () => {
    const { lab, fates } = observed(HOST);
    lab.fromIpv6(bytes);
    const [first] = told(fates);
    assert.deepEqual([first!.packet, first!.what, first!.source], [kind, what, HOST]);
  });
}

test("Observed relay says in words why a packet was dropped", () => {
  const { lab, fates } = observed("192.0.2.45");
  lab.fromClient(data(A, HOST), { port: 7 });
  const [{ peer, reason, detail }] = told(fates) as [Fields];
  assert.deepEqual([peer, reason, detail], [
    "192.0.2.45:7",
    "source_mismatch",
    "dropped: its IPv6 source does not hold the UDP address and port it came from",
  ]);
});

test("Observed relay tells nothing of other peers' packets", () => {
  for (const peer of [formatIpv6(A), "192.0.2.45", "192.0.2.45:40000", "2001:db8::2"]) {
    const { lab, fates } = observed(peer);
    lab.fromIpv6(data(HOST, B));
    lab.advance(2_000);
    lab.fromClient(answer(lab, B), FROM_B);
    lab.fromClient(data(B, HOST), FROM_B);
    lab.fromClient(new Uint8Array(3), FROM_B);
    lab.advance(400_000);
    assert.deepEqual(told(fates), [], peer);
  }
});

test("Observed relay does whatever Relay does", () => {
  const clients = [A, B, teredo(0x0a000001, 1)];
  const steps = fc.array(
    fc.record({
      act: fc.constantFrom("in", "out", "answer", "wait", "noise"),
      client: fc.constantFrom(...clients),
      port: fc.constantFrom(CLIENT_PORT, 7),
      wait: fc.integer({ min: 1, max: 40_000 }),
      noise: fc.uint8Array({ maxLength: 90 }),
    }),
    { maxLength: 40 },
  );
  const run = (lab: RelayLab, { act, client, port, wait, noise }: {
    act: string;
    client: Uint8Array;
    port: number;
    wait: number;
    noise: Uint8Array;
  }) => {
    const asked = lab.sent.some(({ to }) => to.endsWith(":3544"));
    const address = client === B ? CLIENT + 1 : CLIENT;
    if (act === "in") return lab.fromClient(data(client, HOST), { address, port });
    if (act === "out") return lab.fromIpv6(data(HOST, client));
    if (act === "noise") return lab.fromClient(noise, { address, port });
    if (act === "answer" && asked) return lab.fromClient(answer(lab, client), { address, port });
    return lab.advance(wait);
  };
  fc.assert(
    fc.property(steps, fc.constantFrom(formatIpv6(A), "192.0.2.45", HOST), (all, peer) => {
      const options = { holdMemory: 3 * 1280, maxPeers: 2 };
      const plain = new RelayLab(options);
      const { lab } = observed(peer, options);
      for (const step of all) {
        assert.equal(run(lab, step), run(plain, step));
        assert.deepEqual(lab.sent, plain.sent);
      }
      assert.deepEqual(lab.counters, plain.counters);
    }),
    { numRuns: 200 },
  );
});

test("FateWish.take() changes whose packets are told, from one turn to the next", () => {
  const watched = new WatchedRelay({ holdMemory: 1280 });
  const { lab, fates } = watched;
  const { relay } = lab;
  watched.turn();
  assert.equal(lab.passage, relay, "nobody asks: there is nothing between");
  lab.fromIpv6(data(HOST, A));
  assert.deepEqual(told(fates), []);
  watched.observe(formatIpv6(B));
  lab.fromIpv6(data(HOST, B)); // for which A's packet gives way
  assert.deepEqual(short(fates), [
    "from_ipv6: made an entry, held, sent a bubble by way of its server",
  ]);
  fates.observe([parsePeerPattern(formatIpv6(A))!]);
  lab.fromClient(data(A, HOST), { port: 7 });
  assert.deepEqual(told(fates), [], "not before the next turn");
  watched.turn();
  lab.fromIpv6(data(HOST, A)); // for which B's gives way
  assert.deepEqual(short(fates), ["from_ipv6: held"]);
  watched.observe(formatIpv6(A), formatIpv6(B));
  lab.fromIpv6(data(HOST, B));
  assert.deepEqual(short(fates), ["from_hold: hold_full", "from_ipv6: held"]);
  watched.observe();
  assert.equal(lab.passage, relay);
  lab.fromIpv6(data(HOST, A));
  lab.fromIpv6(data(HOST, B));
  assert.deepEqual(told(fates), [], "nor of what is let go");
});

test("Observer tells each watcher of its own peer, and looks only while there is one", async () => {
  const watched = new WatchedRelay();
  const { lab, fates } = watched;
  const observer = new Observer(fates, SERVICE_PREFIX);
  const watch = (peer: string, most = Infinity) => {
    const heard: string[] = [];
    let flushes = 0;
    const watcher: Watcher = {
      peer: parsePeerPattern(peer)!,
      tell: (fate) => {
        if (heard.push(String(fieldsOf(fate).destination)) >= most) observer.remove(watcher);
      },
      leaveOut: (count) => void heard.push(`${count} left out`),
      flush: () => void flushes++,
    };
    return { watcher, heard, flushes: () => flushes };
  };
  const [a, b, first] = [watch(formatIpv6(A)), watch(formatIpv6(B)), watch(HOST, 1)];
  observer.add(a.watcher);
  watched.turn();
  lab.fromIpv6(data(HOST, A));
  observer.add(b.watcher);
  observer.add(first.watcher);
  watched.turn();
  lab.fromIpv6(data(HOST, A));
  lab.fromIpv6(data(HOST, B));
  await until(() => b.heard.length === 1);
  assert.deepEqual([a.heard, b.heard, first.heard], [
    [formatIpv6(A), formatIpv6(A)],
    [formatIpv6(B)],
    [formatIpv6(A)],
  ]);
  for (let i = 0; i < RING_CAPACITY + 5; i++) lab.fromIpv6(data(HOST, A));
  observer.remove(a.watcher);
  assert.equal(a.heard.length, 2 + RING_CAPACITY + 1);
  assert.equal(a.heard.at(-1), "5 left out");
  assert.deepEqual(b.heard.slice(1), ["5 left out"], "they may have been its own");
  observer.remove(b.watcher);
  watched.turn();
  assert.equal(lab.passage, lab.relay);
  let looks = 0;
  fates.take = () => void looks++;
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.equal(looks, 0, "nobody looks any more");
});

test("Observed server tells a qualification, a bubble passed on and a drop", () => {
  const lab = new ServerLab();
  const fates = new Fates(1);
  const wish = new FateWish(fates.optionsOf(0), lab.counters, SERVICE_PREFIX);
  fates.observe([parsePeerPattern("192.0.2.45")!]);
  lab.passage = serverWatchedBy(lab.server, wish.take()!);
  lab.receive(icmpv6(133, "fe80::1", "ff02::2", new Uint8Array(4), 255));
  lab.receive(bubble(A, B));
  lab.receive(bubble(HOST, A), { address: 0xcb007163 });
  lab.receive(bubble(HOST, B), { address: 0xcb007163 });
  lab.receive(data(A, HOST));
  assert.deepEqual(short(fates), [
    "from_udp: took a router solicitation, sent a router advertisement",
    "from_udp: passed the bubble on",
    "from_udp: passed the bubble on",
    "from_udp: not_bubble_or_icmpv6",
  ]);
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("FateRing hands over what it was given, in order, over and over", () => {
  const ring = new FateRing();
  const other = new FateRing(ring.buffer);
  const seen: number[] = [];
  for (let i = 0; i < 3 * RING_CAPACITY; i++) {
    ring.put(new Uint8Array(FATE_LENGTH).fill(i & 0xff));
    if (i % 100 === 99) other.take((fate) => void seen.push(fate[FATE_LENGTH - 1]!));
  }
  other.take((fate) => void seen.push(fate[0]!));
  assert.deepEqual(seen, Array.from({ length: 3 * RING_CAPACITY }, (_, i) => i & 0xff));
  assert.equal(other.takeLost(), 0);
});

test("FateRing keeps the first ones of a flood, and counts those it had no room for", () => {
  const ring = new FateRing();
  const fate = new Uint8Array(FATE_LENGTH);
  for (let i = 0; i < RING_CAPACITY + 10; i++) {
    fate[0] = i & 0xff;
    ring.put(fate);
  }
  let count = 0;
  ring.take(([first]) => assert.equal(first, count++ & 0xff));
  assert.equal(count, RING_CAPACITY);
  assert.equal(ring.takeLost(), 10);
  assert.equal(ring.takeLost(), 0);
  ring.put(fate);
  ring.take(() => count++);
  assert.equal(count, RING_CAPACITY + 1);
});

test("FateLog writes so many lines a second, and says how many it left out", () => {
  const lines: string[] = [];
  const sink = (_: string, line: string) => void lines.push(line);
  let now = 0;
  const log = createLogger({ level: "debug", format: formatLogfmt, sink, time: undefined });
  const limit = new FateLog(parsePeerPattern("192.0.2.45")!, log, () => now);
  for (let i = 0; i < 500; i++) limit.tell(new Uint8Array(FATE_LENGTH));
  limit.leaveOut(7);
  assert.equal(lines.length, 100);
  now = 999;
  limit.flush();
  assert.equal(lines.length, 100);
  now = 1_000;
  limit.flush();
  assert.equal(lines.at(-1), "level=debug msg=Packet suppressed=407");
  limit.tell(new Uint8Array(FATE_LENGTH));
  limit.close();
  assert.equal(lines.length, 102);
});
