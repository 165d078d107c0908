import assert from "node:assert/strict";
import test from "node:test";
import { DROPS_AT, makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { Hold, type HoldOptions, NO_SLOT } from "#src/protocol/peers/hold.ts";
import { data, HOST, RelayLab } from "../relay/lab.ts";
import { vector } from "../vectors.ts";

const OPTIONS: HoldOptions = {
  holdPackets: 4,
  holdBytes: 1_000,
  holdAge: 5_000,
  holdMemory: 8 * 500,
  mtu: 500,
  maxPeers: 16,
};

function makeHold(options: Partial<HoldOptions> = {}) {
  const counters = makeCounters();
  return {
    hold: new Hold({ ...OPTIONS, ...options }, counters),
    drops: (reason: Drop) => counters[DROPS_AT + reason],
  };
}

const bytes = (fill: number, length = 100) => new Uint8Array(length).fill(fill);

/** First byte of each packet held for `p`, in order; they are let go. */
function drain(hold: Hold, p: number): number[] {
  const seen: number[] = [];
  for (let slot = hold.first(p); slot !== NO_SLOT; slot = hold.first(p)) {
    const at = hold.at(slot);
    const packet = hold.memory.subarray(at, at + hold.length(slot));
    assert.ok(packet.every((byte) => byte === packet[0]));
    seen.push(packet[0]!);
    hold.shift(p);
  }
  return seen;
}

test("Hold.push() keeps each peer's packets in the order they came (R-16)", () => {
  const { hold } = makeHold();
  for (const i of [1, 2, 3]) {
    assert.ok(hold.push(1, bytes(i, 100 + i), 0, 100 + i, 0));
    assert.ok(hold.push(2, bytes(10 * i), 0, 100, 0));
  }
  assert.equal(hold.packets, 6);
  assert.equal(hold.bytes, 606);
  assert.equal(hold.count(1), 3);
  assert.deepEqual(drain(hold, 1), [1, 2, 3]);
  assert.deepEqual(drain(hold, 2), [10, 20, 30]);
  assert.equal(hold.packets, 0);
  assert.equal(hold.bytes, 0);
});

test("Hold.push() copies: the frame may be used again (R-16)", () => {
  const { hold } = makeHold();
  const frame = bytes(7);
  hold.push(1, frame, 0, 100, 0);
  frame.fill(8);
  assert.deepEqual(drain(hold, 1), [7]);
});

for (
  const [name, options, lengths, fits] of [
    ["packets", { holdPackets: 2 }, [100, 100, 100], [true, true, false]],
    ["bytes", { holdBytes: 250 }, [100, 100, 51, 50], [true, true, false, true]],
    ["length", {}, [501, 500], [false, true]],
    ["memory, when there is none", { holdMemory: 499 }, [1], [false]],
  ] as const
) {
  test(`Hold.push() refuses what is over a peer's limit of ${name} (R-16)`, () => {
    const { hold } = makeHold(options);
    assert.deepEqual(lengths.map((n) => hold.push(1, bytes(1, n), 0, n, 0)), fits);
  });
}

test("Hold.push() lets the oldest packet of all go when memory is full (R-16, R-26)", () => {
  const { hold, drops } = makeHold();
  for (let p = 1; p <= 8; p++) hold.push(p, bytes(p), 0, 100, p);
  assert.ok(hold.push(9, bytes(9), 0, 100, 9));
  assert.ok(hold.push(2, bytes(10), 0, 100, 10)); // pushes out its own, which is the oldest
  assert.equal(hold.packets, 8);
  assert.equal(drops(Drop.HoldFull), 2);
  assert.deepEqual([1, 2, 3, 9].map((p) => drain(hold, p)), [[], [10], [3], [9]]);
});

test("Hold.expire() lets packets go that are too old, and no others (R-16)", () => {
  const { hold, drops } = makeHold();
  assert.equal(hold.nextExpiry(), Infinity);
  hold.push(1, bytes(1), 0, 100, 1_000);
  hold.push(2, bytes(2), 0, 100, 2_000);
  hold.push(1, bytes(3), 0, 100, 3_000);
  assert.equal(hold.nextExpiry(), 6_000);
  hold.expire(5_999, 10);
  assert.equal(hold.packets, 3);
  hold.expire(7_000, 10);
  assert.equal(drops(Drop.HoldExpired), 2);
  assert.deepEqual(drain(hold, 1), [3]);
  assert.deepEqual(drain(hold, 2), []);
  assert.equal(hold.nextExpiry(), Infinity);
});

test("Hold.expire() does no more than it is told at once", () => {
  const { hold } = makeHold();
  for (let i = 0; i < 4; i++) hold.push(1, bytes(i), 0, 100, 0);
  hold.expire(10_000, 3);
  assert.equal(hold.packets, 1);
  assert.ok(hold.nextExpiry() < 10_000);
});

test("Hold.discard() counts each packet under the reason, and gives its memory back (R-16)", () => {
  const { hold, drops } = makeHold();
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 3; i++) assert.ok(hold.push(1 + (round % 5), bytes(i), 0, 100, 0));
    hold.discard(1 + (round % 5), Drop.PeerUnreachable);
  }
  assert.equal(drops(Drop.PeerUnreachable), 150);
  assert.equal(hold.packets, 0);
  assert.equal(hold.bytes, 0);
});

test("Relay.tick() lets held packets go when they are too old, and says when (R-16)", () => {
  const lab = new RelayLab({ holdAge: 1_500 });
  lab.fromIpv6(data(HOST, vector("A2")));
  assert.equal(lab.relay.nextTimer(), lab.now + 1_500);
  lab.advance(1_500);
  assert.deepEqual(lab.sent, []);
  assert.equal(lab.drops(Drop.HoldExpired), 1);
  lab.advance(500);
  assert.equal(lab.sent.length, 1); // the bubble is still repeated
});

/** Three packets each of two peers, in turns, one a second. */
function filled(options: Partial<HoldOptions> = {}) {
  const made = makeHold(options);
  for (let i = 0; i < 6; i++) made.hold.push(1 + i % 2, bytes(i, 100 + i), 0, 100 + i, 1_000 * i);
  return made;
}

test("Hold.set() to more or less memory keeps what there is room for, in its order", () => {
  for (const slots of [100, 8, 6]) {
    const { hold, drops } = filled();
    hold.set({ ...OPTIONS, holdMemory: slots * OPTIONS.mtu });
    assert.deepEqual([hold.packets, hold.bytes, hold.count(1)], [6, 615, 3]);
    assert.equal(hold.nextExpiry(), OPTIONS.holdAge);
    assert.deepEqual([drain(hold, 1), drain(hold, 2)], [[0, 2, 4], [1, 3, 5]]);
    assert.equal(drops(Drop.HoldFull), 0);
  }
  const { hold, drops } = filled();
  hold.set({ ...OPTIONS, holdMemory: 2 * OPTIONS.mtu });
  assert.equal(drops(Drop.HoldFull), 4, "the oldest of all");
  assert.equal(hold.nextExpiry(), 4_000 + OPTIONS.holdAge);
  assert.ok(hold.push(3, bytes(9), 0, 100, 6_000), "the oldest makes room");
  assert.deepEqual([drain(hold, 1), drain(hold, 2), drain(hold, 3)], [[], [5], [9]]);
});

test("Hold.set() to memory for one or two packets more has room for just so many", () => {
  for (const more of [1, 2]) {
    const { hold, drops } = filled();
    hold.set({ ...OPTIONS, holdMemory: OPTIONS.holdMemory + more * OPTIONS.mtu });
    const added = Array.from({ length: 2 + more }, (_, i) => 10 + i);
    for (const p of added) assert.ok(hold.push(p, bytes(p), 0, 100, 6_000));
    assert.deepEqual([hold.packets, drops(Drop.HoldFull)], [8 + more, 0]);
    assert.ok(hold.push(9, bytes(9), 0, 100, 6_001));
    assert.equal(drops(Drop.HoldFull), 1, "the first one gave way");
    assert.deepEqual([drain(hold, 1), drain(hold, 2)], [[2, 4], [1, 3, 5]]);
    for (const p of [...added, 9]) assert.deepEqual(drain(hold, p), [p]);
  }
});

test("Hold.fit() makes room for larger packets, and keeps what there is room for", () => {
  const { hold, drops } = filled();
  hold.fit(OPTIONS.mtu - 1);
  assert.equal(hold.mtu, OPTIONS.mtu);
  hold.fit(600);
  assert.deepEqual([hold.mtu, hold.packets], [600, 6]);
  assert.deepEqual([drain(hold, 1), drain(hold, 2)], [[0, 2, 4], [1, 3, 5]]);
  assert.ok(hold.push(3, bytes(9, 600), 0, 600, 6_000));
  assert.deepEqual(drain(hold, 3), [9]);
  assert.equal(drops(Drop.HoldFull), 0);
  const small = filled();
  small.hold.fit(2 * OPTIONS.mtu);
  assert.deepEqual([drain(small.hold, 1), drain(small.hold, 2)], [[2, 4], [3, 5]]);
  assert.equal(small.drops(Drop.HoldFull), 2, "of half as many the oldest go");
  const least = makeHold();
  least.hold.fit(2 * OPTIONS.holdMemory);
  assert.equal(least.hold.push(1, bytes(1, 1_000), 0, 1_000, 0), true, "one always fits");
});

test("Hold.set() to other limits of a peer keeps what is held, and heeds them from then on", () => {
  const { hold } = filled();
  hold.set({ ...OPTIONS, holdPackets: 2, holdAge: 1_000 });
  assert.equal(hold.packets, 6);
  assert.equal(hold.push(1, bytes(9), 0, 100, 6_000), false);
  assert.equal(hold.nextExpiry(), 1_000);
  hold.expire(2_500, 10);
  assert.deepEqual([drain(hold, 1), drain(hold, 2)], [[2, 4], [3, 5]]);
  hold.set({ ...OPTIONS, holdMemory: 0 });
  assert.equal(hold.push(1, bytes(9), 0, 100, 6_000), false);
  hold.set({ ...OPTIONS, mtu: 9, maxPeers: 1 });
  assert.ok(hold.push(15, bytes(1, 500), 0, 500, 6_000), "what can not change has not");
});
