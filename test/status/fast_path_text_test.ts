import assert from "node:assert/strict";
import test from "node:test";
import { statusDocument } from "#src/status/document.ts";
import { fastPathText } from "#src/status/fast_path_text.ts";
import type { FastPathState } from "#src/status/snapshot.ts";
import { sampleSnapshot } from "./sample.ts";

const cases: readonly [name: string, state: Partial<FastPathState>, all: number, want: string][] = [
  ["one that is off", { on: false, note: "fast_path = off" }, 0, "off: fast_path = off"],
  ["one that has had nothing to do", { leases: 0 }, 0, "on, 0 leases, 0 % of packets"],
  ["one peer", { leases: 1, up: 1 }, 4, "on, 1 lease, 25 % of packets"],
  ["both ways", { leases: 4321, up: 60, down: 38 }, 100, "on, 4,321 leases, 98 % of packets"],
  ["almost all", { leases: 2, up: 999 }, 1000, "on, 2 leases, 99 % of packets"],
  ["counters that were read earlier", { leases: 2, up: 9 }, 4, "on, 2 leases, 100 % of packets"],
  [
    "one that somebody forces",
    { leases: 2, note: "past a rule that limits" },
    1,
    "on, 2 leases, 0 % of packets; past a rule that limits",
  ],
];

for (const [name, state, all, want] of cases) {
  test(`fastPathText() of ${name}`, () => {
    const sample = sampleSnapshot();
    const fastPath = { ...sample.fastPath!, up: 0, down: 0, ...state };
    const counters = {
      ...sample.counters,
      ipv6_sent_packets: Math.floor(all / 2),
      ipv6_received_packets: Math.ceil(all / 2),
    };
    assert.equal(fastPathText(statusDocument({ ...sample, fastPath, counters })), want);
  });
}

test("fastPathText() of a daemon that tells of none", () => {
  const { fastPath: _, ...rest } = sampleSnapshot();
  assert.equal(fastPathText(statusDocument(rest)), undefined);
});

test("fastPathText() of a server has its solicitations", () => {
  const sample = sampleSnapshot();
  const fastPath = { ...sample.fastPath!, leases: 0, up: 97, down: 90, note: undefined, on: true };
  const counters = { ...sample.counters, solicitations_received: 98 };
  const document = statusDocument({ ...sample, role: "server", fastPath, counters });
  assert.equal(fastPathText(document), "on, 98 % of solicitations");
});
