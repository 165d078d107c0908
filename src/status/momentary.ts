import type { Millis } from "#src/protocol/time.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * All that ask for much within it are told the same numbers, so that a crowd costs no more than a few;
 * a change of state is told at once.
 */
const MOMENT: Millis = 100;

/**
 * What `make` gives, made again when a moment has passed or the daemon's state is another one.
 *
 * @param now of a clock that only goes forward
 */
export function momentary<T>(
  read: () => Snapshot,
  make: (snapshot: Snapshot) => T,
  now: () => Millis,
  moment: Millis = MOMENT,
): () => T {
  let made: { readonly value: T; readonly of: Snapshot; readonly at: Millis } | undefined;
  return () => {
    const time = now();
    const snapshot = read();
    if (made === undefined || time - made.at >= moment || isOtherState(made.of, snapshot)) {
      made = { value: make(snapshot), of: snapshot, at: time };
    }
    return made.value;
  };
}

function isOtherState(before: Snapshot, now: Snapshot): boolean {
  return before.draining !== now.draining || before.reload !== now.reload ||
    before.checks !== now.checks || lastChange(before) !== lastChange(now);
}

function lastChange({ changes }: Snapshot): string {
  const last = changes.at(-1);
  return last === undefined ? "" : `${last.time.getTime()} ${last.text}`;
}
