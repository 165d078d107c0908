import { ECHO_TIMEOUT } from "../peers/echo_tests.ts";
import { NO_PEER, type PeerId } from "../../peers/index.ts";
import type { Millis } from "../../time.ts";

/** So many hosts have to be silent within so long before it is not them. */
const HOSTS = 3;
const WINDOW: Millis = 60_000;

/**
 * Whether native hosts answer echo tests: that the server answers us does not say so, nor do packets of a
 * flow, which come from a relay and go back to it past the server. But whose packets come is there: if one
 * of those answers a test, others that were silent are switched off.
 */
export class NativeWatch {
  readonly #silent = new Uint32Array(HOSTS);
  readonly #silentAt = new Float64Array(HOSTS).fill(-Infinity);
  #answeredAt: Millis = -Infinity;
  /** Whose packet came last, and when. */
  #heard: PeerId = NO_PEER;
  #heardAt: Millis = -Infinity;
  /** When such a one was tested for all; -Infinity: not since a host answered. */
  #askedAt: Millis = -Infinity;
  #state: "unknown" | "ok" | "unreachable" = "unknown";
  /** How often it has changed. */
  changes = 0;

  /** There is another server. */
  forget(): void {
    this.#silentAt.fill(-Infinity);
    this.#answeredAt = -Infinity;
    this.#heardAt = -Infinity;
    this.#askedAt = -Infinity;
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
    return true;
  }

  /**
   * The host that was named for it did the same.
   *
   * @returns whether no other has answered lately; each time, as with {@link silent}
   */
  checkedHostSilent(now: Millis): boolean {
    return now - this.#answeredAt > WINDOW;
  }

  /** A packet came from a host that is trusted, through its relay. */
  heard(p: PeerId, now: Millis): void {
    this.#heard = p;
    this.#heardAt = now;
  }

  /** Too many are silent: who is to be tested before that is believed. {@link NO_PEER}: nobody */
  witness(now: Millis): PeerId {
    if (now - this.#heardAt > WINDOW || this.#askedAt !== -Infinity) return NO_PEER;
    this.#askedAt = now;
    return this.#heard;
  }

  /** Too many are silent, and the witness with them. @returns whether it had time to answer */
  believe(now: Millis): boolean {
    if (now - this.#askedAt < ECHO_TIMEOUT) return false;
    this.#set("unreachable");
    return true;
  }

  /** A host answered. @returns whether that is news */
  answered(now: Millis): boolean {
    this.#silentAt.fill(-Infinity);
    this.#askedAt = -Infinity;
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
