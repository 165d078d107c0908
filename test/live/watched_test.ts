import assert from "node:assert/strict";
import test from "node:test";
import { Watched } from "#src/cli/live/watched.ts";
import { tcpPlace } from "#src/cli/status/place.ts";
import { createStatus } from "#src/status/app.ts";
import type { ChangeDocument, HistoryDocument } from "#src/status/history_document.ts";
import { listenTcp } from "#src/status/listen.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import { sampleSnapshot } from "#test/status/sample.ts";

/** What a daemon is, as a test changes it. */
class Daemon {
  snapshot: Snapshot = sampleSnapshot();
  /** Of the last row. */
  second = 1_795_932_754;
  rows = 10;
  changes: ChangeDocument[] = [];
  /** What stands in for its history. */
  history: unknown;
  /** What `since` was each time. */
  readonly asked: (string | null)[] = [];
  now = 0;

  async watched(body: (watched: Watched) => Promise<void>): Promise<void> {
    const page = (parameters: URLSearchParams) => {
      this.asked.push(parameters.get("since"));
      const document = (this.history ?? this.#document()) as object;
      return Promise.resolve({ status: 200, document } as const);
    };
    const app = createStatus(() => this.snapshot, () => this.now += 1e6, { "/history": page });
    const listening = await listenTcp(app, "127.0.0.1", 0);
    const port = Number(new URL(listening.url).port);
    const places = [tcpPlace("127.0.0.1", port)];
    try {
      await body(new Watched({ role: undefined, places }, () => this.now / 1e6));
    } finally {
      await listening.close();
    }
  }

  #document(): HistoryDocument {
    const from = this.second - this.rows + 1;
    const numbers = Array.from({ length: this.rows }, (_, i) => from + i);
    const { role } = this.snapshot;
    const series = { bits_down: numbers, solicitations_cone: numbers, drops_truncated: numbers };
    return { version: 1, role, step: 1, from, count: this.rows, series, changes: this.changes };
  }
}

test("Watched.ask() asks for what is new, and knows what was", async () => {
  const daemon = new Daemon();
  await daemon.watched(async (watched) => {
    assert.equal(watched.seen(1), undefined);
    await watched.ask();
    const first = watched.seen(1)!;
    assert.deepEqual(
      [first.past!.last(0), first.rates!.drops_truncated],
      Array(2).fill(daemon.second),
    );
    assert.equal(first.before, undefined);
    assert.equal(first.silence, undefined);
    daemon.second += 3;
    daemon.rows += 3;
    await watched.ask();
    const { past, before } = watched.seen(1)!;
    assert.deepEqual(past!.columns(0, daemon.second, 300).slice(-14, -12), [
      NaN,
      daemon.second - 12,
    ]);
    assert.equal(before?.process.pid, daemon.snapshot.process.pid);
    assert.deepEqual(daemon.asked, [null, `${daemon.second - 3}`]);
  });
});

test("Watched.ask() reads the past anew when the clock was set, or another role answers", async () => {
  const daemon = new Daemon();
  await daemon.watched(async (watched) => {
    await watched.ask();
    daemon.second -= 1_000;
    daemon.changes = [{ time: new Date(0).toISOString(), kind: "clock_set", text: "Clock set" }];
    await watched.ask();
    assert.equal(watched.seen(1)!.past!.newest, daemon.second);
    daemon.second++;
    await watched.ask();
    daemon.snapshot = sampleSnapshot({ role: "server" });
    await watched.ask();
    const [, , ...later] = daemon.asked;
    assert.deepEqual(later, [null, `${daemon.second - 1}`, null]);
    assert.equal(watched.seen(1)!.past!.last(0), daemon.second);
  });
});

test("Watched.seen() says how old it is when there is no answer", async () => {
  const daemon = new Daemon();
  let found: Watched | undefined;
  await daemon.watched(async (watched) => {
    await watched.ask();
    daemon.now += 2e6;
    assert.equal(watched.seen(1)!.silence, undefined);
    daemon.now += 2e6;
    assert.equal(watched.seen(1)!.silence, "it has not answered yet");
    found = watched;
  });
  await found!.ask();
  const { silence, age } = found!.seen(1)!;
  assert.match(silence!, /^not running: nothing listens at /);
  assert.equal(age, 4);
});

const SERIES = { bits_down: [1] };
const strangers: readonly [string, unknown][] = [
  ["none", { version: 1, error: "There is nothing at /history" }],
  ["no row yet", { from: 0, count: 0, series: {}, changes: [] }],
  ["rows without end", { from: 1, count: 1e9, series: {}, changes: [] }],
  ["a time that no number has", { from: 1e308, count: 1, series: SERIES, changes: [] }],
  ["a time before all times", { from: -1, count: 1, series: SERIES, changes: [] }],
  ["rows of another number", { from: 1, count: 2, series: SERIES, changes: [] }],
  ["no series", { from: 1, count: 0, series: null, changes: [] }],
  ["another role's", { role: "server", from: 1, count: 1, series: SERIES, changes: [] }],
];

for (const [name, history] of strangers) {
  test(`Watched.ask() makes nothing of a history with ${name}`, async () => {
    const daemon = new Daemon();
    daemon.history = { version: 1, role: "relay", step: 1, ...history as object };
    await daemon.watched(async (watched) => {
      await watched.ask();
      const { past, rates, status } = watched.seen(1)!;
      assert.deepEqual([past, rates, status.role], [undefined, undefined, "relay"]);
    });
  });
}
