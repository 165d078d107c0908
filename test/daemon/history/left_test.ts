import assert from "node:assert/strict";
import { chmodSync, existsSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createHash } from "node:crypto";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import { historyDocument } from "#src/daemon/history/documents.ts";
import { encode } from "#src/daemon/history/form.ts";
import { continueHistory } from "#src/daemon/history/left.ts";
import { seal } from "#src/daemon/handover/sealed.ts";
import { createLogger } from "#src/log/logger.ts";
import { formatLogfmt } from "#src/log/record.ts";
import type { Step } from "#src/status/history_document.ts";
import { type Folders, inFolders, STRANGER } from "../hostile_folder.ts";
import { BOOTED, BOOTED_UNIX, Clocks } from "./clocks.ts";

const libc = await openLibc();
const INSTANCE = "3c1d/4026531840";
const OTHERS = "0000/4026531840";

/** A daemon's start in this folder, whose history goes on. */
function start(folder: string, clocks: Clocks, uid?: number) {
  const lines: string[] = [];
  const log = createLogger({
    level: "info",
    format: formatLogfmt,
    sink: (_, line) => void lines.push(line),
    time: undefined,
  });
  const end = continueHistory(clocks.history, {
    libc,
    log,
    host: { instance: () => INSTANCE },
    folder: { path: folder, isGiven: true },
    user: uid === undefined ? undefined : { name: "u", uid, gid: uid, groups: [uid] },
  });
  return { end, lines };
}

/** One that ran for so many seconds, with `n` datagrams in second `n`. */
function ran(seconds: number, role: "relay" | "server" = "relay", boot = 1_200): Clocks {
  const clocks = new Clocks(role, boot);
  const log = clocks.history.journal.heardFrom(SILENT);
  log.info("Ready", { role });
  log.warn("Not ready", { check: "route", detail: "gone", mend: "see it" });
  clocks.history.judge([{ name: "route", ok: true, detail: "" }]);
  clocks.look(0);
  for (let i = 1; i <= seconds; i++) {
    clocks.count({ udp_sent_datagrams: i });
    clocks.look();
  }
  return clocks;
}

const SILENT = createLogger({
  level: "error",
  format: formatLogfmt,
  sink: () => {},
  time: undefined,
});

const downOf = ({ history }: Clocks, step: Step = 1) => {
  const { from, series } = historyDocument(history, step, 1_440);
  return { from, values: series.packets_down! };
};
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

for (const role of ["relay", "server"] as const) {
  test(`continueHistory(): a ${role} goes on where the one before it ended, with a gap between`, () =>
    inFolders(({ own }) => {
      const path = join(own, "history");
      const before = ran(130, role);
      const first = start(own, before);
      assert.equal(statSync(path).size, 0, "one that is killed leaves nothing");
      assert.equal(statSync(path).mode & 0o7777, 0o600);
      first.end();
      assert.ok(statSync(path).size > 10_000);

      const clocks = new Clocks(role, 1_340);
      const second = start(own, clocks);
      assert.deepEqual([...first.lines, ...second.lines], []);
      assert.equal(statSync(path).size, 0);
      assert.deepEqual(downOf(clocks), downOf(before), "before it has looked");
      clocks.history.judge([{ name: "route", ok: true, detail: "" }]);
      clocks.look(0);
      clocks.count({ udp_sent_datagrams: 7 });
      clocks.look();
      const { from, values } = downOf(clocks);
      assert.equal(from, BOOTED_UNIX + 1_201);
      assert.deepEqual(values, [...upTo(130), ...Array(10).fill(null), 7]);
      const { history } = clocks;
      const { changes, warnings } = history;
      assert.deepEqual(changes.map(({ kind }) => kind), ["started", "not_ready"]);
      assert.equal(changes[0]!.time.getTime(), BOOTED + 1_200_000);
      assert.deepEqual(warnings.map(({ mend }) => mend), ["see it"]);
      assert.equal(history.standings.since("route"), 1_200_000);
      for (let i = 0; i < 60; i++) clocks.look();
      assert.deepEqual(downOf(clocks, 60).values, [
        (59 * 60 / 2) / 59,
        (60 + 119) / 2,
        // The rows of this minute that each of the two has.
        Math.round(
          100 * [...upTo(130).slice(119), 7, ...Array(38).fill(0)]
            .reduce((sum, it) => sum + it, 0) /
            50,
        ) / 100,
      ]);
      second.end();
    }));
}

test("continueHistory() of another version keeps what means the same", () =>
  inFolders(({ own }) => {
    const cells = new Float32Array([1, 2, 3, 4]);
    const head = {
      instance: INSTANCE,
      role: "relay",
      written_at: 1_210_000,
      columns: ["packets_down", "of_the_future"],
      seconds: { newest: 1_209, rows: 2 },
      minutes: { newest: -1, rows: 0 },
      changes: [],
      warnings: [],
      checks: [],
    };
    const file = seal({ name: "history", version: 1 }, head, [new Uint8Array(cells.buffer)]);
    writeFileSync(join(own, "history"), Buffer.concat(file), { mode: 0o600 });
    const clocks = new Clocks("relay", 1_210);
    assert.deepEqual(start(own, clocks).lines, []);
    const { from, series } = historyDocument(clocks.history, 1, 900);
    assert.equal(from, BOOTED_UNIX + 1_208);
    assert.deepEqual(series.packets_down, [1, 3]);
    assert.deepEqual(series.packets_up, [null, null], "of what it had not nothing is known");
  }));

const left = (clocks = ran(20)) => Buffer.concat(encode(clocks.history, INSTANCE));
const changed = (at: number, bytes = left()) => {
  bytes[at < 0 ? bytes.length + at : at]! ^= 1;
  return bytes;
};

const HEAD = {
  instance: INSTANCE,
  role: "relay",
  written_at: 1_220_000,
  columns: [],
  seconds: { newest: 1_219, rows: 0 },
  minutes: { newest: -1, rows: 0 },
  changes: [],
  warnings: [],
  checks: [],
};
const CHANGE = { at: 1, kind: "ready", text: "Ready again" };
const WARNING = { at: 1, level: "warn", text: "Not ready", count: 1, subject: "Not ready" };

/** Sealed as it should be, with any text for its head, and so many bytes behind it. */
function withHead(head: string, length: number): Uint8Array {
  const rest = Buffer.concat([Buffer.from(`${head}\n`), new Uint8Array(length)]);
  const digest = createHash("sha256").update(rest).digest("hex");
  return Buffer.concat([Buffer.from(`teredo history 1 ${digest}\n`), rest]);
}

/** What may be in a file of ours, and why it is of no use to one that starts 1,300 s after the boot. */
const USELESS: readonly [name: string, file: () => Uint8Array, problem: RegExp][] = [
  ["cut short in the rows", () => left().subarray(0, -1), /damaged/],
  ["cut short in the head", () => left().subarray(0, 200), /damaged/],
  ["cut short in the first line", () => left().subarray(0, 20), /damaged/],
  ["longer than it was", () => Buffer.concat([left(), new Uint8Array(9)]), /damaged/],
  ["with another bit in the first line", () => changed(3), /damaged/],
  ["with another bit in the digest", () => changed(30), /damaged/],
  ["with another bit in the head", () => changed(120), /damaged/],
  ["with another bit in the last row", () => changed(-1), /damaged/],
  ["of zeros", () => new Uint8Array(4_096), /damaged/],
  [
    "of a relay's peers",
    () => Buffer.concat(seal({ name: "peers", version: 1 }, {}, [])),
    /damaged/,
  ],
  [
    "of another form",
    () => Buffer.concat(seal({ name: "history", version: 2 }, {}, [])),
    /of form 2, and not 1/,
  ],
  [
    "of another boot",
    () => Buffer.concat(encode(ran(20).history, OTHERS)),
    /of another boot or network namespace: 0000/,
  ],
  ["of a server", () => left(ran(20, "server")), /the file is a server's/],
  ["of a time to come", () => left(ran(200)), /of a time to come/],
  ["too old", () => left(ran(20, "relay", 1_280 - 86_400)), /86400 s old/],
  // With a right digest, which anybody can make.
  ["whose head is no JSON", () => withHead("{", 0), /damaged/],
  ["whose head is nothing", () => withHead("null", 0), /damaged/],
  ...Object.entries({
    written_at: ["soon", null, [1]],
    columns: [null, "packets_up", [1], Array(257).fill("x")],
    seconds: [null, { newest: 1_219, rows: -1 }, { newest: 1e12, rows: 0 }, {
      newest: 0,
      rows: 901,
    }],
    minutes: [{ newest: 20, rows: 0 }, { newest: 0.5, rows: 0 }, { newest: "1", rows: 0 }],
    changes: [null, [null], [{ at: 1, kind: "eaten", text: "" }], Array(21).fill(CHANGE)],
    warnings: [{}, [{ ...WARNING, count: "1" }], [{ ...WARNING, level: "info" }]],
    checks: [[["route"]], [["route", null]], [["route", { ok: 1, since: 0 }]]],
  }).flatMap(([key, values]) =>
    values.map((value, i): (typeof USELESS)[number] => [
      `whose ${key} is none (${i})`,
      () => withHead(JSON.stringify({ ...HEAD, [key]: value }), 0),
      /damaged/,
    ])
  ),
];
for (const [name, file, problem] of USELESS) {
  test(`continueHistory() heeds no file ${name}, says so in one line, and leaves a good one`, () =>
    inFolders(({ own }) => {
      const path = join(own, "history");
      writeFileSync(path, file(), { mode: 0o600 });
      const clocks = new Clocks("relay", 1_300);
      const { end, lines } = start(own, clocks);
      assert.equal(clocks.history.rows.seconds.count, 0);
      assert.equal(lines.length, 1, lines.join("\n"));
      assert.match(
        lines[0]!,
        /^level=warn msg="History not taken over" path=\S+ problem="the file /,
      );
      assert.match(lines[0]!, problem);
      assert.equal(statSync(path).size, 0);
      clocks.look(0);
      clocks.look();
      end();
      const next = new Clocks("relay", 1_310);
      assert.deepEqual(start(own, next).lines, []);
      assert.equal(next.history.rows.seconds.count, 1);
    }));
}

test("continueHistory() heeds no file that others could have written", () =>
  inFolders(({ own }) => {
    const path = join(own, "history");
    writeFileSync(path, left());
    chmodSync(path, 0o640);
    const { lines } = start(own, new Clocks("relay", 1_300));
    assert.match(lines.join("\n"), /the file is open to others than its owner/);
  }));

test("continueHistory() changes nothing where another's file or a link is, and says so", () =>
  inFolders(({ own, hostile }: Folders) => {
    const victim = join(own, "victim");
    writeFileSync(victim, "precious");
    symlinkSync(victim, join(hostile, "history"));
    const { end, lines } = start(hostile, ran(5), STRANGER);
    assert.match(lines.join("\n"), /^level=warn msg="History will not be kept" problem=.*symbolic/);
    end();
    assert.equal(statSync(victim).size, 8);
    const { lines: refused } = start(hostile, ran(5));
    assert.match(refused.join("\n"), /History will not be kept.*belongs to user 65534/);
  }));

test("continueHistory() leaves nothing where nobody could say of when it is", () =>
  inFolders(({ own }) => {
    const nowhere = continueHistory(ran(5).history, {
      libc,
      log: SILENT,
      host: { instance: () => undefined },
      folder: { path: join(own, "none"), isGiven: true },
      user: undefined,
    });
    nowhere();
    assert.equal(existsSync(join(own, "none")), false);
  }));
