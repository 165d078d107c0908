import assert from "node:assert/strict";
import test from "node:test";
import { Journal } from "#src/daemon/history/journal.ts";
import { Standings } from "#src/daemon/history/standings.ts";
import { createLogger } from "#src/log/logger.ts";
import { MESSAGES } from "#src/log/messages.ts";
import { formatLogfmt, type Level } from "#src/log/record.ts";

function listening(level: Level = "info") {
  let now = 0;
  const lines: string[] = [];
  const sink = (_: Level, line: string) => void lines.push(line);
  const journal = new Journal(() => now);
  const inner = createLogger({ level, format: formatLogfmt, sink, time: undefined });
  return { journal, log: journal.heardFrom(inner), lines, at: (time: number) => void (now = time) };
}

test("Journal hears changes and warnings, and passes each line on as it is", () => {
  const { journal, log, lines, at } = listening();
  at(5);
  log.info("Reloaded", { file: "/etc/teredo.ini", count: 3 });
  log.warn("Not ready", { check: "route", detail: "leads to eth0", mend: "ip route add" });
  log.info("Serving own addresses", { served: "none" });
  assert.deepEqual(journal.changes, [
    { at: 5, kind: "reloaded", text: "Reloaded: file /etc/teredo.ini, count 3" },
    { at: 5, kind: "not_ready", text: "Not ready: route, leads to eth0" },
  ]);
  assert.deepEqual(journal.warnings.map(({ subject: _, ...it }) => it), [{
    at: 5,
    level: "warn",
    text: "Not ready: route, leads to eth0",
    mend: "ip route add",
    count: 1,
  }]);
  assert.deepEqual(lines, [
    "level=info msg=Reloaded file=/etc/teredo.ini count=3",
    'level=warn msg="Not ready" check=route detail="leads to eth0" mend="ip route add"',
    'level=info msg="Serving own addresses" served=none',
  ]);
});

test("Journal hears what the level of the log leaves out, but makes nothing for debug", () => {
  const { journal, log, lines } = listening("error");
  assert.equal(log.enabled("info"), true);
  assert.equal(log.enabled("debug"), false);
  log.info("Announced");
  log.warn("Packets dropped", () => ({ reason: "send_failed", count: 2 }));
  log.debug("Packet", () => assert.fail("made for nobody"));
  assert.deepEqual(journal.changes.map(({ text }) => text), ["Announced"]);
  assert.deepEqual(journal.warnings.map(({ text }) => text), [
    "Packets dropped: send_failed, count 2",
  ]);
  assert.deepEqual(lines, []);
});

test("Journal keeps the last 20 changes, and knows which are new", () => {
  const { journal, log } = listening();
  for (let i = 0; i < 15; i++) log.info("Announced", { count: i });
  const known = journal.count;
  assert.deepEqual(journal.changesSince(known), []);
  for (let i = 15; i < 18; i++) log.info("Announced", { count: i });
  assert.deepEqual(journal.changesSince(known).map(({ text }) => text), [
    "Announced: count 15",
    "Announced: count 16",
    "Announced: count 17",
  ]);
  for (let i = 18; i < 100; i++) log.info("Announced", { count: i });
  assert.equal(journal.changes.length, 20);
  assert.equal(journal.changes[0]!.text, "Announced: count 80");
  assert.equal(journal.changesSince(known).length, 20, "no more than there are");
});

test("Journal tells a warning that comes again once, with the last of it, for an hour", () => {
  const { journal, log, at } = listening();
  const dropped = (count: number, reason = "send_failed") =>
    log.warn("Packets dropped", { reason, count });
  dropped(1);
  at(1_000);
  dropped(2, "socket_overflow");
  at(2_000);
  dropped(3);
  assert.deepEqual(journal.warnings.map(({ at, text, count }) => [at, text, count]), [
    [1_000, "Packets dropped: socket_overflow, count 2", 1],
    [2_000, "Packets dropped: send_failed, count 3", 2],
  ]);
  at(3_601_000);
  assert.equal(journal.warnings.length, 1);
  at(3_602_000);
  assert.equal(journal.warnings.length, 0);
  dropped(4);
  assert.deepEqual(journal.warnings.map(({ count }) => count), [1], "it begins anew");
});

test("Journal keeps 50 warnings, and lines that fit one, whatever they are made of", () => {
  const { journal, log } = listening();
  for (let i = 0; i < 500; i++) {
    log.warn("Configuration", { key: `k${i}`, problem: "x".repeat(900) });
  }
  assert.equal(journal.warnings.length, 50);
  assert.match(journal.warnings[49]!.text, /^Configuration: key k499, x{20,}\u2026$/);
  assert.equal(journal.warnings[49]!.text.length, 251);
  log.error("Reload refused", { problem: "a\nb\u202ec\u0000\u001b[31md" });
  assert.equal(journal.warnings.at(-1)!.text, "Reload refused: a b c [31md");
});

test("Journal.takeOver() puts what was before in front, within the same bounds", () => {
  const { journal, log, at } = listening();
  at(100);
  log.warn("Restored", { what: "route" });
  const old = listening();
  for (let i = 0; i < 20; i++) old.log.warn("Restored", { what: "route", count: i });
  journal.takeOver(old.journal.changes, old.journal.warnings);
  assert.equal(journal.changes.length, 20);
  assert.deepEqual(journal.changes.map(({ at }) => at), [...Array(19).fill(0), 100]);
  assert.deepEqual(journal.warnings.map(({ at, count }) => [at, count]), [[100, 21]]);
});

test("Journal's changes are messages of the log", async () => {
  const { CHANGES } = await import("#src/daemon/history/journal.ts");
  for (const message of Object.keys(CHANGES)) assert.ok(message in MESSAGES, message);
});

const check = (name: string, ok: boolean) => ({ name, ok, detail: "" });

test("Standings.since() is when a check began to be as it is", () => {
  const standings = new Standings();
  standings.look([check("a", true), check("b", false)], 1);
  standings.look([check("a", true), check("b", true)], 2);
  standings.look([check("a", true), check("b", true), check("c", true)], 3);
  assert.deepEqual(["a", "b", "c"].map((name) => standings.since(name)), [1, 2, 3]);
  standings.look([check("a", false), check("c", true)], 4);
  standings.look([check("a", true), check("b", true), check("c", true)], 5);
  assert.deepEqual(["a", "b", "c"].map((name) => standings.since(name)), [5, 5, 3]);
});

test("Standings.takeOver() goes on from what was seen before, as far as it is the same now", () => {
  const before = new Standings();
  before.look([check("a", true), check("b", true), check("gone", true)], 1);
  const standings = new Standings();
  standings.takeOver(before.all);
  standings.look([check("a", true), check("b", false)], 9);
  assert.deepEqual(["a", "b"].map((name) => standings.since(name)), [1, 9]);
  assert.equal(standings.all.length, 2);
});
