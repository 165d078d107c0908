import type { Keeper, Upkeep } from "#src/datapath/keep/contract.ts";
import { DEFAULT_LIMITS, LimitedLog } from "#src/log/limited.ts";
import type { Logger } from "#src/log/logger.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Restorations } from "./restorations.ts";

/** How often the kernel is asked whether it has told of a change: one call that does not wait. */
const LOOK_EVERY: Millis = 100;

export interface Keeping {
  readonly log: Logger;
  readonly restorations: Restorations;
}

/** Keeps the interface as it was set up, until the function that is returned is called. */
export function keepTunnel(keeper: Keeper, keeping: Keeping): () => void {
  const now = () => performance.now();
  const limited = new LimitedLog(keeping.log, { ...DEFAULT_LIMITS, now });
  const look = () => {
    for (const event of keeper.look(now())) tell(event, limited, keeping);
    limited.flush();
  };
  const timer = setInterval(guarded(look, keeping), LOOK_EVERY);
  return () => {
    clearInterval(timer);
    keeper.close();
  };
}

/** What cannot be looked at is told once, until it can be again. */
function guarded(look: () => void, { log }: Keeping): () => void {
  let told = false;
  return () => {
    try {
      look();
      told = false;
    } catch (error) {
      if (!told) log.error("Cannot look at the interface", { error: String(error) });
      told = true;
    }
  };
}

function tell(event: Upkeep, limited: LimitedLog, { log, restorations }: Keeping): void {
  const { what } = event;
  switch (event.event) {
    case "restored":
      restorations[what] += 1;
      // Rounded up, as it may have been away a little longer than it was seen to be.
      return limited.log(what, "warn", "Restored", {
        what,
        seconds: Math.ceil(event.away / 100) / 10,
      });
    case "refused":
      return log.warn("Cannot restore", { what, problem: event.problem, mend: event.mend });
    case "fought": {
      const { rivals } = event;
      return log.warn("Another program changes the interface again and again", {
        what,
        programs: rivals.map(({ name }) => name).join(",") || "unknown",
        mend: rivals.map(({ mend }) => mend).join("; ") || undefined,
      });
    }
  }
}
