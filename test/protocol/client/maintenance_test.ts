import assert from "node:assert/strict";
import test from "node:test";
import type { ClientOptions, Native } from "#src/protocol/client/contract.ts";
import { Nonces } from "#src/protocol/client/nonces.ts";
import { betterOf, ServerList } from "#src/protocol/client/servers/list.ts";
import { Refresh, REFRESH_MIN } from "#src/protocol/client/servers/refresh.ts";
import { Server } from "#src/protocol/client/servers/server.ts";
import { Drop } from "#src/protocol/drops.ts";
import { equalIpv6 } from "#src/protocol/wire/ipv6.ts";
import { flagsOf, RANDOM_FLAGS, serverAddressOf } from "#src/protocol/wire/teredo_address.ts";
import { bubble, concat, origin, teredo } from "../packets.ts";
import { SECONDARY_SERVER, SERVER } from "../vectors.ts";
import {
  assertDrop,
  CLIENT_OPTIONS,
  ClientLab,
  data,
  echoReply,
  HOST,
  MAPPED_AT,
  PEER,
  PEER_AT,
  PEER_SERVER,
  RELAY_AT,
  SERVER_AT,
  sipHash,
} from "./lab.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const STANDBY = SERVER + 4;
const pair = (primary: number) => ({ primary, secondary: primary + 1 });

/** Lets time pass until a server is asked; at most `most`. */
function untilAsked(lab: ClientLab, most: number, server = SERVER): number {
  const start = lab.now;
  const end = start + most;
  for (;;) {
    assert.ok(lab.now < end, "nobody asked");
    lab.advance(100);
    if (lab.sentTo({ address: server, port: 3_544 }).length > 0) return lab.now - start;
  }
}

/** Answers as the server does, whenever it is asked, until `end`. */
function answerUntil(lab: ClientLab, end: number, servers: readonly number[] = [SERVER]): void {
  while (lab.now < end) {
    lab.advance(100);
    for (const server of servers) {
      const asked = lab.sentTo({ address: server, port: 3_544 }).at(-1);
      if (asked?.bytes[1] === 1) lab.advertise(asked, MAPPED_AT, server);
    }
  }
}

test("Client.tick() asks the server again after 22.5 to 30 s, each time (C-50)", () => {
  const lab = new ClientLab().qualify();
  const waits = new Set<number>();
  for (let i = 0; i < 40; i++) {
    const waited = untilAsked(lab, 31 * SECOND);
    assert.ok(waited >= 22.5 * SECOND && waited <= 30 * SECOND + 100, `${waited} ms`);
    waits.add(waited);
    assertDrop(lab.advertise(lab.solicitationTo(SERVER)), Drop.None);
  }
  assert.ok(waits.size > 20, "at random");
});

test("Client tells of another MTU that its server has, though nothing else is another one", () => {
  const lab = new ClientLab().qualify();
  const { version } = lab.client;
  untilAsked(lab, 31 * SECOND);
  lab.advertise(lab.solicitationTo(SERVER), MAPPED_AT, SERVER, SERVER, 1400);
  assert.equal(lab.client.status().mtu, 1400);
  assert.notEqual(lab.client.version, version);
});

test("Client.tick() asks as often as `refresh` says (C-50)", () => {
  const lab = new ClientLab({ refresh: 12 * SECOND }).qualify();
  const waited = untilAsked(lab, 13 * SECOND);
  assert.ok(waited >= 9 * SECOND && waited <= 12 * SECOND + 100);
});

test("Client.fromUdp() keeps address and flags while the mapping stands (C-17, C-51)", () => {
  const lab = new ClientLab().qualify();
  const before = lab.address;
  for (let i = 0; i < 5; i++) {
    untilAsked(lab, 31 * SECOND);
    lab.advertise(lab.solicitationTo(SERVER));
    assert.deepEqual(lab.address, before);
  }
  assert.equal(lab.count("client_address_changes"), 0);
});

test("Client.fromUdp() has the address of an earlier run if the mapping is the same, with no flag but random ones (C-17)", () => {
  const remembered = { ...MAPPED_AT, flags: 0xffff };
  const again = new ClientLab({ remembered }).qualify();
  assert.equal(flagsOf(again.address, 0), RANDOM_FLAGS);
  for (const other of [{ port: MAPPED_AT.port + 1 }, { address: MAPPED_AT.address + 1 }]) {
    const lab = new ClientLab({ remembered: { ...remembered, ...other } }).qualify();
    assert.notEqual(flagsOf(lab.address, 0), RANDOM_FLAGS);
  }
});

test("Client.fromUdp() has another address when the mapping is another, and trusts nobody (C-17, C-51)", () => {
  const lab = new ClientLab().qualify();
  const before = lab.address;
  trustHost(lab);
  assertDrop(lab.send(HOST), Drop.None);
  assert.equal(lab.sentTo(RELAY_AT).length, 1);
  untilAsked(lab, 31 * SECOND);
  lab.advertise(lab.solicitationTo(SERVER), { ...MAPPED_AT, port: 41_000 });
  const after = lab.address;
  assert.equal(equalIpv6(before, 0, after, 0), false);
  assert.notEqual(flagsOf(before, 0), flagsOf(after, 0));
  assert.equal(lab.count("client_address_changes"), 1);
  assert.deepEqual(lab.client.status().deprecated, []);
  assertDrop(lab.receive(data(HOST, before), RELAY_AT), Drop.DestinationNotOurs);
  assertDrop(lab.send(HOST), Drop.None);
  assert.deepEqual(lab.sentTo(RELAY_AT), [], "it is held, and the host is tested again");
});

function trustHost(lab: ClientLab): void {
  lab.send(HOST);
  const [request] = lab.sentTo(SERVER_AT);
  assertDrop(lab.receive(echoReply(request!.bytes), RELAY_AT), Drop.None);
}

// Several servers

const two: Partial<ClientOptions> = { servers: [pair(SERVER), pair(STANDBY)] };

function raced(options: Partial<ClientOptions> = two): ClientLab {
  const lab = new ClientLab(options).start();
  const all = lab.sent;
  lab.advertise(all[0]!, MAPPED_AT, SERVER);
  const compared = lab.solicitationTo(SECONDARY_SERVER);
  lab.advertise(all[1]!, MAPPED_AT, STANDBY);
  lab.advertise(compared, MAPPED_AT, SERVER, SECONDARY_SERVER);
  return lab;
}

test("Client.start() asks all servers at once, and takes the first that answers (C-11)", () => {
  const lab = new ClientLab(two).start();
  assert.equal(lab.sent.length, 2);
  lab.advertise(lab.sent[1]!, MAPPED_AT, STANDBY);
  assert.equal(serverAddressOf(lab.address, 0), STANDBY);
});

test("Client with a strict order waits a second for the first server (C-11)", () => {
  const lab = new ClientLab({ ...two, serverOrder: "strict" }).start();
  const [first, second] = lab.sent;
  lab.advertise(second!, MAPPED_AT, STANDBY);
  assert.equal(lab.client.status().address, undefined);
  lab.advance(500);
  lab.advertise(first!, MAPPED_AT, SERVER);
  assert.equal(serverAddressOf(lab.address, 0), SERVER);

  const other = new ClientLab({ ...two, serverOrder: "strict" }).start();
  other.advertise(other.sent[1]!, MAPPED_AT, STANDBY);
  other.advance(1_000);
  assert.equal(serverAddressOf(other.address, 0), STANDBY);
});

test("Client with a strict order takes no server for what it answered before (C-11)", () => {
  const strict = { ...two, serverOrder: "strict" } as const;
  const lab = new ClientLab(strict).start();
  lab.advertise(lab.sent[0]!, MAPPED_AT, SERVER);
  lab.advance(60 * SECOND);
  assert.equal(lab.client.status().state, "offline");
  lab.clear().client.set({ ...CLIENT_OPTIONS, ...strict }, lab.now, lab.sink);
  lab.advertise(lab.solicitationTo(STANDBY), MAPPED_AT, STANDBY);
  lab.advance(1_000);
  assert.equal(serverAddressOf(lab.address, 0), STANDBY);
});

test("Client asks a standby every 5 min or a quarter sooner, and measures it (C-50)", () => {
  const lab = raced();
  const asked: number[] = [];
  const end = lab.now + 30 * MINUTE;
  while (lab.now < end) {
    lab.advance(50);
    for (const it of [...lab.sent]) {
      const server = it.to.startsWith("65.54.227.120") ? SERVER : STANDBY;
      if (server === STANDBY) asked.push(it.at);
      lab.advance(10);
      lab.advertise(it, MAPPED_AT, server);
    }
  }
  const gaps = asked.slice(1).map((at, i) => at - asked[i]!);
  assert.ok(gaps.length >= 5, `${gaps}`);
  assert.ok(gaps.every((gap) => gap >= 224 * SECOND && gap <= 301 * SECOND), `${gaps}`);
  assert.ok(lab.client.status().standbys[0]!.rtt >= 10);
});

test("Client leaves a silent server after 4 s for one that answers, and keeps its old address", () => {
  const lab = raced();
  const before = lab.address;
  const waited = untilAsked(lab, 31 * SECOND);
  assert.ok(waited >= 22.5 * SECOND);
  const silentAt = lab.sent[0]!.at;
  answerUntil(lab, silentAt + 3_900, [STANDBY]);
  assert.deepEqual(lab.address, before, "not before T");
  answerUntil(lab, silentAt + 4_200, [STANDBY]);
  assert.equal(serverAddressOf(lab.address, 0), STANDBY);
  assert.equal(flagsOf(lab.address, 0), flagsOf(before, 0), "the mapping is the same");
  const { deprecated, state, standbys } = lab.client.status();
  assert.deepEqual(deprecated, [before]);
  assert.equal(state, "qualified");
  assert.equal(standbys[0]!.live, false);
  assert.equal(lab.count("client_failovers"), 1);
});

/** Times at which a server was solicited within so long, with `each` done every 100 ms. */
function askedWithin(lab: ClientLab, duration: number, each: () => void, server = SERVER) {
  const times: number[] = [];
  const end = lab.now + duration;
  const note = () => {
    for (const { at, bytes } of lab.sentTo({ address: server, port: 3_544 })) {
      if (bytes[1] === 1) times.push(at);
    }
  };
  while (lab.now < end) {
    lab.advance(100);
    note();
    each();
    note();
  }
  return times;
}

test("Client leaves a server 4 s after the first echo test by way of it that has no answer", () => {
  const lab = raced();
  lab.advance(5 * SECOND);
  const start = lab.now;
  lab.send(HOST);
  answerUntil(lab, start + 3_900, [STANDBY]);
  assert.equal(serverAddressOf(lab.address, 0), SERVER, "not before T");
  answerUntil(lab, start + 4_200, [STANDBY]);
  assert.equal(serverAddressOf(lab.address, 0), STANDBY);
  assert.equal(lab.client.status().state, "qualified");
});

test("Client asks a server that answers twice at once and once in 10 s, however many hosts do not", () => {
  const lab = raced();
  lab.advance(5 * SECOND);
  let n = 0;
  const asked = askedWithin(lab, 22 * SECOND, () => {
    const last = lab.sentTo(SERVER_AT).findLast(({ bytes }) => bytes[1] === 1);
    if (last !== undefined) lab.advertise(last);
    lab.send(`2001:db8:9::${(++n).toString(16)}`);
  });
  assert.equal(lab.client.status().state, "qualified");
  assert.equal(serverAddressOf(lab.address, 0), SERVER);
  assert.equal(asked.length, 3, `${asked}`);
  assert.ok(asked[2]! - asked[0]! >= REFRESH_MIN, `${asked}`);
});

test("Client that sends for 2 s and hears of nobody asks whether its mapping stands (C-51)", () => {
  const lab = new ClientLab().qualify();
  trustHost(lab);
  const before = lab.address;
  lab.advance(SECOND);
  assert.deepEqual(
    askedWithin(lab, 10 * SECOND, () => {
      lab.send(HOST);
      lab.receive(data(HOST, before), RELAY_AT);
    }),
    [],
    "while it hears of somebody",
  );
  const start = lab.now;
  const [asked] = askedWithin(lab, 2_300, () => lab.send(HOST));
  assert.ok(asked! - start >= 2_000 && asked! - start <= 2_300, `${asked! - start}`);
});

test("Client has another address 2 s after its NAT gave it another port, while it sends (C-51)", () => {
  const lab = new ClientLab().qualify();
  trustHost(lab);
  const before = lab.address;
  const start = lab.now;
  const other = { ...MAPPED_AT, port: MAPPED_AT.port + 9 };
  while (equalIpv6(lab.address, 0, before, 0)) {
    assert.ok(lab.now - start <= 2_500, "not within 2.5 s");
    lab.advance(100);
    lab.send(HOST);
    const asked = lab.sentTo(SERVER_AT).findLast(({ bytes }) => bytes[1] === 1);
    if (asked !== undefined) lab.advertise(asked, other);
  }
});

test("Client does not take a packet a minute without an answer for a server's silence", () => {
  const lab = raced();
  trustHost(lab);
  for (let i = 0; i < 5; i++) {
    answerUntil(lab, lab.now + MINUTE, [SERVER, STANDBY]);
    lab.send(HOST);
    assert.equal(lab.client.status().state, "qualified");
    assert.equal(serverAddressOf(lab.address, 0), SERVER);
  }
});

test("Client's flows go on by the old address after a fail-over, and are kept up", () => {
  const lab = raced();
  const before = lab.address;
  trustHost(lab);
  untilAsked(lab, 31 * SECOND);
  for (let i = 0; i < 5; i++) {
    lab.receive(data(HOST, before), RELAY_AT);
    answerUntil(lab, lab.now + SECOND, [STANDBY]);
  }
  assert.equal(serverAddressOf(lab.address, 0), STANDBY);
  assertDrop(lab.receive(data(HOST, before), RELAY_AT), Drop.None);
  assertDrop(lab.transmit(data(before, HOST)), Drop.None);
  assert.equal(lab.sentTo(RELAY_AT).length, 1);
  // Now it is idle: the relay hears a bubble before it forgets us.
  const bubbles: number[] = [];
  const end = lab.now + 100 * SECOND;
  while (lab.now < end) {
    lab.advance(100);
    for (const { at, bytes } of lab.sentTo(RELAY_AT)) {
      assert.equal(bytes[6], 59);
      assert.ok(equalIpv6(bytes, 8, before, 0), "from the old address");
      bubbles.push(at);
    }
    const asked = lab.sentTo({ address: STANDBY, port: 3_544 }).at(-1);
    if (asked !== undefined && asked.bytes[1] === 1) lab.advertise(asked, MAPPED_AT, STANDBY);
  }
  const gaps = bubbles.slice(1).map((at, i) => at - bubbles[i]!);
  assert.ok(gaps.length >= 3, "they go on as long as the relay must not forget us");
  assert.ok(gaps.every((gap) => gap >= 20 * SECOND && gap < 25 * SECOND), `${gaps}`);
});

/** The server in use has been silent for so long; the other one answers. */
function silentFor(lab: ClientLab, milliseconds: number): ClientLab {
  untilAsked(lab, 31 * SECOND);
  answerUntil(lab, lab.sent[0]!.at + milliseconds, [STANDBY]);
  return lab;
}

test("Client answers by the address that it was asked at, after a fail-over (C-17, C-73)", () => {
  const lab = raced();
  const before = lab.address;
  silentFor(lab, 4_200);
  assert.equal(serverAddressOf(lab.address, 0), STANDBY);
  for (const [at, server] of [[before, SERVER], [lab.address, STANDBY]] as const) {
    const { address, port } = { ...PEER_AT, address: PEER_AT.address + server % 256 };
    const peer = teredo(address, port, PEER_SERVER);
    const asked = concat(origin(address, port), bubble(peer, at));
    assertDrop(lab.receive(asked, { address: server, port: 3_544 }), Drop.None);
    const [answer] = lab.sentTo({ address, port });
    assert.ok(equalIpv6(answer!.bytes, 8, at, 0), "as its peer knows no other");
  }
});

test("Client goes on asking every 2 s for who is trusted and silent, also after a fail-over (C-45, C-46)", () => {
  const lab = raced();
  lab.direct(PEER_AT);
  answerUntil(lab, lab.now + 32 * SECOND, [SERVER, STANDBY]);
  silentFor(lab, 3_000);
  assertDrop(lab.send(PEER), Drop.None);
  assert.equal(lab.client.gauges.resolving, 1);
  const start = lab.now;
  const times: number[] = [];
  while (lab.now < start + 4_200) {
    lab.advance(100);
    times.push(...lab.sentTo({ address: PEER_SERVER, port: 3_544 }).map(({ at }) => at));
    const asked = lab.sentTo({ address: STANDBY, port: 3_544 }).at(-1);
    if (asked?.bytes[1] === 1) lab.advertise(asked, MAPPED_AT, STANDBY);
  }
  assert.equal(serverAddressOf(lab.address, 0), STANDBY);
  assert.deepEqual(times.map((at) => Math.round((at - start) / 100)), [20, 40]);
});

test("Client keeps an address that it had for hours after a fail-over, as one that it had for a minute", () => {
  for (const had of [MINUTE, 301 * SECOND, 3 * 60 * MINUTE]) {
    const lab = raced();
    answerUntil(lab, lab.now + had, [SERVER, STANDBY]);
    const before = lab.address;
    answerUntil(lab, lab.now + 40 * SECOND, [STANDBY]);
    assert.equal(serverAddressOf(lab.address, 0), STANDBY);
    assert.deepEqual(lab.client.status().deprecated, [before]);
    assertDrop(lab.transmit(data(before, HOST)), Drop.None);
    answerUntil(lab, lab.now + 280 * SECOND, [STANDBY]);
    assert.equal(lab.client.status().deprecated.length, 1, "it was used a moment ago");
  }
});

test("Client forgets an address by which nothing has passed for 300 s after a fail-over", () => {
  const lab = raced();
  untilAsked(lab, 31 * SECOND);
  answerUntil(lab, lab.now + 5 * SECOND, [STANDBY]);
  assert.equal(lab.client.status().deprecated.length, 1);
  answerUntil(lab, lab.now + 301 * SECOND, [STANDBY]);
  assert.deepEqual(lab.client.status().deprecated, []);
});

test("Client keeps no address for who comes after a fail-over, but for who was there and whom our host sends to", () => {
  const kept = (visit: (lab: ClientLab, old: Uint8Array) => void, isThere = false) => {
    const lab = raced();
    const old = lab.address;
    const before = () => lab.receive(data(PEER, old), PEER_AT);
    if (isThere) before();
    untilAsked(lab, 31 * SECOND);
    if (isThere) before();
    answerUntil(lab, lab.now + 5 * SECOND, [STANDBY]);
    for (let i = 0; i < 2; i++) {
      visit(lab, old);
      answerUntil(lab, lab.now + 200 * SECOND, [STANDBY]);
    }
    return lab.client.status().deprecated.length === 1;
  };
  const comes = (lab: ClientLab, old: Uint8Array) => void lab.receive(data(PEER, old), PEER_AT);
  assert.equal(kept(comes), false);
  assert.equal(kept(comes, true), true, "a flow that was there goes on");
  assert.equal(
    kept((lab, old) => {
      comes(lab, old);
      lab.transmit(data(old, PEER)); // as the kernel answers a ping
    }),
    false,
  );
  assert.equal(kept((lab, old) => void lab.transmit(data(old, HOST))), true);
});

test("Client keeps a deprecated address as long as its host sends by it to who is heard of", () => {
  for (const sends of [true, false]) {
    const lab = raced();
    const old = lab.address;
    untilAsked(lab, 31 * SECOND);
    lab.transmit(data(old, PEER));
    answerUntil(lab, lab.now + 5 * SECOND, [STANDBY]);
    for (let i = 0; i < 40; i++) {
      lab.receive(bubble(PEER, lab.address), PEER_AT);
      if (sends) lab.transmit(data(old, PEER));
      answerUntil(lab, lab.now + 10 * SECOND, [STANDBY]);
    }
    assert.equal(lab.client.status().deprecated.length, sends ? 1 : 0);
  }
});

test("Client does not leave a server when no other answers either: the network is gone", () => {
  const lab = raced();
  const before = lab.address;
  untilAsked(lab, 31 * SECOND);
  lab.advance(5 * SECOND);
  assert.equal(lab.client.status().state, "failing");
  assert.deepEqual(lab.address, before);
  assert.equal(lab.count("client_failovers"), 0);
  lab.advance(8 * SECOND);
  const { state, deprecated } = lab.client.status();
  assert.equal(state, "offline");
  assert.deepEqual(deprecated, [before], "what flows may go on");
});

test("Client has its old address again when the server comes back (C-17)", () => {
  const lab = new ClientLab().qualify();
  const before = lab.address;
  untilAsked(lab, 31 * SECOND);
  lab.advance(13 * SECOND);
  assert.equal(lab.client.status().state, "offline");
  untilAsked(lab, 10 * SECOND);
  lab.advertise(lab.solicitationTo(SERVER));
  assert.deepEqual(lab.address, before);
});

test("Client goes back to the first of a strict order after 10 quiet minutes, else never", () => {
  for (const serverOrder of ["strict", "race"] as const) {
    const lab = raced({ ...two, serverOrder });
    untilAsked(lab, 31 * SECOND);
    answerUntil(lab, lab.now + 5 * SECOND, [STANDBY]);
    assert.equal(serverAddressOf(lab.address, 0), STANDBY, serverOrder);
    answerUntil(lab, lab.now + 9 * MINUTE, [SERVER, STANDBY]);
    assert.equal(serverAddressOf(lab.address, 0), STANDBY, serverOrder);
    answerUntil(lab, lab.now + 7 * MINUTE, [SERVER, STANDBY]);
    const want = serverOrder === "strict" ? SERVER : STANDBY;
    assert.equal(serverAddressOf(lab.address, 0), want, serverOrder);
  }
});

test("Client with a strict order does not go back to a server that reaches no native hosts, for an hour", () => {
  const lab = raced({ ...two, serverOrder: "strict" });
  assert.equal(serverAddressOf(lab.address, 0), SERVER);
  answerUntil(lab, lab.now + 61 * SECOND, [SERVER, STANDBY]);
  for (const host of ["2001:db8::11", "2001:db8::12", "2001:db8::13"]) lab.send(host);
  answerUntil(lab, lab.now + 30 * SECOND, [SERVER, STANDBY]);
  assert.equal(serverAddressOf(lab.address, 0), STANDBY);
  lab.send(HOST);
  const [request] = lab.sentTo({ address: STANDBY, port: 3_544 });
  lab.receive(echoReply(request!.bytes), RELAY_AT);
  assert.equal(lab.client.status().native, "ok");
  answerUntil(lab, lab.now + 50 * MINUTE, [SERVER, STANDBY]);
  assert.equal(serverAddressOf(lab.address, 0), STANDBY, "it would be for a minute");
  answerUntil(lab, lab.now + 20 * MINUTE, [SERVER, STANDBY]);
  assert.equal(serverAddressOf(lab.address, 0), SERVER, "an hour later it may have been mended");
});

test("Client with a strict order goes back to a server that it never used, whatever is known of native hosts", () => {
  const lab = new ClientLab({ ...two, serverOrder: "strict" }).start();
  lab.advertise(lab.sent[1]!, MAPPED_AT, STANDBY);
  answerUntil(lab, lab.now + 5 * SECOND, [STANDBY]);
  assert.equal(serverAddressOf(lab.address, 0), STANDBY);
  lab.send(HOST);
  const [request] = lab.sentTo({ address: STANDBY, port: 3_544 });
  lab.receive(echoReply(request!.bytes), RELAY_AT);
  assert.equal(lab.client.status().native, "ok");
  answerUntil(lab, lab.now + 20 * MINUTE, [SERVER, STANDBY]);
  assert.equal(serverAddressOf(lab.address, 0), SERVER);
});

test("betterOf() takes no round trip that was not measured for the shortest", () => {
  const [near, far, unmeasured] = [30, 90, 0].map((rtt) =>
    Object.assign(new Server(pair(SERVER), undefined), { rtt })
  );
  assert.equal(betterOf(near!, far!, "race"), near);
  assert.equal(betterOf(far!, near!, "race"), near);
  assert.equal(betterOf(near!, unmeasured!, "race"), near);
  assert.equal(betterOf(unmeasured!, near!, "race"), near);
  assert.equal(betterOf(unmeasured!, near!, "strict"), unmeasured);
});

for (const order of ["race", "strict"] as const) {
  test(`betterOf() goes by native hosts before all else, with the order ${order} (RFC 4380 §5.2.9)`, () => {
    const of = (native: Native, rtt: number) =>
      Object.assign(new Server(pair(SERVER), undefined), { native, rtt });
    const [ok, unknown, unreachable] = [of("ok", 90), of("unknown", 60), of("unreachable", 30)];
    for (const [better, worse] of [[ok, unknown], [unknown, unreachable], [ok, unreachable]]) {
      assert.equal(betterOf(better!, worse!, order), better);
      assert.equal(betterOf(worse!, better!, order), better);
    }
  });
}

test("ServerList.bestSince() takes no answer that came no later than the question which has none", () => {
  const list = new ServerList();
  list.set([pair(SERVER), pair(STANDBY)], undefined);
  const [current, standby] = list.all;
  const heard = (at: number) => {
    standby!.hear(MAPPED_AT.address, MAPPED_AT.port, 1280, at);
    return list.bestSince(1_000, current!, "race");
  };
  assert.deepEqual([999, 1_000, 1_001].map(heard), [undefined, undefined, standby]);
});

test("Client tells the first round trip as it was, and lets later ones move that (C-50)", () => {
  const lab = new ClientLab().start();
  const [first] = lab.sent;
  lab.advance(40);
  lab.advertise(first!);
  assert.equal(lab.client.status().server?.rtt, 40);
  untilAsked(lab, 31 * SECOND);
  const again = lab.solicitationTo(SERVER);
  lab.advance(80 - (lab.now - again.at));
  lab.advertise(again);
  const { rtt } = lab.client.status().server!;
  assert.ok(rtt > 40 && rtt < 80, `${rtt}`);
});

test("Client says that native hosts are unreachable when three are silent, and tries a standby", () => {
  const lab = raced();
  answerUntil(lab, lab.now + 61 * SECOND, [SERVER, STANDBY]);
  for (const host of ["2001:db8::1", "2001:db8::2"]) {
    lab.send(host);
    answerUntil(lab, lab.now + 9 * SECOND, [SERVER, STANDBY]);
  }
  assert.equal(lab.client.status().native, "unknown", "two may be two hosts that are off");
  lab.send("2001:db8::3");
  answerUntil(lab, lab.now + 9 * SECOND, [SERVER, STANDBY]);
  assert.equal(serverAddressOf(lab.address, 0), STANDBY);
  assert.equal(lab.client.status().standbys[0]!.native, "unreachable");
  assert.equal(lab.client.status().state, "qualified", "which is another matter");
});

test("Client tries a standby as soon as it may where native hosts are silent from the start", () => {
  const lab = raced();
  const ask = () => {
    for (const host of ["2001:db8::1", "2001:db8::2", "2001:db8::3"]) {
      lab.send(host);
      answerUntil(lab, lab.now + 9 * SECOND, [SERVER, STANDBY]);
    }
  };
  ask();
  assert.equal(lab.client.status().native, "unreachable");
  assert.equal(serverAddressOf(lab.address, 0), SERVER, "less than a minute after the last change");
  answerUntil(lab, lab.now + 31 * SECOND, [SERVER, STANDBY]);
  ask();
  assert.equal(serverAddressOf(lab.address, 0), STANDBY);
});

test("Client goes to a standby for native hosts only by a mapping that it tells then", () => {
  const lab = raced();
  answerUntil(lab, lab.now + 61 * SECOND, [SERVER]);
  for (const host of ["2001:db8::1", "2001:db8::2", "2001:db8::3"]) {
    lab.send(host);
    answerUntil(lab, lab.now + 9 * SECOND, [SERVER]);
  }
  assert.equal(serverAddressOf(lab.address, 0), SERVER, "a standby that is silent now is none");
  assert.equal(lab.client.status().native, "unreachable");
  answerUntil(lab, lab.now + 6 * MINUTE, [SERVER, STANDBY]);
  assert.equal(serverAddressOf(lab.address, 0), STANDBY, "but when it is there again");
});

test("Client says that native hosts are reached when one answers", () => {
  const lab = new ClientLab().qualify();
  trustHost(lab);
  assert.equal(lab.client.status().native, "ok");
});

test("Client.set() asks nobody where only what is no server's concern differs", () => {
  const mapped = { ...MAPPED_AT, port: CLIENT_OPTIONS.servicePort };
  const lab = new ClientLab({ renewals: 3 }).qualify(mapped);
  assert.equal(lab.client.status().nat, "restricted");
  const options = { ...CLIENT_OPTIONS, ownAddresses: [MAPPED_AT.address] };
  lab.clear().client.set({ ...options, renewals: 3 }, lab.now, lab.sink);
  assert.deepEqual(lab.sent, []);
  assert.equal(lab.client.status().nat, "none", "it is heeded all the same");
  lab.clear().client.set({ ...options, renewals: 4 }, lab.now, lab.sink);
  assert.equal(lab.sentTo(SERVER_AT).length, 1);
});

test("Client.set() asks servers that are new, and leaves those in peace that have been asked (C-11)", () => {
  const one: Partial<ClientOptions> = { servers: [pair(SERVER)], renewals: 1 };
  const lab = new ClientLab(one).start();
  const [asked] = lab.sent;
  const both = { ...CLIENT_OPTIONS, ...two, renewals: 1 };
  lab.clear().client.set(both, lab.now, lab.sink);
  assert.equal(lab.sentTo(SERVER_AT).length, 0, "its answer is on its way");
  assert.equal(lab.sentTo({ address: STANDBY, port: 3_544 }).length, 1);
  assertDrop(lab.advertise(asked!), Drop.None);
  assert.equal(serverAddressOf(lab.address, 0), SERVER);
  const { address } = lab;
  lab.clear().client.set({ ...CLIENT_OPTIONS, ...one }, lab.now, lab.sink);
  assert.deepEqual(lab.sent, [], "one that is not in use is gone");
  lab.clear().client.set({ ...both, servers: [pair(STANDBY)] }, lab.now, lab.sink);
  assert.equal(lab.sentTo({ address: STANDBY, port: 3_544 }).length, 1);
  const { state, deprecated } = lab.client.status();
  assert.deepEqual([state, deprecated], ["probing", [address]], "its flows go on");
});

test("Client.set() asks all that is new where no server has answered yet", () => {
  const lab = new ClientLab({ servers: [], renewals: 1 }).start();
  assert.equal(lab.client.status().state, "offline");
  lab.client.set({ ...CLIENT_OPTIONS, renewals: 1 }, lab.now, lab.sink);
  assert.equal(lab.client.status().state, "probing");
  assertDrop(lab.advertise(lab.solicitationTo(SERVER)), Drop.None);
});

test("Client leaves a dead server though its network changes again and again", () => {
  const lab = raced();
  untilAsked(lab, 31 * SECOND);
  for (let i = 0; i < 6 && serverAddressOf(lab.address, 0) === SERVER; i++) {
    lab.client.set({ ...CLIENT_OPTIONS, ...two }, lab.now, lab.sink);
    const asked = lab.sentTo({ address: STANDBY, port: 3_544 }).at(-1);
    lab.advance(40);
    lab.advertise(asked!, MAPPED_AT, STANDBY);
    answerUntil(lab, lab.now + SECOND, [STANDBY]);
  }
  assert.equal(serverAddressOf(lab.address, 0), STANDBY);
});

test("Client does not count a dead network's silence against the server that it used there", () => {
  const strict: Partial<ClientOptions> = { ...two, serverOrder: "strict" };
  const lab = raced(strict);
  const renew = () => lab.client.set({ ...CLIENT_OPTIONS, ...strict }, lab.now, lab.sink);
  renew();
  lab.advance(1_750);
  renew();
  lab.advance(2_500);
  lab.clear();
  renew();
  const [first, second] = [SERVER, STANDBY].map((it) => lab.solicitationTo(it));
  lab.advance(30);
  lab.advertise(second!, MAPPED_AT, STANDBY);
  lab.advance(90);
  assert.equal(lab.client.status().state, "qualified");
  lab.advertise(first!);
  assert.equal(serverAddressOf(lab.address, 0), SERVER);
});

test("Client.set() asks anew at once when the network is another, and keeps what stands (C-51)", () => {
  const lab = new ClientLab().qualify();
  const before = lab.address;
  lab.clear().client.set(CLIENT_OPTIONS, lab.now, lab.sink);
  assert.equal(lab.sentTo(SERVER_AT).length, 1);
  lab.advertise(lab.solicitationTo(SERVER));
  assert.deepEqual(lab.address, before);
});

// The interval

test("Client.status() tells when the server is asked next, while it waits for that (C-50)", () => {
  const lab = new ClientLab();
  assert.equal(lab.client.status().refreshAt, undefined, "nobody has answered");
  lab.qualify();
  const { refreshAt } = lab.client.status();
  assert.ok(refreshAt! >= lab.now + 22_500 && refreshAt! < lab.now + 30_000);
  untilAsked(lab, 31 * SECOND);
  assert.ok(Math.abs(lab.now - refreshAt!) <= SECOND, "it kept its word");
  assert.equal(lab.client.status().refreshAt, undefined, "it has been asked");
});

const nonces = () => new Nonces(sipHash(1), 1);

test("Refresh.plan() gives 75 to 100 % of the interval (C-50)", () => {
  const refresh = new Refresh(30_000);
  const source = nonces();
  const drawn = Array.from({ length: 200 }, (_, i) => {
    refresh.plan(i, source);
    assert.equal(refresh.lastAt, i);
    return refresh.nextAt - i;
  });
  assert.ok(Math.min(...drawn) >= 22_500 && Math.max(...drawn) < 30_000);
  assert.ok(Math.max(...drawn) - Math.min(...drawn) > 6_000);
});

test("Refresh.broke() halves the interval, down to 10 s (C-52)", () => {
  const refresh = new Refresh(30_000);
  refresh.broke(28_000);
  assert.equal(refresh.interval, 15_000);
  refresh.broke(14_000);
  assert.equal(refresh.interval, REFRESH_MIN);
  refresh.broke(9_000);
  assert.equal(refresh.interval, REFRESH_MIN);
});

test("Refresh.survived() creeps back, but not to where it broke for hours (C-52)", () => {
  const refresh = new Refresh(30_000);
  refresh.broke(25_000);
  for (let i = 0; i < 60; i++) refresh.survived();
  assert.ok(refresh.interval > 20_000, "it creeps");
  assert.ok(refresh.interval < 25_000, "not to where it broke");
  for (let i = 0; i < 4_000; i++) refresh.survived();
  assert.equal(refresh.interval, 30_000, "a day later");
});

test("Client whose port alone has changed asks twice as often (C-51, C-52)", () => {
  const lab = new ClientLab().qualify();
  untilAsked(lab, 31 * SECOND);
  lab.advertise(lab.solicitationTo(SERVER), { ...MAPPED_AT, port: 41_000 });
  const interval = lab.client.status().refresh;
  assert.ok(interval <= 15_000 && interval >= 10_000, `${interval}`);

  const moved = new ClientLab().qualify();
  untilAsked(moved, 31 * SECOND);
  moved.advertise(moved.solicitationTo(SERVER), { address: MAPPED_AT.address + 1, port: 41_000 });
  assert.equal(moved.client.status().refresh, 30_000, "another network is no NAT that forgets");
});

test("Client does not take a port that changed in its sleep, or under traffic, for a NAT that forgets (C-52)", () => {
  const other = { ...MAPPED_AT, port: 41_000 };
  const woken = new ClientLab().qualify().advance(5 * SECOND);
  woken.client.set(CLIENT_OPTIONS, woken.now, woken.sink);
  woken.advertise(woken.solicitationTo(SERVER), other);
  assert.equal(woken.count("client_address_changes"), 1);
  assert.equal(woken.client.status().refresh, 30_000);

  const doubting = new ClientLab().qualify();
  trustHost(doubting);
  doubting.advance(3 * SECOND);
  for (let i = 0; i < 25 && doubting.sentTo(SERVER_AT).length === 0; i++) {
    doubting.send(HOST);
    const { sent } = doubting;
    doubting.advance(100);
    doubting.sent.unshift(...sent);
  }
  doubting.advertise(doubting.solicitationTo(SERVER), other);
  assert.equal(doubting.count("client_address_changes"), 1);
  assert.equal(doubting.client.status().refresh, 30_000);

  const failing = new ClientLab().qualify();
  untilAsked(failing, 31 * SECOND);
  failing.client.set(CLIENT_OPTIONS, failing.now, failing.sink);
  failing.advertise(failing.solicitationTo(SERVER), other);
  assert.equal(failing.client.status().refresh, 30_000, "asked anew meanwhile");
});

test("Client keeps what it has learned of its NAT when it is asked anew, until that is another one (C-52)", () => {
  const lab = new ClientLab().qualify();
  untilAsked(lab, 31 * SECOND);
  const other = { ...MAPPED_AT, port: 41_000 };
  lab.advertise(lab.solicitationTo(SERVER), other);
  const learned = lab.client.status().refresh;
  assert.ok(learned <= 15_000);
  lab.client.set(CLIENT_OPTIONS, lab.now, lab.sink);
  lab.advertise(lab.solicitationTo(SERVER), other);
  assert.ok(Math.abs(lab.client.status().refresh - learned) < SECOND);
  lab.client.set(CLIENT_OPTIONS, lab.now, lab.sink);
  lab.advertise(lab.solicitationTo(SERVER), { address: MAPPED_AT.address + 1, port: 41_000 });
  assert.equal(lab.client.status().refresh, 30_000);
  lab.client.set({ ...CLIENT_OPTIONS, refresh: 12 * SECOND }, lab.now, lab.sink);
  assert.equal(lab.client.status().refresh, 12 * SECOND, "as an operator has set it");
});
