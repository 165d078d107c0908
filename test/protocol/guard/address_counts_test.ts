import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { AddressCounts } from "#src/protocol/guard/address_counts.ts";

test("AddressCounts.count() agrees with a Map of few addresses, whatever is added and removed", () => {
  const address = fc.oneof(fc.nat(0xffffffff), fc.integer({ min: 0xc0000200, max: 0xc0000210 }));
  fc.assert(fc.property(fc.array(fc.tuple(address, fc.boolean())), (steps) => {
    const counts = new AddressCounts(1, 2);
    const naive = new Map<number, number>();
    for (const [address, adds] of steps) {
      const had = naive.get(address) ?? 0;
      if (!adds && had === 0) continue;
      adds ? counts.add(address) : counts.remove(address);
      naive.set(address, had + (adds ? 1 : -1));
      for (const [one, count] of naive) assert.equal(counts.count(one), count);
    }
  }));
});

test("AddressCounts.count() is never less than was added, and seldom more, in a crowd of addresses", () => {
  const counts = new AddressCounts(1, 2);
  // As many as have a 64th of a table each, and more than fill it.
  for (let i = 0; i < 64; i++) for (let n = 0; n < 100; n++) counts.add(0x0b000000 + i);
  for (let i = 0; i < 64; i++) assert.ok(counts.count(0x0b000000 + i) >= 100);
  let wrong = 0;
  for (let i = 0; i < 100_000; i++) if (counts.count(0x0c000000 + i) >= 100) wrong++;
  assert.ok(wrong <= 2, `${wrong} of 100,000`);
});
