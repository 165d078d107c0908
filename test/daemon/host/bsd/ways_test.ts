import assert from "node:assert/strict";
import test from "node:test";
import { Ways4 } from "#src/daemon/host/bsd/ways.ts";
import type { Way } from "#src/daemon/host/contract.ts";

const by = (interfaceName: string): Way => ({
  kind: "sent",
  interfaceName,
  source: undefined,
  gateway: undefined,
  mtu: undefined,
});

/** A machine whose routes lead to `to`, and what was asked of it. */
class Lab {
  now = 0;
  to: Way | undefined = by("em0");
  readonly asked: string[] = [];
  readonly ways = new Ways4((to) => (this.asked.push(to), this.to), () => this.now);

  way(last: number): Way | undefined {
    return this.ways.to(Uint8Array.of(192, 0, 2, last));
  }
}

test("Ways4.to() asks anew after five seconds, whatever came of it before", () => {
  const lab = new Lab();
  assert.deepEqual([lab.way(1), lab.way(1)], [by("em0"), by("em0")]);
  assert.deepEqual(lab.asked, ["192.0.2.1"]);
  lab.now = 5_000;
  lab.to = undefined;
  assert.deepEqual([lab.way(1), lab.way(1)], [undefined, undefined]);
  assert.equal(lab.asked.length, 2);
  lab.now = 10_000;
  lab.to = by("em1");
  assert.deepEqual(lab.way(1), by("em1"));
});

test("Ways4.to() knows no more than 32 answers, and forgets the oldest", () => {
  const lab = new Lab();
  for (let last = 0; last < 33; last++) lab.way(last);
  lab.asked.length = 0;
  lab.way(1);
  assert.deepEqual(lab.asked, []);
  lab.way(0);
  lab.way(1);
  assert.deepEqual(lab.asked, ["192.0.2.0", "192.0.2.1"]);
});
