import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import test from "node:test";
import { explain, EXPLAINED, nearestExplained } from "#src/cli/explain.ts";
import { ENTRIES } from "#src/config/settings.ts";
import { FIELD_NAMES } from "#src/log/record.ts";
import { teredo } from "./run.ts";

const found: readonly [asked: string, name: string, kind: string][] = [
  ["teredo_drops_total", "teredo_drops_total", "metric"],
  ['teredo_drops_total{reason="bad_token"}', "teredo_drops_total", "metric"],
  ["bubbles_answered", "teredo_bubbles_answered_total", "metric"],
  ["peers", "teredo_peers", "metric"],
  ["bad_token", "bad_token", "drop_reason"],
  ["BAD_TOKEN", "bad_token", "drop_reason"],
  ["offline", "offline", "client_state"],
  ["not ready", "Not ready", "log_message"],
  ['"Not ready"', "Not ready", "log_message"],
];

for (const [asked, name, kind] of found) {
  test(`explain() finds ${asked}`, () => {
    assert.deepEqual(explain(asked).map((it) => [it.name, it.kind]), [[name, kind]]);
  });
}

test("explain() tells an errno for each way that a packet can go", () => {
  const where = explain("eperm").map((it) => it.where);
  assert.deepEqual(
    where,
    ["udp", "ipv6", "tun"].map((to) => `teredo_send_failures_total{to="${to}",errno="EPERM"}`),
  );
});

for (const name of ["", " ", "toString", "__proto__", "{}", "teredo__total", "x".repeat(100_000)]) {
  test(`explain() knows no ${JSON.stringify(name.slice(0, 20))}`, () => {
    assert.deepEqual(explain(name), []);
  });
}

test("nearestExplained() gives what was probably meant", () => {
  assert.equal(nearestExplained("bad_tokn"), "bad_token");
  assert.equal(nearestExplained("teredo_bubble_answered_total"), "teredo_bubbles_answered_total");
  assert.equal(nearestExplained("Readyness"), "Readiness");
  assert.equal(nearestExplained("qwertyuiop"), undefined);
});

/** Words that stand in code and are the name of something: it has to be there. */
test("explanations name keys, metrics and documents that there are", () => {
  const names = new Set([
    ...EXPLAINED,
    ...ENTRIES.map(({ key }) => key),
    ...FIELD_NAMES,
    // Checks, by their names.
    ...[...readFileSync("docs/checks.md", "utf8").matchAll(/`([a-z0-9_]+)`/g)].map(([, it]) => it!),
  ]);
  for (const it of EXPLAINED.flatMap(explain)) {
    const { name, meaning, cause = "", look = "", mend = "" } = it;
    const text = `${meaning} ${cause} ${look} ${mend}`;
    for (const [, word] of text.matchAll(/`([a-z0-9]+_[a-z0-9_]+)`/g)) {
      assert.ok(names.has(word!), `${name}: ${word}`);
    }
    for (const [path] of text.matchAll(/docs\/[\w.]+\.md/g)) {
      assert.ok(existsSync(path), `${name}: ${path}`);
    }
    assert.doesNotMatch(text, /\]\(/, `${name}: no links in a terminal`);
  }
});

test("teredo explain shows where, meaning, cause and mend", () => {
  const { status, stdout } = teredo(["explain", "destination_not_served"]);
  assert.equal(status, 0);
  assert.equal(
    stdout,
    `destination_not_served
where    teredo_drops_total{reason="destination_not_served"}
meaning  The packet was discarded because its IPv6 destination is not one this
         relay serves.
cause    clients that use this relay for what it was not set up for; of a client
         that relays for its host, those that want another one
mend     name what it is to serve in \`served\`
`,
  );
});

test("teredo explain takes the words of a message without quotes", () => {
  const { status, stdout } = teredo(["explain", "Not", "ready"]);
  assert.equal(status, 0);
  assert.match(
    stdout,
    /^Not ready\nwhere {4}msg of the log, level warn, with check, detail, mend\n/,
  );
});

test("teredo explain suggests for an unknown name", () => {
  const { status, stdout, stderr } = teredo(["explain", "bad_tokn"]);
  assert.deepEqual([status, stdout], [2, ""]);
  assert.equal(
    stderr,
    "teredo: bad_tokn is no metric, drop reason, log message or errno; did you mean `bad_token`?\n",
  );
});
