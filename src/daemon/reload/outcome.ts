import type { Millis } from "#src/protocol/time.ts";
import type { ReloadState } from "#src/status/snapshot.ts";
import type { WallTime } from "../history/wall_time.ts";

/** A {@link ReloadState} as it is kept: by the history's clock, which nobody sets. */
export interface Outcome extends Omit<ReloadState, "succeededAt" | "confirmBy"> {
  readonly succeededAt: Millis;
  readonly confirmBy?: Millis;
}

/** As the wall clock tells it now. */
export function datedOutcome(
  { succeededAt, confirmBy, ...rest }: Outcome,
  time: WallTime,
): ReloadState {
  return {
    ...rest,
    succeededAt: time.date(succeededAt),
    ...(confirmBy === undefined ? {} : { confirmBy: time.date(confirmBy) }),
  };
}
