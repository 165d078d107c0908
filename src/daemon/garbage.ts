import type { Libc } from "#ffi/libc.ts";
import type { Millis } from "#src/protocol/time.ts";

const EVERY: Millis = 60_000;

/**
 * Has this thread's garbage collected once a minute. JavaScriptCore lets a heap of some MB grow by as much
 * again before it comes: at a few KB a second, a reading and a page, that takes hours, in which nobody who
 * watches the process can tell it from a leak. Threads that carry packets make none.
 *
 * @returns what ends it
 */
export function collectEachMinute(
  { collectGarbage }: Pick<Libc, "collectGarbage">,
  every: Millis = EVERY,
): () => void {
  if (collectGarbage === undefined) return () => {};
  const timer = setInterval(collectGarbage, every);
  return () => clearInterval(timer);
}
