import type { Millis } from "#src/protocol/time.ts";

/** What the kernel says of a thread. */
export interface ThreadState {
  /** As ps(1) has it: `R` runs or waits for a processor, `S` sleeps, `D` sleeps deeply, `t` is traced. */
  readonly letter: string;
  /** Processor time since its start. */
  readonly used: Millis;
}

/** Looks at one thread of this process from another one; see `Kernel.openThread`. */
export interface ThreadWitness {
  /** Undefined when the thread is gone, or the kernel does not say. */
  look(): ThreadState | undefined;
  /** Where in the kernel it sleeps, by the kernel's name for it; empty when nobody says. */
  place(): string;
  close(): void;
}

/** A thread that has to come round its loop. */
export interface Looper {
  /** Another value each time that it has come round. */
  beat(): number;
  /** Whether it was told to end: what it does then may take longer than a turn. */
  isEnding(): boolean;
  readonly witness: ThreadWitness | undefined;
}

/** How often `HangWatch.look` is called; also the age that a heartbeat may have unseen. */
export const HEARTBEAT_CHECK: Millis = 250;
/**
 * What one look may add to a time that is waited for. After a stop, a suspended machine, or on one so
 * busy that this thread itself comes late, a long time has passed for us that the other one did not have.
 */
export const MOST_A_LOOK: Millis = 1.5 * HEARTBEAT_CHECK;
/** Asleep for so long without having run: no loop sleeps for more than 0.5 s (`Waiter`). */
const ASLEEP: Millis = 1_000;
/** Of a processor, without having come round: no turn takes a tenth of it. */
const SPINNING: Millis = 750;
/** Whatever the kernel says, or where it says nothing: by then something else would be long over. */
const SILENT: Millis = 10_000;
/** What the kernel counts in: less is as nothing. */
const TICK: Millis = 10;

/** A debugger's: whoever holds a thread wants it so, and it goes on when he lets it. ptrace(2) */
const HELD = /^[tT]$/;

/** What is known of one thread since it came round. */
interface Silence {
  beat: number;
  /** For how long, as far as it counts. */
  lasts: Millis;
  /** Of these, since it was last seen to use a processor. */
  sleeps: Millis;
  /** Processor time when it was first looked at. */
  usedFirst: Millis | undefined;
  used: Millis;
}

/**
 * Tells a thread that hangs, in less than 2 s, from one that is stopped, held, or has to wait on a busy
 * machine. It is judged by what itself did: how much of a processor it had, and whether it wanted one.
 */
export class HangWatch {
  readonly #loopers: readonly Looper[];
  readonly #silences: Silence[];
  #lookedAt: Millis;

  constructor(loopers: readonly Looper[], now: Millis) {
    this.#loopers = loopers;
    this.#silences = loopers.map((it) => silenceFrom(it.beat()));
    this.#lookedAt = now;
  }

  /** @returns which thread hangs, and how that shows; undefined: none does */
  look(now: Millis): readonly [looper: number, how: string] | undefined {
    const passed = Math.min(now - this.#lookedAt, MOST_A_LOOK);
    this.#lookedAt = now;
    for (const [i, looper] of this.#loopers.entries()) {
      const how = this.#judge(i, looper, passed);
      if (how !== undefined) return [i, how];
    }
    return undefined;
  }

  #judge(i: number, looper: Looper, passed: Millis): string | undefined {
    const silence = this.#silences[i]!;
    const beat = looper.beat();
    if (beat !== silence.beat) {
      this.#silences[i] = silenceFrom(beat);
      return undefined;
    }
    const { witness } = looper;
    const state = witness?.look();
    const isGone = witness !== undefined && state === undefined; // others hear of its end
    if (isGone || (state !== undefined && HELD.test(state.letter))) {
      this.#silences[i] = silenceFrom(beat);
      return undefined;
    }
    silence.lasts += passed;
    if (silence.lasts >= SILENT && state?.letter !== "R") {
      return `gave no sign of life for ${seconds(silence.lasts)}`;
    }
    if (state === undefined) return undefined;
    const first = silence.usedFirst ??= state.used;
    const ran = state.used - silence.used >= TICK;
    silence.used = state.used;
    silence.sleeps = ran || state.letter !== "S" ? 0 : silence.sleeps + passed;
    if (looper.isEnding()) return undefined;
    if (silence.sleeps >= ASLEEP) {
      const place = witness!.place();
      return `sleeps in the kernel${place === "" ? "" : ` (${place})`} and does not wake up`;
    }
    const spent = state.used - first;
    return spent < SPINNING ? undefined : `used a processor for ${seconds(spent)} in one turn`;
  }
}

function silenceFrom(beat: number): Silence {
  return { beat, lasts: 0, sleeps: 0, usedFirst: undefined, used: 0 };
}

function seconds(time: Millis): string {
  return `${(time / 1000).toFixed(1)} s`;
}
