import type { PeerId } from "../../peers/index.ts";
import type { Millis } from "../../time.ts";

/** So many hosts have to be silent within so long before it is not them. */
const HOSTS = 3;
const WINDOW: Millis = 60_000;

/** Whether native hosts answer echo tests: that the server answers us does not say so. */
export class NativeWatch {
  readonly #silent = new Uint32Array(HOSTS);
  readonly #silentAt = new Float64Array(HOSTS).fill(-Infinity);
  #answeredAt: Millis = -Infinity;
  #state: "unknown" | "ok" | "unreachable" = "unknown";
  /** How often it has changed. */
  changes = 0;

  /** There is another server. */
  forget(): void {
    this.#silentAt.fill(-Infinity);
    this.#answeredAt = -Infinity;
    this.#set("unknown");
  }

  /**
   * A host left all tests unanswered.
   *
   * @returns whether so many have that it is not them; each time, as there may be nobody better yet
   */
  silent(p: PeerId, now: Millis): boolean {
    let oldest = 0;
    for (let i = 0; i < HOSTS; i++) {
      if (this.#silent[i] === p) {
        oldest = i;
        break;
      }
      if (this.#silentAt[i]! < this.#silentAt[oldest]!) oldest = i;
    }
    this.#silent[oldest] = p;
    this.#silentAt[oldest] = now;
    for (let i = 0; i < HOSTS; i++) if (now - this.#silentAt[i]! > WINDOW) return false;
    this.#set("unreachable");
    return true;
  }

  /** The host that was named for it did the same. @returns whether that is news */
  checkedHostSilent(now: Millis): boolean {
    return now - this.#answeredAt > WINDOW && this.#set("unreachable");
  }

  /** A host answered. @returns whether that is news */
  answered(now: Millis): boolean {
    this.#silentAt.fill(-Infinity);
    this.#answeredAt = now;
    return this.#set("ok");
  }

  #set(state: "unknown" | "ok" | "unreachable"): boolean {
    if (state === this.#state) return false;
    this.#state = state;
    this.changes++;
    return true;
  }
}
