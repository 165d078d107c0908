import assert from "node:assert/strict";
import test from "node:test";
import { ENTRIES } from "#src/config/settings.ts";
import { nearest } from "#src/config/suggest.ts";

const KNOWN = ["bind_port", "bind_address", "max_peers", "mtu"];

const CASES: readonly (readonly [name: string, meant: string | undefined])[] = [
  ["bind-port", "bind_port"],
  ["BindPort", "bind_port"],
  ["bnid_port", "bind_port"],
  ["max_peer", "max_peers"],
  ["mut", "mtu"],
  ["peers", undefined],
  ["x", undefined],
  ["b".repeat(41), undefined],
];

for (const [name, meant] of CASES) {
  test(`nearest() takes ${name.slice(0, 12)} for ${meant ?? "nothing"}`, () => {
    assert.equal(nearest(name, KNOWN), meant);
  });
}

/** Letters that are compared: the least of three is taken for each pair. */
function compared(name: string, known: readonly string[]): number {
  const { min } = Math;
  let count = 0;
  Math.min = (...values) => (count++, min(...values));
  try {
    nearest(name, known);
  } finally {
    Math.min = min;
  }
  return count;
}

test("nearest() compares no name letter by letter with one that is too long or short to be meant", () => {
  const names = ENTRIES.map(({ key }) => key);
  assert.equal(compared("x".repeat(40), names), 0);
  assert.equal(compared("x", names.filter(({ length }) => length > 3)), 0);
  assert.ok(compared("bind_pot", names) > 0);
});
