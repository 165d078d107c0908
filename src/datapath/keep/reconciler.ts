import { StartError } from "#src/errors.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { HomeWish } from "../homes.ts";
import { type Keeper, KEPT, type Kept, type Upheld, type Upkeep } from "./contract.ts";
import { Patience } from "./patience.ts";

/** Looks without having been told of anything: a little less than a second, for whoever looks so often. */
const LOOK_EVERY: Millis = 900;
/** The same of a kernel that signals changes, of which it leaves few out. */
const LOOK_EVERY_SIGNALLED: Millis = 5 * LOOK_EVERY;
/** A process that has not looked for so long may have been stopped, and told late. */
const LATE: Millis = 2_000;
/** One change makes the next one possible: an MTU, then IPv6, then up, then address and route. */
const PASSES = 4;

/** What a {@link HomeWish} is about: the addresses are there before routes lead to their users. */
const OF_HOME: readonly Kept[] = ["mtu", "home", "route", "source_rule", "default_route"];

const NOTHING: readonly Upkeep[] = [];

/** Compares what was set up with what is there, and sets it again. */
export class Reconciler implements Keeper {
  readonly #upheld: Upheld;
  readonly #patience = new Map(KEPT.map((what) => [what, new Patience()]));
  /** Since when something differs. */
  readonly #since = new Map<Kept, Millis>();
  /** What was last told of each that cannot be put right. */
  readonly #problems = new Map<Kept, string>();
  #lookAt: Millis = -Infinity;
  #rightAt: Millis;
  /** When it was last looked at what differs: all else was right then. */
  #seenAt: Millis = -Infinity;
  readonly signal?: (wanted: boolean) => void;

  constructor(upheld: Upheld, now: Millis) {
    this.#upheld = upheld;
    this.#rightAt = now;
    if (upheld.signal !== undefined) this.signal = (wanted) => upheld.signal!(wanted);
  }

  look(now: Millis, isTold = false): readonly Upkeep[] {
    // Until just now all was right.
    if (isTold && this.#since.size === 0 && now - this.#rightAt < LATE) this.#rightAt = now;
    if (!this.#upheld.hasChanged() && now < this.#lookAt) {
      if (this.#since.size === 0) this.#rightAt = now;
      return NOTHING;
    }
    this.#lookAt = now + (this.signal === undefined ? LOOK_EVERY : LOOK_EVERY_SIGNALLED);
    const differing = this.#upheld.differences();
    this.#note(differing, now);
    const events = differing.length > 0
      ? this.#putRight(differing, now)
      : this.#restored([...this.#since.keys()], now);
    this.#seenAt = now;
    if (differing.length === 0) this.#rightAt = now;
    return events;
  }

  announce(wanted: boolean): void {
    this.#upheld.announce(wanted);
    // What went wrong is there to be seen.
    errorOf(() => this.#upheld.putRight("announcement"));
    this.#lookAt = -Infinity;
  }

  setHome(wish: HomeWish): void {
    this.#upheld.setHome(wish);
    for (const what of OF_HOME) errorOf(() => this.#upheld.putRight(what));
    this.#lookAt = -Infinity;
  }

  close(): void {
    this.#upheld.close();
  }

  #note(differing: readonly Kept[], now: Millis): void {
    for (const what of differing) {
      if (!this.#since.has(what)) {
        this.#since.set(what, Math.min(Math.max(this.#rightAt, this.#seenAt), now));
      }
    }
  }

  #putRight(differing: readonly Kept[], now: Millis): Upkeep[] {
    const tried = new Set<Kept>();
    const errors = new Map<Kept, unknown>();
    const fought: Kept[] = [];
    let left = differing;
    for (let pass = 0; pass < PASSES; pass++) {
      const due = left.filter((it) => !tried.has(it) && this.#patience.get(it)!.mayTry(now));
      if (due.length === 0) break;
      for (const what of due) {
        tried.add(what);
        const error = errorOf(() => this.#upheld.putRight(what));
        if (error !== undefined) errors.set(what, error);
        if (this.#patience.get(what)!.tried(now)) fought.push(what);
      }
      left = this.#upheld.differences();
      this.#note(left, now);
    }
    const restored = [...this.#since.keys()].filter((it) => !left.includes(it));
    const refused = left.filter((it) => tried.has(it));
    return [
      ...this.#restored(restored, now),
      ...refused.flatMap((it) => this.#refused(it, errors.get(it))),
      ...fought.filter((it) => !errors.has(it)).map((it) => this.#fought(it)),
    ];
  }

  #restored(all: readonly Kept[], now: Millis): Upkeep[] {
    return all.map((what) => {
      const away = now - this.#since.get(what)!;
      this.#since.delete(what);
      this.#problems.delete(what);
      return { event: "restored", what, away };
    });
  }

  #fought(what: Kept): Upkeep {
    return { event: "fought", what, rivals: this.#upheld.rivals() };
  }

  /** Told once, and again when it is something else. */
  #refused(what: Kept, error: unknown): Upkeep[] {
    const { problem, mend } = describe(error);
    if (this.#problems.get(what) === problem) return [];
    this.#problems.set(what, problem);
    return [{ event: "refused", what, problem, ...(mend === undefined ? {} : { mend }) }];
  }
}

function errorOf(call: () => void): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
}

function describe(error: unknown): { problem: string; mend?: string | undefined } {
  if (error instanceof StartError) return error;
  if (error === undefined) return { problem: "another program changes it at once" };
  return { problem: error instanceof Error ? error.message : String(error) };
}
