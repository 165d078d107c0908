import assert from "node:assert/strict";
import test from "node:test";
import { KnownWays } from "#src/datapath/linux/fast_path/known_ways.ts";
import { Prng } from "#test/sim/prng.ts";

const LOCAL = 0xcb00_7109;

function keep(known: KnownWays, address: number, local: number, index: number): void {
  Object.assign(known, { index, mtu: index + 1, nextHop: index + 2 });
  known.add(address, local);
}

function said(known: KnownWays, address: number, local: number): number[] | undefined {
  if (!known.find(address, local)) return undefined;
  return [known.index, known.mtu, known.nextHop];
}

test("KnownWays tells what was said of both addresses, until it is cleared", () => {
  const known = new KnownWays();
  assert.equal(said(known, 0, LOCAL), undefined);
  keep(known, 5, LOCAL, 10);
  keep(known, 6, LOCAL, 20);
  keep(known, 5, LOCAL + 1, 0);
  assert.deepEqual(said(known, 5, LOCAL), [10, 11, 12]);
  assert.deepEqual(said(known, 6, LOCAL), [20, 21, 22]);
  assert.deepEqual(said(known, 5, LOCAL + 1), [0, 1, 2]);
  assert.equal(said(known, 7, LOCAL), undefined);
  keep(known, 6, LOCAL, 30);
  assert.deepEqual(said(known, 6, LOCAL), [30, 31, 32]);
  known.clear();
  for (const address of [5, 6]) assert.equal(said(known, address, LOCAL), undefined);
});

test("KnownWays with more addresses than room: what it tells is what was said last of that address", () => {
  const known = new KnownWays();
  const random = new Prng(1);
  const truth = new Map<number, number>();
  let told = 0;
  for (let i = 0; i < 300_000; i++) {
    const address = random.below(200_000);
    const found = said(known, address, LOCAL);
    if (found !== undefined) {
      told++;
      assert.equal(found[0], truth.get(address));
      if (i % 3 > 0) continue;
    }
    keep(known, address, LOCAL, i);
    truth.set(address, i);
  }
  assert.ok(told > 50_000, `${told}`);
});

test("KnownWays keeps most of as many neighbouring addresses as there is room for", () => {
  const known = new KnownWays();
  for (let i = 0; i < 50_000; i++) keep(known, 0x0a00_0000 + i, LOCAL, i);
  let kept = 0;
  for (let i = 0; i < 50_000; i++) kept += Number(known.find(0x0a00_0000 + i, LOCAL));
  assert.ok(kept > 25_000, `${kept}`);
});
