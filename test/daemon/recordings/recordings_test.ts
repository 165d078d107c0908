import assert from "node:assert/strict";
import test from "node:test";
import { RecordingPages } from "#src/daemon/recordings/pages.ts";
import { Recordings } from "#src/daemon/recordings/recordings.ts";
import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import { PacketRecorder } from "#src/datapath/recorder/recorder.ts";
import { Stop, Tape } from "#src/datapath/recorder/tape.ts";
import { Counter, makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import type { PageAnswer } from "#src/status/app.ts";
import type { RecordingRowsDocument, RecordingsDocument } from "#src/status/recordings_document.ts";
import { arrival, bubble, ip4 } from "#test/protocol/packets.ts";
import { problemsOf } from "#test/status/schema_validator.ts";
import { tshark } from "./tshark.ts";

const A = "2001:0:c633:6401:0:63bf:34ff:8ef8";
const HOST = "2001:db8:1::2";
const CLIENT = ip4("203.0.113.7");
const START = 1_764_386_400_000;

/** Threads that record, and the main thread's side of it. */
class Lab {
  now = START;
  /** How long it has run, whatever the wall clock says. */
  running = 0;
  readonly tapes: readonly Tape[];
  readonly recorders: readonly PacketRecorder[];
  readonly counters = makeCounters();
  readonly recordings: Recordings;

  constructor(workers = 1) {
    this.tapes = Array.from({ length: workers }, () => new Tape());
    const memory = new Uint8Array(8);
    const wall = () => this.now;
    this.recorders = this.tapes.map((tape) =>
      new PacketRecorder(new Tape(tape.buffer), memory, this.counters, wall)
    );
    this.recordings = new Recordings(this.tapes, wall, () => this.running);
  }

  /** A turn of a thread's loop, in which so many bubbles come and are dropped for this. */
  turn(drop: Drop, count = 1, worker = 0): void {
    const recorder = this.recorders[worker]!;
    recorder.begin(this.now);
    for (let i = 0; i < count; i++) {
      const datagram = arrival(bubble(A, HOST), CLIENT, 40_000 + i % 1_000);
      recorder.came(datagram);
      recorder.dealtWith(datagram, drop);
    }
    recorder.end();
  }

  /** A client is given up, and what was held for it. */
  giveUp(): void {
    const [recorder] = this.recorders;
    recorder!.begin(this.now);
    recorder!.letGo(bubble(HOST, A), 0, 40, Drop.PeerUnreachable);
    this.counters[Counter.peers_failed]! += 1;
    recorder!.end();
  }

  get kept(): string[] {
    return this.recordings.kept.map(({ kind, why, packets }) =>
      `${kind}: ${why} (${packets.count})`
    );
  }
}

const failing = (name: string, ok = false) => ({ name, ok, detail: `${name} says why` });

test("Recordings keep what led to a burst of drops, and why, and have the thread go on", () => {
  const lab = new Lab();
  lab.turn(Drop.RateLimited, 40);
  lab.turn(Drop.UnknownPeer, 80);
  lab.turn(Drop.None, 50);
  assert.deepEqual(lab.kept, []);
  lab.recordings.look();
  assert.deepEqual(lab.kept, [
    "drops: 120 packets were dropped within a second, 80 of them as unknown_peer (120)",
  ]);
  assert.equal(lab.tapes[0]!.stopped, Stop.No);
  lab.now += 10;
  lab.turn(Drop.None, 7);
  assert.equal(lab.recordings.since(START).count, 127);
  assert.equal(lab.recordings.since(START + 10).count, 7);
});

test("Recordings tell who was given up", () => {
  const lab = new Lab();
  lab.giveUp();
  lab.recordings.look();
  assert.deepEqual(lab.kept, [`peer_failed: ${A} left its bubbles unanswered (1)`]);
});

test("Recordings keep what passed before a check failed, once, and not for a drain", () => {
  const lab = new Lab();
  lab.turn(Drop.None, 5);
  lab.recordings.see([failing("route", true), failing("serving")]);
  assert.deepEqual(lab.kept, []);
  lab.recordings.see([failing("route"), failing("forwarding")]);
  const why = "not_ready: route: route says why; forwarding: forwarding says why (5)";
  assert.deepEqual(lab.kept, [why]);
  lab.running += 60_000;
  lab.recordings.see([failing("route"), failing("forwarding")]);
  assert.deepEqual(lab.kept, [why]);
  // A clock that was set back meanwhile delays none.
  lab.now -= 3_600_000;
  lab.recordings.see([failing("route", true)]);
  lab.recordings.see([failing("route")]);
  assert.equal(lab.kept.length, 2);
  // One that comes and goes does not push out all others.
  lab.running += 5_000;
  lab.recordings.see([failing("route", true)]);
  lab.recordings.see([failing("route")]);
  assert.equal(lab.kept.length, 2);
});

test("Recordings keep the last three of each kind, and no more packets than they say", () => {
  const lab = new Lab(3);
  lab.recordings.see([failing("route")]);
  for (let i = 0; i < 10; i++) {
    lab.now += 60_000;
    for (const worker of [0, 1, 2]) lab.turn(Drop.UnknownPeer, 3_000, worker);
    lab.recordings.look();
    lab.giveUp();
    lab.recordings.look();
  }
  const kinds = lab.recordings.kept.map(({ kind }) => kind);
  assert.deepEqual(kinds.toSorted(), [
    ...Array(3).fill("drops"),
    "not_ready",
    ...Array(3).fill("peer_failed"),
  ]);
  const ids = lab.recordings.kept.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(ids, ids.toSorted().reverse());
  for (const { packets } of lab.recordings.kept) assert.ok(packets.count <= 4_096);
});

/** The pages of a daemon that recorded a burst. */
function serving(lab: Lab, isServing = true) {
  const pages = new RecordingPages("relay");
  const open = { listening: ["0.0.0.0:3545"], interfaceName: "teredo" } as unknown as OpenRole;
  if (!isServing) return pages;
  pages.serve("teredo 1.2.3", open, { tapes: lab.tapes } as unknown as Datapath)();
  return pages;
}

function ask(pages: RecordingPages, path: string): Promise<PageAnswer> {
  const { pathname, searchParams } = new URL(path, "http://localhost");
  const [, , id] = pathname.split("/");
  const page = pages.pages[id === undefined ? pathname : "/recordings/:id"]!;
  return page(searchParams, id === undefined ? {} : { id });
}

async function documentAt<T>(pages: RecordingPages, path: string, form: string): Promise<T> {
  const answer = await ask(pages, path);
  assert.ok("document" in answer);
  assert.deepEqual([answer.status, problemsOf(answer.document, form)], [200, []]);
  return answer.document as T;
}

test("GET /recordings lists what is kept, and each can be read in words and as a file", async () => {
  const lab = new Lab();
  const pages = serving(lab);
  const none = await documentAt<RecordingsDocument>(pages, "/recordings", "recordings");
  assert.deepEqual(none.recordings, []);
  lab.turn(Drop.None, 1_000);
  pages.look({ checks: [failing("route")] });
  const { recordings: [one] } = await documentAt<RecordingsDocument>(
    pages,
    "/recordings",
    "recordings",
  );
  assert.deepEqual([one!.kind, one!.packets, one!.from], [
    "not_ready",
    1_000,
    new Date(START).toISOString(),
  ]);
  const path = `/recordings/${one!.id}`;
  for (const [query, count] of [["", 200], ["?limit=7", 7], ["?limit=500", 500]] as const) {
    const form = "recording_rows";
    const { rows } = await documentAt<RecordingRowsDocument>(pages, `${path}${query}`, form);
    assert.equal(rows.length, count);
    // The last ones.
    assert.equal(rows.at(-1)!.peer, "203.0.113.7:40999");
  }
  const file = await ask(pages, `${path}.pcapng`);
  assert.ok("bytes" in file);
  assert.match(file.name, /^teredo-relay-\d{8}T\d{6}Z\.pcapng$/);
  assert.equal(tshark(file.bytes, ["frame.number"]).length, 1_000);
});

test("GET /recording.pcapng gives what passed lately", async () => {
  const lab = new Lab();
  const now = Date.now();
  // Far apart: what is asked for is still the same when a busy machine gets round to it.
  for (const ago of [2_500_000, 400_000, 0]) {
    lab.now = now - ago;
    lab.turn(Drop.None, 1);
  }
  const pages = serving(lab);
  for (const [query, count] of [["", 1], ["?last=1500", 2], ["?last=3600", 3]] as const) {
    const file = await ask(pages, `/recording.pcapng${query}`);
    assert.ok("bytes" in file);
    assert.equal(tshark(file.bytes, ["frame.number"]).length, count, query);
  }
});

const refused: readonly [string, number, RegExp][] = [
  ["/recordings?limit=1", 400, /limit|Parameters/],
  ["/recordings/1", 404, /no such recording/],
  ["/recordings/1.pcapng", 404, /no such recording/],
  ["/recordings/..%2f..%2fetc%2fpasswd", 404, /no such recording/],
  ["/recording.pcapng?last=0", 400, /last: not a whole number from 1 to 86400/],
  ["/recording.pcapng?last=86401", 400, /last/],
  ["/recording.pcapng?last=1&last=2", 400, /last: given twice/],
  ["/recording.pcapng?first=1", 400, /Parameters are last/],
];

for (const [path, status, said] of refused) {
  test(`GET ${path} is ${status}`, async () => {
    const answer = await ask(serving(new Lab()), path);
    assert.ok("document" in answer);
    assert.equal(answer.status, status);
    assert.match((answer.document as { error: string }).error, said);
  });
}

test("GET /recordings/ID?limit=501 is 400", async () => {
  const pages = serving(new Lab());
  pages.look({ checks: [failing("route")] });
  const { recordings: [one] } = await documentAt<RecordingsDocument>(
    pages,
    "/recordings",
    "recordings",
  );
  assert.equal((await ask(pages, `/recordings/${one!.id}?limit=501`)).status, 400);
});

test("RecordingPages give out a few files at a time, for clients may read slowly", async () => {
  const pages = serving(new Lab());
  const statuses: number[] = [];
  for (let i = 0; i < 18; i++) statuses.push((await ask(pages, "/recording.pcapng")).status);
  assert.deepEqual(statuses, [...Array(16).fill(200), 503, 503]);
});

test("RecordingPages of a daemon that starts answer 503", async () => {
  for (const path of ["/recordings", "/recording.pcapng", "/recordings/1"]) {
    assert.equal((await ask(serving(new Lab(), false), path)).status, 503);
  }
});
