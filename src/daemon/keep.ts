import type { Keeper, Upkeep } from "#src/datapath/keep/contract.ts";
import { DEFAULT_LIMITS, LimitedLog } from "#src/log/limited.ts";
import type { Logger } from "#src/log/logger.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Restorations } from "./restorations.ts";

/** How often the kernel is asked whether it has told of a change: one call that does not wait. */
const LOOK_EVERY: Millis = 100;
/** How often what the log left out may be told. */
const FLUSH_EVERY: Millis = 1_000;

export interface Keeping {
  readonly log: Logger;
  readonly restorations: Restorations;
}

/** What came of a look, or that there could be none. */
export type Outcome = Upkeep | { readonly event: "blind"; readonly problem: string };

/** What keeps the interface. */
export interface Upkeeper {
  /** See {@link Keeper.announce}. */
  announce(wanted: boolean): void;
  stop(): void | Promise<void>;
}

/** Keeps the interface as it was set up, until it is stopped. */
export function keepTunnel(keeper: Keeper, tell: (outcome: Outcome) => void): Upkeeper {
  let isBlind = false;
  const look = () => {
    try {
      for (const event of keeper.look(performance.now())) tell(event);
      isBlind = false;
    } catch (error) {
      // Told once, until it can be looked at again.
      if (!isBlind) tell({ event: "blind", problem: String(error) });
      isBlind = true;
    }
  };
  const timer = setInterval(look, LOOK_EVERY);
  return {
    announce: (wanted) => keeper.announce(wanted),
    stop: () => {
      clearInterval(timer);
      keeper.close();
    },
  };
}

/** Logs and counts what came of the looks, here or in another process. */
export class Outcomes {
  readonly #keeping: Keeping;
  readonly #limited: LimitedLog;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(keeping: Keeping) {
    this.#keeping = keeping;
    const limits = { ...DEFAULT_LIMITS, now: () => performance.now() };
    this.#limited = new LimitedLog(keeping.log, limits);
    this.#timer = setInterval(() => this.#limited.flush(), FLUSH_EVERY);
  }

  tell(outcome: Outcome): void {
    tell(outcome, this.#limited, this.#keeping);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

function tell(outcome: Outcome, limited: LimitedLog, { log, restorations }: Keeping): void {
  if (outcome.event === "blind") {
    return log.error("Cannot look at the interface", { error: outcome.problem });
  }
  const { what } = outcome;
  switch (outcome.event) {
    case "restored":
      restorations[what] += 1;
      // Rounded up, as it may have been away a little longer than it was seen to be.
      return limited.log(what, "warn", "Restored", {
        what,
        seconds: Math.ceil(outcome.away / 100) / 10,
      });
    case "refused":
      return log.warn("Cannot restore", { what, problem: outcome.problem, mend: outcome.mend });
    case "fought": {
      const { rivals } = outcome;
      return log.warn("Another program changes the interface again and again", {
        what,
        programs: rivals.map(({ name }) => name).join(",") || "unknown",
        mend: rivals.map(({ mend }) => mend).join("; ") || undefined,
      });
    }
  }
}
