import type { Libc } from "#ffi/libc.ts";
import type { OpenRole } from "#src/datapath/datapath.ts";
import type { Logger } from "#src/log/logger.ts";
import type { Cleanup } from "../cleanup.ts";
import type { User } from "../host/contract.ts";
import { keepTunnel, Outcomes } from "../keep.ts";
import type { Restorations } from "../restorations.ts";
import { forbidNewPrivileges } from "../host/linux/one_right.ts";
import { startHelper } from "./process.ts";

export interface UpkeepOptions {
  readonly libc: Libc;
  readonly log: Logger;
  readonly restorations: Restorations;
  readonly cleanup: Cleanup;
  /** The command that runs this very program. */
  readonly program: readonly string[];
  /** Whom this process is about to become. */
  readonly user: User | undefined;
  readonly chroot: string | undefined;
}

/**
 * Has a role's interface kept as it was set up: by this process, or, where that is about to give up the
 * right to do so, by one of its own, that has this right and no other.
 */
export function upholdInterface(open: OpenRole, options: UpkeepOptions): void {
  if (open.keep === undefined) return;
  const { user, cleanup } = options;
  const outcomes = new Outcomes(options);
  cleanup.add(() => outcomes.close());
  if (user === undefined || open.entrusted === undefined) keepHere(open, outcomes, cleanup);
  else keepThere(open, outcomes, { ...options, user });
}

function keepHere(open: OpenRole, outcomes: Outcomes, cleanup: Cleanup): void {
  cleanup.add(keepTunnel(open.keep!(), (outcome) => outcomes.tell(outcome)));
}

/** Without that process this one still looks, and says what it cannot put right. */
function keepThere(
  open: OpenRole,
  outcomes: Outcomes,
  { libc, log, cleanup, program, user, chroot }: UpkeepOptions & { readonly user: User },
): void {
  const withoutHelper = (problem: string) => {
    log.warn("Nothing keeps the interface", { problem, mend: "restart the daemon" });
    keepHere(open, outcomes, cleanup);
  };
  try {
    forbidNewPrivileges(libc);
    const task = { user, chroot, entrusted: open.entrusted! };
    const helper = startHelper(program, task, {
      said: (said) => {
        if (said.event !== "keeping") return outcomes.tell(said);
        log.info("Interface kept by a process of its own", { pid: helper.pid });
      },
      ended: withoutHelper,
    });
    cleanup.add(() => helper.stop());
  } catch (error) {
    withoutHelper(error instanceof Error ? error.message : String(error));
  }
}
