import assert from "node:assert/strict";
import test from "node:test";
import { writeIcmpv6Error } from "#src/protocol/wire/build.ts";
import { bubble, concat, fixChecksum, origin } from "#test/protocol/packets.ts";
import { RELAY, RELAY_PORT, SERVER, toHex, vector } from "#test/protocol/vectors.ts";
import { ProbeBench } from "./bench.ts";

const RELAY_TOKEN = "fe80::1234:5678:9abc:def0";

function qualified(): ProbeBench {
  const bench = new ProbeBench();
  bench.qualify();
  return bench;
}

/** Through the relay's bubble and the first answer. */
function reached(): ProbeBench {
  const bench = qualified();
  bench.receive(vector("B2"), SERVER, 3544);
  bench.receive(vector("E2"), RELAY, RELAY_PORT);
  return bench;
}

/** E2 as the answer to the repetition with this sequence number. */
function reply(sequence: number): Uint8Array {
  return fixChecksum(vector("E2").with(47, sequence));
}

test("ProbeClient tests connectivity through its server (C-41, E1)", () => {
  const bench = qualified();
  const { hex, to, port } = bench.last;
  assert.deepEqual({ hex, to, port }, { hex: toHex(vector("E1")), to: SERVER, port: 3544 });
});

test("ProbeClient answers an indirect bubble straight to its origin (C-21, B2, B3)", () => {
  const bench = qualified();
  bench.receive(vector("B2"), SERVER, 3544);
  const { hex, to, port } = bench.last;
  assert.deepEqual({ hex, to, port }, { hex: toHex(vector("B3")), to: RELAY, port: RELAY_PORT });
});

test("ProbeClient answers no two bubbles within 2 s, nor more than four unanswered (C-46)", () => {
  const bench = qualified();
  const before = bench.sent.length;
  for (let i = 0; i < 12; i++) {
    bench.receive(vector("B2"), SERVER, 3544);
    bench.now += 1_000;
  }
  assert.deepEqual(bench.all("bubble").map((event) => event.answered), [
    ...[true, false, true, false, true, false, true],
    ...Array(5).fill(false),
  ]);
  assert.equal(bench.sent.length, before + 4);
});

test("ProbeClient sends no bubble to an origin that is not global (section 2 of the checklist)", () => {
  const bench = qualified();
  const before = bench.sent.length;
  for (const address of [0x0a000001, 0x7f000001, 0xe0000001]) {
    bench.receive(concat(origin(address, 3545), bubble(RELAY_TOKEN, vector("A2"))), SERVER, 3544);
  }
  bench.receive(concat(origin(RELAY, 0), bubble(RELAY_TOKEN, vector("A2"))), SERVER, 3544);
  assert.equal(bench.sent.length, before);
});

test("ProbeClient ignores a bubble for another client (C-20)", () => {
  const bench = qualified();
  const before = bench.sent.length;
  const other = concat(origin(RELAY, RELAY_PORT), bubble(RELAY_TOKEN, vector("A5")));
  bench.receive(other, SERVER, 3544);
  assert.equal(bench.sent.length, before);
});

test("ProbeClient trusts the mapping that an answer with its nonce comes from (C-23, E2)", () => {
  const bench = qualified();
  bench.now += 30;
  bench.receive(vector("E2"), RELAY, RELAY_PORT);
  const relay = { address: RELAY, port: RELAY_PORT };
  assert.deepEqual(bench.all("reply"), [
    { kind: "reply", ping: 1, attempts: 1, relay, rtt: 30, via: "server" },
  ]);
});

test("ProbeClient ignores an answer with one data octet changed (C-23, N13)", () => {
  const bench = qualified();
  const forged = fixChecksum(vector("E2").with(55, 0));
  bench.receive(forged, RELAY, RELAY_PORT);
  assert.equal(bench.all("reply").length, 0);
  assert.equal(bench.all("ignored").length, 1);
});

test("ProbeClient ignores an answer with a wrong checksum", () => {
  const bench = qualified();
  bench.receive(vector("E2").with(42, 0), RELAY, RELAY_PORT);
  assert.equal(bench.all("reply").length, 0);
});

test("ProbeClient sends straight to a relay it has proved, one interval later (C-40)", () => {
  const bench = reached();
  bench.expire();
  assert.deepEqual([bench.last.to, bench.last.port], [RELAY, RELAY_PORT]);
  assert.equal(bench.all("ping").at(-1)?.via, "relay");
});

test("ProbeClient takes an answer from another mapping than the one it proved for none (C-22)", () => {
  const bench = reached();
  bench.expire();
  bench.receive(reply(2), RELAY, RELAY_PORT + 1);
  assert.equal(bench.all("reply").length, 1);
  bench.receive(reply(2), RELAY, RELAY_PORT);
  assert.equal(bench.all("reply").length, 2);
  assert.equal(bench.client.finished, true);
});

test("ProbeClient repeats by way of the server what a proved relay leaves unanswered (C-41)", () => {
  const bench = reached();
  bench.expire();
  const sentAt = bench.now;
  bench.expire();
  assert.equal(bench.now, sentAt + 2_000);
  assert.equal(bench.last.to, SERVER);
  bench.receive(reply(3), RELAY, RELAY_PORT);
  assert.equal(bench.all("reply").at(-1)?.attempts, 2);
});

test("ProbeClient times a late answer by the request that it answers", () => {
  const bench = qualified();
  bench.expire();
  bench.now += 5;
  bench.receive(vector("E2"), RELAY, RELAY_PORT);
  assert.equal(bench.all("reply")[0]?.rtt, 2_005);
});

test("ProbeClient answers the challenge of a relay it knows, and repeats its request (C-28)", () => {
  const bench = reached();
  bench.now += 10_000;
  bench.client.tick(bench.now);
  bench.receive(bubble(RELAY_TOKEN, vector("A2")), RELAY, RELAY_PORT);
  const [answer, repeated] = bench.sent.slice(-2);
  assert.equal(answer?.hex, toHex(vector("B3")));
  assert.deepEqual([answer?.to, repeated?.to], [RELAY, RELAY]);
  assert.equal(bench.all("ping").at(-1)?.attempt, 2);
});

test("ProbeClient answers no challenge of a stranger (C-27)", () => {
  const bench = reached();
  const before = bench.sent.length;
  bench.receive(bubble(RELAY_TOKEN, vector("A2")), RELAY, RELAY_PORT + 1);
  bench.receive(bubble(vector("A5"), vector("A2")), RELAY, RELAY_PORT);
  assert.equal(bench.sent.length, before);
});

test("ProbeClient ignores an advertisement once it is qualified (C-29)", () => {
  const bench = qualified();
  bench.advertise(vector("M3"));
  assert.equal(bench.all("ignored").at(-1)?.reason, "advertisement, unasked");
});

for (const [failure, called] of [["no-relay", false], ["relay-silent", true]] as const) {
  test(`ProbeClient gives up after four echo requests: ${failure} (C-41)`, () => {
    const bench = qualified();
    if (called) bench.receive(vector("B2"), SERVER, 3544);
    while (!bench.client.finished) bench.expire();
    const times = bench.all("ping").length;
    assert.equal(times, 4);
    assert.deepEqual(bench.all("failed"), [{ kind: "failed", failure }]);
  });
}

test("ProbeClient counts a later ping as lost and goes on", () => {
  const bench = reached();
  while (!bench.client.finished) bench.expire();
  assert.deepEqual(bench.all("lost"), [{ kind: "lost", ping: 2 }]);
  assert.deepEqual(bench.all("failed"), []);
});

test("ProbeClient believes an ICMPv6 error that quotes its request (U1's shape)", () => {
  const bench = qualified();
  const error = new Uint8Array(200);
  const router = vector("E2").slice(8, 24);
  const length = writeIcmpv6Error(error, 0, 1, 3, 0, router, vector("E1"), 0, 56);
  bench.receive(fixChecksum(error.slice(0, length).with(100, 0)), RELAY, RELAY_PORT);
  assert.equal(bench.all("unreachable").length, 0);
  bench.receive(error.slice(0, length), RELAY, RELAY_PORT);
  assert.deepEqual(bench.all("failed"), [{ kind: "failed", failure: "unreachable" }]);
});
