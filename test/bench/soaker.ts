/**
 * Takes what is left of the core that it is bound to, and counts: `soaker.ts`. It prints "ready"; then
 * for each line of standard input, a number of seconds, a `Soaked` as JSON.
 */
import process from "node:process";
import { createInterface } from "node:readline";

export interface Soaked {
  readonly loops: number;
  readonly seconds: number;
}

/** Some microseconds between two looks at the clock: less than what is to be seen. */
const STEPS = 4_000;
/** The code is compiled by then, while there is a core for the compiler. */
const WARM_MS = 300;

/** A function of its own, called often: so it is compiled as a whole, and not anew in each run. */
function mix(seed: number): number {
  let mixed = seed;
  for (let i = 0; i < STEPS; i++) mixed = (Math.imul(mixed, 1_664_525) + 1_013_904_223) | 0;
  return mixed;
}

function soak(milliseconds: number): Soaked {
  const start = performance.now();
  let now = start;
  let mixed = 1;
  let loops = 0;
  for (; now - start < milliseconds; loops++) {
    mixed = mix(mixed);
    now = performance.now();
  }
  // Whoever leaves the sum out may leave the loop out.
  if (mixed === 0.5) throw new Error("no integer");
  return { loops, seconds: (now - start) / 1_000 };
}

soak(WARM_MS);
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(soak(1_000 * Number(line))));
}
