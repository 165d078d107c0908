import type { Logger } from "#src/log/logger.ts";
import type { PeerPattern } from "#src/protocol/peers/pattern.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Watcher } from "./observer.ts";
import { fieldsOf } from "./words.ts";

/** Lines a second; see docs/limits.md. */
const MAX_LINES = 100;
const SECOND: Millis = 1_000;

/** Logs one peer's packets: so many lines a second, and how many it left out. */
export class FateLog implements Watcher {
  readonly peer: PeerPattern;
  readonly #log: Logger;
  readonly #now: () => Millis;
  #since: Millis;
  #lines = 0;
  #suppressed = 0;

  constructor(peer: PeerPattern, log: Logger, now: () => Millis = () => performance.now()) {
    this.peer = peer;
    this.#log = log;
    this.#now = now;
    this.#since = now();
  }

  tell(fate: Uint8Array): void {
    this.flush();
    if (this.#lines >= MAX_LINES) {
      this.#suppressed++;
      return;
    }
    this.#lines++;
    this.#log.debug("Packet", fieldsOf(fate));
  }

  leaveOut(count: number): void {
    this.#suppressed += count;
  }

  /** Begins a new second when one is over. */
  flush(): void {
    const now = this.#now();
    if (now - this.#since < SECOND) return;
    this.#since = now;
    this.#lines = 0;
    this.close();
  }

  /** Says what was left out. */
  close(): void {
    if (this.#suppressed > 0) this.#log.debug("Packet", { suppressed: this.#suppressed });
    this.#suppressed = 0;
  }
}
