import assert from "node:assert/strict";
import test from "node:test";
import { Acceptance } from "#src/datapath/acceptance.ts";

const MOST_REFUSALS = 8;
const REST = 4_096;

function refusedTimes(times: number): Acceptance {
  const acceptance = new Acceptance();
  for (let i = 0; i < times; i++) acceptance.refused();
  return acceptance;
}

/** Turns until the one in which it is worthwhile. */
function turnsUntilAsked(acceptance: Acceptance): number {
  let turns = 1;
  while (!acceptance.isWorthwhile()) turns++;
  return turns;
}

for (const times of [0, 1, MOST_REFUSALS - 1, MOST_REFUSALS, 100]) {
  test(`Acceptance after ${times} refusals in a row`, () => {
    const acceptance = refusedTimes(times);
    const isGivenUp = times >= MOST_REFUSALS;
    assert.equal(acceptance.isGivenUp, isGivenUp);
    assert.equal(turnsUntilAsked(acceptance), isGivenUp ? REST : 1);
  });
}

test("Acceptance: one that is given up is asked for until there is an answer", () => {
  const acceptance = refusedTimes(MOST_REFUSALS);
  turnsUntilAsked(acceptance);
  for (let i = 0; i < 10; i++) assert.equal(acceptance.isWorthwhile(), true);
  acceptance.refused();
  assert.equal(acceptance.isGivenUp, true);
  assert.equal(turnsUntilAsked(acceptance), REST, "one refusal more is enough");
  acceptance.accepted();
  assert.equal(acceptance.isGivenUp, false);
  assert.equal(turnsUntilAsked(acceptance), 1);
});

test("Acceptance: refusals that are not in a row are none", () => {
  const acceptance = new Acceptance();
  for (let i = 0; i < 10 * MOST_REFUSALS; i++) {
    if (i % MOST_REFUSALS === 0) acceptance.accepted();
    else acceptance.refused();
    assert.equal(acceptance.isGivenUp, false);
  }
});
