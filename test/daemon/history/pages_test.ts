import assert from "node:assert/strict";
import test from "node:test";
import { decodeInto, encode } from "#src/daemon/history/form.ts";
import { HistoryPages } from "#src/daemon/history/pages.ts";
import { createStatus } from "#src/status/app.ts";
import type { HistoryDocument, SnapshotEvent } from "#src/status/history_document.ts";
import { problemsOf } from "#test/status/schema_validator.ts";
import { BOOTED_UNIX, Clocks } from "./clocks.ts";

/** A daemon that was looked at so many times, one datagram and one drop in each second. */
class Daemon extends Clocks {
  readonly pages = new HistoryPages(this.history, () => this.snapshot);
  readonly app = createStatus(
    () => this.snapshot,
    undefined,
    this.pages.pages,
    this.pages.streams,
  );
  readonly log = this.history.journal.heardFrom(SILENT);

  constructor(seconds: number) {
    super("relay", 1_200);
    this.look(0);
    this.run(seconds);
  }

  run(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      this.count({ udp_sent_datagrams: 1 }, { truncated: 1 });
      this.pages.tell(this.snapshot, this.look());
    }
  }

  async fetched(query = ""): Promise<HistoryDocument> {
    const answer = await this.app.request(`/history${query}`);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("content-type")!, /^application\/json/);
    const document = await answer.json();
    assert.deepEqual(problemsOf(document, "history"), []);
    return document;
  }

  /** @param lastEventId as a browser sends it that comes back */
  async events(query = "", lastEventId?: string): Promise<Events> {
    const headers = lastEventId === undefined ? undefined : { "Last-Event-ID": lastEventId };
    const answer = await this.app.request(`/events${query}`, { headers: headers ?? {} });
    return new Events(answer);
  }
}

interface Event {
  readonly event: string;
  readonly id: number;
  readonly data: SnapshotEvent & HistoryDocument;
}

class Events {
  readonly answer: Response;
  readonly #pieces: ReadableStreamDefaultReader<Uint8Array>;

  constructor(answer: Response) {
    this.answer = answer;
    this.#pieces = answer.body!.getReader();
  }

  async piece(): Promise<string> {
    return new TextDecoder().decode((await this.#pieces.read()).value!);
  }

  async next(): Promise<Event> {
    const text = await this.piece();
    const found = /^event: (\w+)\nid: (\d+)\ndata: (.*)\n\n$/.exec(text);
    assert.ok(found, text);
    const [, event, id, data] = found as unknown as [string, string, string, string];
    const schema = event === "history" ? "history" : "snapshot_event";
    assert.deepEqual(problemsOf(JSON.parse(data), schema), []);
    return { event, id: Number(id), data: JSON.parse(data) };
  }

  close(): Promise<void> {
    return this.#pieces.cancel();
  }
}

const SILENT = {
  enabled: () => false,
  log: () => {},
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
};

test("GET /history gives all there is by the second, or by the minute", async () => {
  const daemon = new Daemon(200);
  const seconds = await daemon.fetched();
  assert.deepEqual([seconds.role, seconds.step, seconds.from], ["relay", 1, BOOTED_UNIX + 1_201]);
  assert.deepEqual(seconds.series.packets_down, Array(200).fill(1));
  assert.deepEqual(seconds.series.drops_truncated, Array(200).fill(1));
  assert.deepEqual(await daemon.fetched("?step=1"), seconds);
  const minutes = await daemon.fetched("?step=60");
  assert.deepEqual([minutes.step, minutes.from], [60, BOOTED_UNIX + 1_259]);
  assert.deepEqual(minutes.series.packets_down, [1, 1, 1]);
});

test("GET /history of a daemon that has just begun has no rows", async () => {
  const { count, series } = await new Daemon(0).fetched();
  assert.equal(count, 0);
  assert.deepEqual(series.bits_up, []);
});

test("GET /history?since= gives what is newer, and may give more", async () => {
  const daemon = new Daemon(200);
  const newest = BOOTED_UNIX + 1_400;
  const counts = async (since: number) => (await daemon.fetched(`?since=${since}`)).count;
  assert.equal(await counts(newest), 60);
  assert.equal(await counts(newest - 59), 60);
  assert.equal(await counts(newest - 60), 200);
  assert.equal(await counts(0), 200);
  assert.equal(await counts(newest + 3_600), 200, "who knows another time knows nothing");
});

for (
  const query of [
    "?step=2",
    "?step=",
    "?since=x",
    "?since=-1",
    "?since=1e3",
    "?step=1&step=1",
    "?a=1",
  ]
) {
  test(`GET /history${query} is refused`, async () => {
    const answer = await new Daemon(1).app.request(`/history${query}`);
    assert.equal(answer.status, 400);
    assert.deepEqual(problemsOf(await answer.json(), "error"), []);
  });
}

test("GET /history is made once for all that ask within a second", () => {
  const daemon = new Daemon(5);
  const first = daemon.pages.document(1);
  assert.equal(daemon.pages.document(1), first);
  daemon.run(1);
  const second = daemon.pages.document(1);
  assert.notEqual(second, first);
  daemon.log.info("Reloaded");
  assert.equal(daemon.pages.document(1).changes.length, 1, "but not without what has happened");
});

test("GET /events tells the state at once, then each second, the same to all", async () => {
  const daemon = new Daemon(3);
  const viewers = [await daemon.events(), await daemon.events()];
  for (const viewer of viewers) {
    assert.equal(viewer.answer.headers.get("content-type"), "text/event-stream");
    assert.equal(viewer.answer.headers.get("cache-control"), "no-store");
    assert.match(await viewer.piece(), /^retry: \d+\n\n$/);
    const { event, id, data } = await viewer.next();
    assert.deepEqual([event, id, data.time], [
      "snapshot",
      BOOTED_UNIX + 1_203,
      BOOTED_UNIX + 1_203,
    ]);
    assert.equal(data.row.packets_down, 1);
    assert.equal(data.row.drops_truncated, 1);
    assert.equal("drops_bad_token" in data.row, false);
    assert.equal(data.state.sentence, daemon.snapshot.sentence);
  }
  daemon.log.info("Reloaded");
  daemon.run(2);
  const [a, b] = [await viewers[0]!.next(), await viewers[1]!.next()];
  assert.deepEqual(a, b);
  assert.equal(a.id, BOOTED_UNIX + 1_204);
  assert.deepEqual(a.data.changes.map(({ kind }) => kind), ["reloaded"]);
  const next = await viewers[0]!.next();
  assert.equal(next.id, BOOTED_UNIX + 1_205);
  assert.deepEqual(next.data.changes, [], "told once");
  for (const viewer of viewers) await viewer.close();
});

test("GET /events tells each second of a look that comes late, and its news once", async () => {
  const daemon = new Daemon(3);
  const viewer = await daemon.events();
  await viewer.piece();
  await viewer.next();
  daemon.count({ udp_sent_datagrams: 9 });
  daemon.log.info("Reloaded");
  daemon.pages.tell(daemon.snapshot, daemon.look(3));
  for (const [second, changes] of [[1_204, 0], [1_205, 0], [1_206, 1]] as const) {
    const { id, data } = await viewer.next();
    assert.deepEqual([id, data.row.packets_down, data.changes.length], [
      BOOTED_UNIX + second,
      3,
      changes,
    ]);
  }
  daemon.pages.tell(daemon.snapshot, daemon.look(3_600));
  for (let second = 4_801; second <= 4_806; second++) {
    const { id, data } = await viewer.next();
    assert.deepEqual([id, data.row], [BOOTED_UNIX + second, {}]);
  }
  await viewer.close();
});

test("GET /events of a daemon without rows yet is of the moment", async () => {
  const clocks = new Clocks();
  const pages = new HistoryPages(clocks.history, () => clocks.snapshot);
  const app = createStatus(() => clocks.snapshot, undefined, pages.pages, pages.streams);
  clocks.boot += 10;
  const viewer = new Events(await app.request("/events?since=5"));
  await viewer.piece();
  const moment = BOOTED_UNIX + 1_010;
  const missed = await viewer.next();
  assert.deepEqual([missed.id, missed.data.from, missed.data.count], [moment, moment, 0]);
  const first = await viewer.next();
  assert.deepEqual([first.id, first.data.row], [moment, {}]);
  for (const second of [1_013, 1_014]) {
    const [after, row] = second === 1_013 ? [3, undefined] : [1, 0];
    pages.tell(clocks.snapshot, clocks.look(after));
    const { id, data } = await viewer.next();
    assert.deepEqual([id, data.row.packets_down], [BOOTED_UNIX + second, row]);
  }
  await viewer.close();
});

test("GET /events tells no row of the daemon before this one as this one's", async () => {
  const before = new Daemon(100);
  const clocks = new Clocks("relay", 1_310);
  const file = Buffer.concat(encode(before.history, "i"));
  assert.equal(decodeInto(clocks.history, file, "i"), undefined);
  const pages = new HistoryPages(clocks.history, () => clocks.snapshot);
  const app = createStatus(() => clocks.snapshot, undefined, pages.pages, pages.streams);
  const viewer = new Events(await app.request("/events?since=0"));
  await viewer.piece();
  const missed = await viewer.next();
  assert.deepEqual([missed.event, missed.data.count], ["history", 100]);
  assert.equal(clocks.history.rate("packets_down"), undefined);
  const told = [await viewer.next()];
  for (const after of [0.5, 1, 1]) {
    clocks.count({ udp_sent_datagrams: 4 });
    pages.tell(clocks.snapshot, clocks.look(after));
    told.push(await viewer.next());
  }
  assert.deepEqual(told.map(({ id, data }) => [id - BOOTED_UNIX, data.row.packets_down]), [
    [1_310, undefined],
    [1_310, undefined],
    [1_311, 4],
    [1_312, 4],
  ]);
  assert.equal(clocks.history.rate("packets_down"), 4);
  await viewer.close();
});

test("GET /events fills the gap of who comes back, by Last-Event-ID or since", async () => {
  const daemon = new Daemon(200);
  const newest = BOOTED_UNIX + 1_400;
  for (
    const [query, last, count] of [
      ["", String(newest - 10), 60],
      ["", String(newest - 100), 200],
      [`?since=${newest - 10}`, undefined, 60],
      [`?since=${newest - 100}`, String(newest - 10), 60],
    ] as const
  ) {
    const viewer = await daemon.events(query, last);
    await viewer.piece();
    const missed = await viewer.next();
    assert.deepEqual([missed.event, missed.id, missed.data.count], ["history", newest, count]);
    assert.equal((await viewer.next()).event, "snapshot");
    await viewer.close();
  }
});

for (const last of ["", "x", "-5", "9".repeat(400), "\u00e9"]) {
  test(`GET /events heeds no Last-Event-ID ${JSON.stringify(last.slice(0, 9))}`, async () => {
    const viewer = await new Daemon(2).events("", last);
    await viewer.piece();
    assert.equal((await viewer.next()).event, "snapshot");
    await viewer.close();
  });
}

test("GET /events tells everybody all rows anew when the wall clock was set", async () => {
  const daemon = new Daemon(5);
  const viewer = await daemon.events();
  await viewer.piece();
  await viewer.next();
  daemon.wrongBy = 3_600;
  daemon.run(1);
  const { event, data } = await viewer.next();
  assert.equal(event, "history");
  assert.deepEqual([data.from, data.count], [BOOTED_UNIX + 1_201 + 3_600, 6]);
  assert.equal((await viewer.next()).id, BOOTED_UNIX + 1_206 + 3_600);
  await viewer.close();
});

test("GET /events lets 32 look on, and tells the next when to come back", async () => {
  const daemon = new Daemon(1);
  const viewers: Events[] = [];
  for (let i = 0; i < 32; i++) viewers.push(await daemon.events());
  const refused = await daemon.app.request("/events");
  assert.equal(refused.status, 503);
  assert.match(refused.headers.get("retry-after")!, /^\d+$/);
  assert.deepEqual(problemsOf(await refused.json(), "error"), []);
  await viewers[0]!.close();
  viewers.push(await daemon.events());
  assert.equal(viewers.at(-1)!.answer.status, 200);
  for (const viewer of viewers.slice(1)) await viewer.close();
});

test("GET /events: HEAD takes nobody's place", async () => {
  const daemon = new Daemon(1);
  for (let i = 0; i < 40; i++) {
    const answer = await daemon.app.request("/events", { method: "HEAD" });
    assert.equal(answer.status, 200);
  }
  const viewer = await daemon.events();
  assert.equal(viewer.answer.status, 200);
  await viewer.close();
});

test("GET /events of a daemon that starts is refused", async () => {
  const { history } = new Clocks();
  const pages = new HistoryPages(history, () => {
    throw new Error("The daemon is starting");
  });
  const app = createStatus(() => assert.fail(), undefined, pages.pages, pages.streams);
  const answer = await app.request("/events");
  assert.equal(answer.status, 503);
  assert.deepEqual(await answer.json(), { version: 1, error: "The daemon is starting" });
});

test("the history of the busiest daemon fits an answer", { timeout: 600_000 }, () => {
  const daemon = new Daemon(0);
  const { drops, counters } = daemon.snapshot;
  const each = 5;
  const much = <T extends object>(numbers: T) =>
    Object.fromEntries(Object.keys(numbers).map((name) => [name, each * 1_234_567])) as T;
  const bytes = { ipv6_sent_bytes: each * 1_234_567_891, udp_sent_bytes: each * 1_234_567_891 };
  for (let second = 0; second < 87_000; second += each) {
    daemon.count({ ...much(counters), ...bytes }, much(drops));
    daemon.look(each);
  }
  for (const step of [1, 60] as const) {
    const document = daemon.pages.document(step);
    assert.equal(document.count, step === 1 ? 900 : 1_440);
    const { bits_up, drops_truncated } = document.series;
    assert.ok(bits_up!.every((it) => it! > 9e9) && drops_truncated!.every((it) => it! > 1e6));
    assert.ok(JSON.stringify(document).length < 1_048_576);
  }
});
