import type { Millis } from "#src/protocol/time.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import type { Notifier } from "./notify.ts";
import { stateText } from "./sentence.ts";

/** Time and traffic are told again after this, a change of state at the next look. */
const TELL_EVERY: Millis = 10_000;
/** Of a line that a person reads among others. */
const MAX_LENGTH = 250;

/** Keeps the line that a service manager shows of us: `STATUS=` of sd_notify(3). */
export class StatusTeller {
  readonly #notifier: Pick<Notifier, "send">;
  #at: Millis = -Infinity;
  #state = "";

  constructor(notifier: Pick<Notifier, "send">) {
    this.#notifier = notifier;
  }

  look(snapshot: Snapshot, now: Millis): void {
    const state = stateText(snapshot);
    if (state === this.#state && now - this.#at < TELL_EVERY) return;
    const line = snapshot.sentence.replace(/\s+/g, " ").slice(0, MAX_LENGTH);
    this.#notifier.send(`STATUS=${line}`);
    this.#state = state;
    this.#at = now;
  }
}
