import type { Millis } from "#src/protocol/time.ts";

const SECOND: Millis = 1_000;

const steps = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/**
 * Calls `step` each second, together with all others: a process that waits for one moment a second
 * sleeps the rest of it.
 *
 * @returns what ends it
 */
export function everySecond(step: () => void): () => void {
  // The same function may be given twice.
  const own = () => step();
  steps.add(own);
  timer ??= setInterval(() => steps.forEach((each) => each()), SECOND);
  return () => {
    steps.delete(own);
    if (steps.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}
