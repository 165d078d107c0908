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
import type { HomeWish } from "#src/datapath/homes.ts";
import type { Entrusted } from "#src/datapath/keep/contract.ts";
import { parseIpv6, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";

const RELAYS: Entrusted = {
  interfaceName: "teredo",
  index: 7,
  mtu: 1280,
  queueLength: 2_000,
  prefix: parseIpv6Prefix("2001::/32")!,
  routes: { metric: 10, announced: { metric: 9, protocol: 201 } },
};
const CLIENTS: Entrusted = {
  ...RELAYS,
  routes: { metric: 10 },
  home: { metric: 1_000_000, table: 3544 },
};

for (const [role, entrusted] of [["relay", RELAYS], ["client", CLIENTS]] as const) {
  test(`readTask reads what writeTask writes for a ${role}, on one line`, () => {
    const task = {
      user: { name: "no\nbody", uid: 65_534, gid: 65_534, groups: [65_534, 4] },
      chroot: undefined,
      entrusted,
      sandbox: "log" as const,
    };
    const line = writeTask(task);
    assert.equal(line.indexOf("\n"), line.length - 1);
    assert.deepEqual(readTask(line), task);
  });
}

test("readWish reads what writeWish writes, on one line", () => {
  for (const announce of [true, false]) {
    const line = writeWish({ announce });
    assert.equal(line.indexOf("\n"), line.length - 1);
    assert.deepEqual(readWish(line, RELAYS), { announce });
  }
});

const home = (...addresses: (readonly [text: string, deprecated: boolean])[]): HomeWish => ({
  addresses: addresses.map(([text, deprecated]) => ({ bytes: parseIpv6(text)!, deprecated })),
  onLink: true,
  defaultRoute: false,
  mtu: 1280,
});

const HOMES = [
  home(),
  home(["2001:0:c633:6401::1", false]),
  home(
    ["2001:0:c633:6401::1", false],
    ["2001:0:c633:6402::1", true],
    ["2001:0:c633:6403::1", true],
    ["2001:0:ffff:ffff:ffff:ffff:ffff:ffff", true],
  ),
  { ...home(), onLink: false, defaultRoute: true, mtu: 65_535 },
];

for (const [i, wish] of HOMES.entries()) {
  test(`readWish reads home ${i} that writeWish writes, on one line, for a client`, () => {
    const line = writeWish({ home: wish });
    assert.equal(line.indexOf("\n"), line.length - 1);
    assert.deepEqual(readWish(line, CLIENTS), { home: wish });
    assert.equal(readWish(line, RELAYS), undefined, "a relay has none");
  });
}

const homeLine = (change: Record<string, unknown>) =>
  JSON.stringify({
    home: { addresses: [], onLink: true, defaultRoute: true, mtu: 1280, ...change },
  });
const ADDRESS = { at: "2001:0:c633:6401::1", deprecated: false };

const NO_WISHES = [
  "",
  "{",
  "null",
  "7",
  "{}",
  '{"announce":1}',
  '{"announce":"yes"}',
  "[true]",
  '{"home":null}',
  '{"home":{}}',
  '{"home":[]}',
  homeLine({ onLink: "yes" }),
  homeLine({ defaultRoute: 1 }),
  homeLine({ mtu: 1279 }),
  homeLine({ mtu: 65_536 }),
  homeLine({ mtu: 1280.5 }),
  homeLine({ mtu: "1280" }),
  homeLine({ addresses: {} }),
  homeLine({ addresses: [null] }),
  homeLine({ addresses: Array(5).fill(ADDRESS) }),
  homeLine({ addresses: [ADDRESS, { ...ADDRESS, at: "2001:db8::1" }] }),
  homeLine({ addresses: [{ ...ADDRESS, at: "fe80::1" }] }),
  homeLine({ addresses: [{ ...ADDRESS, at: "2001:0:c633:6401::1/32" }] }),
  homeLine({ addresses: [{ ...ADDRESS, at: 7 }] }),
  homeLine({ addresses: [{ ...ADDRESS, deprecated: 0 }] }),
];

for (const line of NO_WISHES) {
  test(`readWish takes no ${line || "empty line"}`, () => {
    assert.equal(readWish(line, CLIENTS), undefined);
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
