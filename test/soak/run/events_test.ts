import assert from "node:assert/strict";
import test from "node:test";
import { Prng } from "#test/sim/prng.ts";
import { Deck, ENDS } from "./events.ts";

const deal = (seed: number, count: number) => {
  const deck = new Deck(new Prng(seed));
  return Array.from({ length: count }, () => deck.draw());
};

test("Deck deals each event once before any comes again, none that ends the relay, all by its seed", () => {
  const events = new Set(deal(1, 8));
  assert.equal(events.size, 8);
  assert.deepEqual(new Set(deal(1, 16).slice(8)), events);
  for (const end of ENDS) assert.equal(events.has(end), false);
  assert.deepEqual(deal(7, 40), deal(7, 40));
  assert.notDeepEqual(deal(7, 40), deal(8, 40));
});
