import type { Role } from "#src/config/config.ts";
import { DEFAULT_LIMITS, LimitedLog } from "#src/log/limited.ts";
import type { Logger } from "#src/log/logger.ts";
import { guard } from "#src/status/access/guard.ts";
import type { App } from "#src/status/listen.ts";
import type { Cleanup } from "./cleanup.ts";
import { everySecond } from "./pulse.ts";
import type { DaemonState } from "./state.ts";

export interface Guarded {
  readonly role: Role;
  readonly log: Logger;
  readonly state: Pick<DaemonState, "config">;
  readonly cleanup: Cleanup;
}

/** The pages for those who may read them by the configuration that the daemon goes by at the moment. */
export function guardedPages(
  pages: App,
  { role, log, state, cleanup }: Guarded,
  now = () => performance.now(),
): App {
  const limited = new LimitedLog(log, { ...DEFAULT_LIMITS, now });
  cleanup.add(everySecond(() => limited.flush()));
  return guard(pages, {
    scope: role,
    rules: () => state.config.status,
    onWrongToken: (source) => limited.log("token", "warn", "Wrong token", { source }),
  });
}
