import assert from "node:assert/strict";
import test from "node:test";
import { Lines } from "#src/daemon/helper/lines.ts";
import {
  readSaid,
  readTask,
  readWish,
  type Said,
  writeTask,
  writeWish,
} from "#src/daemon/upkeep/words.ts";
import { parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";

test("readTask reads what writeTask writes, on one line", () => {
  const task = {
    user: { name: "no\nbody", uid: 65_534, gid: 65_534, groups: [65_534, 4] },
    chroot: undefined,
    entrusted: {
      interfaceName: "teredo",
      index: 7,
      mtu: 1280,
      queueLength: 2_000,
      prefix: parseIpv6Prefix("2001::/32")!,
      routes: { metric: 10, announced: { metric: 9, protocol: 201 } },
    },
    sandbox: "log" as const,
  };
  const line = writeTask(task);
  assert.equal(line.indexOf("\n"), line.length - 1);
  assert.deepEqual(readTask(line), task);
});

test("readWish reads what writeWish writes, on one line", () => {
  for (const announce of [true, false]) {
    const line = writeWish({ announce });
    assert.equal(line.indexOf("\n"), line.length - 1);
    assert.deepEqual(readWish(line), { announce });
  }
});

for (const line of ["", "{", "null", "7", "{}", '{"announce":1}', '{"announce":"yes"}', "[true]"]) {
  test(`readWish takes no ${line || "empty line"}`, () => {
    assert.equal(readWish(line), undefined);
  });
}

const SAID: readonly Said[] = [
  { event: "keeping" },
  { event: "blind", problem: "EIO" },
  { event: "unable", problem: "EPERM" },
  { event: "restored", what: "route", away: 120 },
  { event: "refused", what: "mtu", problem: "no", mend: "yes" },
  { event: "refused", what: "mtu", problem: "no" },
  { event: "fought", what: "up", rivals: [{ name: "netifd", mend: "stop it" }] },
];

for (const said of SAID) {
  test(`readSaid takes ${said.event}, and nothing that comes with it`, () => {
    assert.deepEqual(readSaid(JSON.stringify({ ...said, __proto__: 1, more: "x" })), said);
  });
}

const REFUSED = [
  "",
  "{",
  "null",
  "7",
  "[]",
  "{}",
  '{"event":"toString"}',
  '{"event":"blind"}',
  '{"event":"unable","problem":7}',
  '{"event":"restored","what":"__proto__","away":1}',
  '{"event":"restored","what":"constructor","away":1}',
  '{"event":"restored","what":"route"}',
  '{"event":"restored","what":"route","away":-1}',
  '{"event":"restored","what":"route","away":"1"}',
  '{"event":"restored","what":["route"],"away":1}',
  '{"event":"refused","what":"route"}',
  '{"event":"fought","what":"route"}',
  '{"event":"fought","what":"route","rivals":[null]}',
  '{"event":"fought","what":"route","rivals":[{"name":"x"}]}',
];

for (const line of REFUSED) {
  test(`readSaid takes no ${line || "empty line"}`, () => {
    assert.equal(readSaid(line), undefined);
  });
}

test("Lines puts together what comes in pieces", () => {
  const lines = new Lines();
  assert.deepEqual(lines.take("on", 0), []);
  assert.deepEqual(lines.take("e\ntwo\nth", 0), ["one", "two"]);
  assert.deepEqual(lines.take("ree\n", 0), ["three"]);
});

test("Lines gives up a line that is too long, ended or not", () => {
  assert.equal(new Lines().take("x".repeat(5_000), 0), undefined);
  assert.equal(new Lines().take(`${"x".repeat(5_000)}\n`, 0), undefined);
  const lines = new Lines();
  assert.deepEqual(lines.take("x".repeat(4_000), 0), []);
  assert.equal(lines.take("x".repeat(1_000), 0), undefined);
});

test("Lines gives up more than 1,000 lines a second, and takes them in two", () => {
  const lines = new Lines();
  assert.equal(lines.take("\n".repeat(1_000), 0)?.length, 1_000);
  assert.equal(lines.take("\n", 999), undefined);
  assert.equal(lines.take("\n".repeat(1_000), 2_000)?.length, 1_000);
});
