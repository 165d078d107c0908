import assert from "node:assert/strict";
import test from "node:test";
import { WallTime } from "#src/daemon/history/wall_time.ts";
import { historyDocument } from "#src/daemon/history/documents.ts";
import type { HistoryDocument, SeriesName, Step } from "#src/status/history_document.ts";
import { BOOTED_UNIX, Clocks } from "./clocks.ts";

const documentOf = ({ history }: Clocks, step: Step = 1): HistoryDocument =>
  historyDocument(history, step, 1_440);
const seriesOf = (clocks: Clocks, name: SeriesName, step: Step = 1) =>
  documentOf(clocks, step).series[name];

test("Rows.look() has what passed in each second, on the axis of unix time", () => {
  const clocks = new Clocks();
  clocks.look(0);
  assert.equal(documentOf(clocks).count, 0, "of one look there is nothing to tell");
  for (const bytes of [100, 0, 250]) {
    clocks.count({ ipv6_sent_bytes: bytes, peers_created: 1 });
    clocks.look();
  }
  const { from, count, step, series } = documentOf(clocks);
  assert.deepEqual([from, count, step], [BOOTED_UNIX + 1_001, 3, 1]);
  assert.deepEqual(series.bits_up, [800, 0, 2000]);
  assert.deepEqual(series.bits_down, [0, 0, 0]);
  assert.deepEqual(series.new_peers, [1, 1, 1]);
});

test("Rows.look(): peers are levels, each in one state", () => {
  const clocks = new Clocks();
  const { gauges } = clocks.snapshot;
  clocks.look(0);
  clocks.change({ gauges: { ...gauges, peers: 10, peersResolving: 3, peersFailed: 2 } });
  clocks.look();
  const { peers_trusted, peers_resolving, peers_failed } = documentOf(clocks).series;
  assert.deepEqual([peers_trusted, peers_resolving, peers_failed], [[5], [3], [2]]);
});

test("Rows.look(): kinds of solicitations are all of them, a server has no peers", () => {
  const clocks = new Clocks("server");
  clocks.look(0);
  clocks.count({
    solicitations_received: 10,
    solicitations_cone: 2,
    solicitations_secondary: 3,
    udp_received_bytes: 1,
  }, { rate_limited: 4, truncated: 1 });
  clocks.look();
  const { series } = documentOf(clocks);
  assert.deepEqual(series.solicitations_cone, [2]);
  assert.deepEqual(series.solicitations_secondary, [3]);
  assert.deepEqual(series.solicitations_restricted, [5]);
  assert.deepEqual(series.bits_up, [8]);
  assert.deepEqual(series.drops, [5]);
  assert.deepEqual(series.drops_rate_limited, [4]);
  assert.deepEqual(series.drops_truncated, [1]);
  assert.equal("drops_bad_token" in series, false, "a reason that never was is left out");
  assert.equal("peers_trusted" in series, false);
});

/** Seconds between looks, datagrams before each of them, and the row that each second has. */
const rhythms: readonly [
  name: string,
  looks: readonly (readonly [after: number, count: number])[],
  want: readonly (number | null)[],
][] = [
  ["a timer that drifts over a second's end", [[0.9, 9], [1.1, 11]], [10, 10]],
  ["a look too soon waits for the next", [[0.4, 4], [0.7, 7]], [10]],
  ["a look that comes late", [[3, 30], [1, 1]], [10, 10, 10, 1]],
  ["one that comes so late that nobody knows", [[1, 1], [6, 600], [1, 2]], [
    1,
    null,
    null,
    null,
    null,
    null,
    null,
    2,
  ]],
  ["a machine that slept", [[1, 1], [4, 4], [5.5, 600], [1, 2]], [
    1,
    1,
    1,
    1,
    1,
    null,
    null,
    null,
    null,
    null,
    2,
  ]],
  ["counters that went back", [[1, 5], [1, -3], [1, 1]], [5, 0, 1]],
];
for (const [name, looks, want] of rhythms) {
  test(`Rows.look(): ${name}`, () => {
    const clocks = new Clocks();
    clocks.look(0);
    for (const [after, count] of looks) {
      clocks.count({ udp_sent_datagrams: count });
      clocks.look(after);
    }
    assert.deepEqual(seriesOf(clocks, "packets_down"), want);
  });
}

test("Rows.look() folds a minute that is over into the mean of its seconds", () => {
  const clocks = new Clocks("relay", 1_200); // a whole minute
  clocks.look(0);
  for (let second = 1_201; second <= 1_380; second++) {
    clocks.count({ udp_sent_datagrams: second < 1_260 ? 10 : second < 1_320 ? second % 2 : 7 });
    clocks.look();
  }
  const { from, count, series } = documentOf(clocks, 60);
  assert.deepEqual([from, count], [BOOTED_UNIX + 1_259, 3]);
  assert.deepEqual(series.packets_down, [10, 0.5, 7]);
});

test("Rows.look(): a minute with a gap has the mean of what is known, one in a gap none", () => {
  const clocks = new Clocks("relay", 1_200);
  clocks.look(0);
  const run = (seconds: number, datagrams: number) => {
    for (let i = 0; i < seconds; i++) {
      clocks.count({ udp_sent_datagrams: datagrams });
      clocks.look();
    }
  };
  run(10, 4);
  clocks.count({ udp_sent_datagrams: 1_000_000 });
  clocks.look(170); // to second 1380
  run(70, 6);
  const { from, series } = documentOf(clocks, 60);
  assert.equal(from, BOOTED_UNIX + 1_259);
  assert.deepEqual(series.packets_down, [4, null, null, 6]);
});

test("Rows.look() after a gap longer than all that is kept", () => {
  const clocks = new Clocks();
  clocks.look(0);
  for (let i = 0; i < 200; i++) clocks.look();
  clocks.look(10 * 86_400);
  clocks.count({ udp_sent_datagrams: 3 });
  clocks.look();
  const { count, series } = documentOf(clocks);
  assert.equal(count, 900);
  assert.deepEqual(series.packets_down!.filter((it) => it !== null), [3]);
  for (let i = 0; i < 60; i++) clocks.look();
  const minutes = documentOf(clocks, 60);
  assert.equal(minutes.count, 1_440);
  assert.equal(minutes.series.packets_down!.filter((it) => it !== null).length, 1);
});

test("History.look(): whoever sets the wall clock moves all that is past along with it", () => {
  for (const by of [3_600, -3_600, 20_000_000, -86_400 * 365]) {
    const clocks = new Clocks();
    clocks.history.journal.heardFrom(SILENT).info("Reloaded");
    clocks.look(0);
    for (let i = 0; i < 3; i++) {
      clocks.count({ udp_sent_datagrams: i });
      assert.equal(clocks.look(), 0);
    }
    clocks.wrongBy = by;
    clocks.count({ udp_sent_datagrams: 3 });
    assert.equal(clocks.look(), by * 1000);
    const { from, count, series, changes } = documentOf(clocks);
    assert.deepEqual([from, count], [BOOTED_UNIX + 1_001 + by, 4]);
    assert.deepEqual(series.packets_down, [0, 1, 2, 3], "no gap, no row twice");
    assert.equal(Date.parse(changes[0]!.time), (BOOTED_UNIX + 1_000 + by) * 1000);
    assert.equal(clocks.look(), 0, "told once");
  }
});

test("WallTime.look() draws nothing from clocks that it was held up between", () => {
  let [boot, wall, held] = [1_000, BOOTED_UNIX * 1_000, 0];
  // After each reading of the wall clock the process gets no processor for so long.
  const time = new WallTime(() => boot, () => {
    const now = wall;
    boot += held;
    wall += held;
    return now;
  });
  const date = time.date(1_000).getTime();
  held = 5_000;
  assert.equal(time.look(), 0);
  wall += 60_000;
  assert.equal(time.look(), 0, "not now");
  held = 0;
  assert.equal(time.look(), 60_000);
  assert.equal(time.date(1_000).getTime(), date + 60_000);
});

test("History.look(): a clock that is steered, and stays within a second, is not set", () => {
  const clocks = new Clocks();
  clocks.look(0);
  for (const wrongBy of [0.9, -0.9, 0.5]) {
    clocks.wrongBy = wrongBy;
    assert.equal(clocks.look(), 0);
  }
  assert.equal(documentOf(clocks).from, BOOTED_UNIX + 1_001);
});

const SILENT = {
  enabled: () => false,
  log: () => {},
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
};
