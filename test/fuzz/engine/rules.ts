import assert from "node:assert/strict";
import { type Counters, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { TunnelRules } from "#src/protocol/tunnel.ts";

/** Most timers within one wait: rules that are due again and again have time stand still. */
const STEPS = 20_000;

/** All that was dropped so far, for whatever reason. */
export function dropsIn(counters: Counters): number {
  let sum = 0;
  for (let i = DROPS_AT; i < counters.length; i++) sum += counters[i]!;
  return sum;
}

/** What is dropped is counted; what was held before may be given up to make room, and is counted as well. */
export function counted(counters: Counters, pass: () => Drop): Drop {
  const before = dropsIn(counters);
  const drop = pass();
  const more = dropsIn(counters) - before;
  assert.ok(drop === Drop.None ? more >= 0 : more >= 1, `${more} drops counted`);
  return drop;
}

/** The times at which the rules have something to do, which whoever takes one has to have them do. */
export function* timesDue(
  rules: Pick<TunnelRules, "nextTimer">,
  from: Millis,
  end: Millis,
): Generator<Millis> {
  let now = from;
  let steps = 0;
  for (let next = rules.nextTimer(); next <= end; next = rules.nextTimer()) {
    now = Math.max(now, next);
    yield now;
    assert.ok(++steps < STEPS, "time stands still");
  }
}
