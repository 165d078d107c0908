import assert from "node:assert/strict";
import test from "node:test";
import { shareOf, shareOfServer, workersFor } from "#src/datapath/threads/workers.ts";
import { OPTIONS as SERVER_OPTIONS } from "#test/protocol/server/lab.ts";
import { RELAY_OPTIONS } from "#test/protocol/relay/lab.ts";

test("workersFor() takes a number as it is, and leaves half of the cores to the kernel", () => {
  const cases: readonly [wanted: number | "auto", cores: number, count: number, reason: RegExp][] =
    [
      [1, 64, 1, /^workers = 1$/],
      [64, 1, 64, /^workers = 64$/],
      ["auto", 1, 1, /^auto: with 1 core /],
      ["auto", 2, 1, /^auto: with 2 cores .*receiving/],
      ["auto", 3, 1, /^auto: with 3 cores /],
      ["auto", 4, 2, /^auto: half of 4 cores/],
      ["auto", 7, 3, /^auto: half of 7 cores/],
      ["auto", 16, 8, /^auto: half of 16 cores/],
      ["auto", 17, 8, /^auto: half of 17 cores/],
      ["auto", 18, 8, /^auto: at most 8, of 18 cores$/],
      ["auto", 256, 8, /^auto: at most 8/],
    ];
  for (const [wanted, cores, count, reason] of cases) {
    const workers = workersFor(wanted, cores);
    assert.equal(workers.count, count, `${wanted} on ${cores}`);
    assert.match(workers.reason, reason);
  }
});

const WHOLE = {
  ...RELAY_OPTIONS,
  maxPeers: 1_048_577,
  holdPackets: 8,
  holdBytes: 10_240,
  holdMemory: 16 * 1024 ** 2,
  mtu: 1280,
  icmpRate: 10,
  icmpBurst: 10,
  challengeRate: 100,
  newPeerRate: 1_000,
  bubbleRate: 10_000,
  addressBubbleRate: 1_000,
};

test("shareOf() gives each worker its part of what all may, and no more than that", () => {
  assert.equal(shareOf(WHOLE, 1), WHOLE);
  const share = shareOf(WHOLE, 4);
  assert.deepEqual(share, {
    ...WHOLE,
    maxPeers: 262_145,
    holdMemory: 4 * 1024 ** 2,
    icmpRate: 2.5,
    icmpBurst: 2.5,
    challengeRate: 25,
    newPeerRate: 250,
    bubbleRate: 2_500,
    addressBubbleRate: 250,
  });
});

test("shareOf() leaves no worker without, and gives none what is switched off", () => {
  const share = shareOf({ ...WHOLE, holdMemory: 65_536, maxPeers: 16, newPeerRate: 0 }, 64);
  assert.deepEqual(
    [share.holdMemory, share.maxPeers, share.icmpRate, share.challengeRate],
    [1280, 1, 10 / 64, 100 / 64],
  );
  assert.equal(share.newPeerRate, 0, "0 is no limit, and stays none");
  assert.equal(shareOf({ ...WHOLE, icmpRate: 0 }, 2).icmpRate, 0, "0 is none at all");
  assert.equal(shareOf({ ...WHOLE, challengeRate: 0 }, 2).challengeRate, 0);
});

test("shareOfServer() parts what several workers may send to one address, and that alone", () => {
  const whole = { ...SERVER_OPTIONS, forwardRate: 1_000, solicitationRate: 100 };
  assert.deepEqual(shareOfServer(whole, 4), { ...whole, forwardRate: 250 });
});
