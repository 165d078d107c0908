import type { HomeWish } from "#src/datapath/homes.ts";
import type { Keeper, Upkeep } from "#src/datapath/keep/contract.ts";
import { DEFAULT_LIMITS, LimitedLog } from "#src/log/limited.ts";
import type { Logger } from "#src/log/logger.ts";
import type { Millis } from "#src/protocol/time.ts";
import { lookOnChange } from "./on_change.ts";
import { everySecond } from "./pulse.ts";
import type { Restorations } from "./restorations.ts";

/** Between two looks: one call that does not wait, where nothing has changed. */
const REST: Millis = 100;

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
  /** See {@link Keeper.setHome}. Resolves when it is done, or it was tried for long enough. */
  setHome(wish: HomeWish): Promise<void>;
  stop(): void | Promise<void>;
}

/** Keeps the interface as it was set up, until it is stopped. */
export function keepTunnel(keeper: Keeper, tell: (outcome: Outcome) => void): Upkeeper {
  let isBlind = false;
  const look = (isTold: boolean) => {
    try {
      for (const event of keeper.look(performance.now(), isTold)) tell(event);
      isBlind = false;
    } catch (error) {
      // Told once, until it can be looked at again.
      if (!isBlind) tell({ event: "blind", problem: String(error) });
      isBlind = true;
    }
  };
  const end = lookOnChange(keeper, REST, look);
  return {
    announce: (wanted) => keeper.announce(wanted),
    setHome: (wish) => {
      keeper.setHome(wish);
      return Promise.resolve();
    },
    stop: () => {
      end();
      keeper.close();
    },
  };
}

/** Logs and counts what came of the looks, here or in another process. */
export class Outcomes {
  readonly #keeping: Keeping;
  readonly #limited: LimitedLog;
  readonly #end: () => void;

  constructor(keeping: Keeping) {
    this.#keeping = keeping;
    const limits = { ...DEFAULT_LIMITS, now: () => performance.now() };
    this.#limited = new LimitedLog(keeping.log, limits);
    this.#end = everySecond(() => this.#limited.flush());
  }

  tell(outcome: Outcome): void {
    tell(outcome, this.#limited, this.#keeping);
  }

  close(): void {
    this.#end();
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
