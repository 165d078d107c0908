import type { SandboxMode } from "#src/config/config.ts";
import type { Libc } from "#ffi/libc.ts";
import type { HomeWish } from "#src/datapath/homes.ts";
import type { Entrusted } from "#src/datapath/keep/contract.ts";
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
  readonly sandbox: SandboxMode;
}

type Told = Pick<Upholding, "announce" | "setHome">;

/** What keeps a role's interface, and is told what it is to have. */
export interface Upholding {
  /** See `Keeper.announce`. */
  announce(wanted: boolean): void;
  /** See `Upkeeper.setHome`. */
  setHome(wish: HomeWish): Promise<void>;
  /** Whether anybody still sets the interface up again; undefined: there is none, or nobody ever could. */
  isKept(): boolean | undefined;
  /** Of the process of its own, where there is one. */
  readonly pid: number | undefined;
  /** Resolves when nothing could take the announcement away any more, or give an address. */
  readonly lost: Promise<Error>;
}

/** Whether a process of its own keeps the interface, for a daemon that is about to become `user`. */
export function isKeptApart(
  { keep, entrusted }: Pick<OpenRole, "keep" | "entrusted">,
  user: User | undefined,
): boolean {
  return user !== undefined && keep !== undefined && entrusted !== undefined;
}

/**
 * Has a role's interface kept as it was set up: by this process, or, where that is about to give up the
 * right to do so, by one of its own, that has this right and no other.
 */
export function upholdInterface(open: OpenRole, options: UpkeepOptions): Upholding {
  const { user, chroot, cleanup } = options;
  const never = new Promise<Error>(() => {});
  if (open.keep === undefined) {
    return { ...NOTHING, isKept: () => undefined, pid: undefined, lost: never };
  }
  const outcomes = new Outcomes(options);
  cleanup.add(() => outcomes.close());
  const { entrusted } = open;
  if (user !== undefined && entrusted !== undefined) {
    return keepThere(open, entrusted, outcomes, { ...options, user });
  }
  const mayCommand = user === undefined && chroot === undefined;
  const isPowerless = !mayCommand && entrusted === undefined;
  if (isPowerless) tellPowerless(options);
  const upkeeper = keepHere(open, outcomes, cleanup, mayCommand);
  // Where nobody ever could, that is a setting's doing, and was said at the start.
  const isKept = () => isPowerless ? undefined : true;
  return { ...upkeeper, isKept, pid: undefined, lost: never };
}

const NOTHING: Told = { announce: () => {}, setHome: () => Promise.resolve() };

/** Where commands set up interfaces, and no other process keeps this one. */
function tellPowerless({ log, user }: UpkeepOptions): void {
  const setting = user === undefined ? "chroot" : "user";
  log.warn("Nothing keeps the interface", {
    problem: `on this system nothing can set it up again with \`${setting}\` set`,
    mend: `leave out \`${setting}\`, or heed what is said of it: \`Cannot restore\`, \`Not ready\``,
  });
}

function keepHere(
  open: OpenRole,
  outcomes: Outcomes,
  cleanup: Cleanup,
  mayCommand: boolean,
): Told {
  const { stop, ...upkeeper } = keepTunnel(open.keep!(mayCommand), (it) => outcomes.tell(it));
  cleanup.add(() => stop());
  return upkeeper;
}

/**
 * Without that process this one still looks, and says what it cannot put right. What is announced goes with
 * the interface alone then, and nothing could give a client's its address.
 */
function keepThere(
  open: OpenRole,
  entrusted: Entrusted,
  outcomes: Outcomes,
  { libc, log, cleanup, program, user, chroot, sandbox }: UpkeepOptions & { readonly user: User },
): Upholding {
  const lost = Promise.withResolvers<Error>();
  let told = NOTHING;
  let pid: number | undefined;
  let isKept = true;
  const withoutHelper = (problem: string) => {
    isKept = false;
    const could = neededFor(entrusted);
    if (could !== undefined) {
      lost.resolve(new Error(`nothing could ${could}: ${problem}`));
      return;
    }
    log.warn("Nothing keeps the interface", { problem, mend: "restart the daemon" });
    keepHere(open, outcomes, cleanup, false);
  };
  try {
    forbidNewPrivileges(libc);
    const helper = startHelper(program, { user, chroot, entrusted, sandbox }, {
      said: (said) => {
        if (said.event !== "keeping") return outcomes.tell(said);
        log.info("Interface kept by a process of its own", { pid: helper.pid });
      },
      ended: withoutHelper,
    });
    cleanup.add(() => helper.stop());
    told = helper;
    pid = helper.pid;
  } catch (error) {
    withoutHelper(error instanceof Error ? error.message : String(error));
  }
  const { announce, setHome } = told;
  return { announce, setHome, isKept: () => isKept, pid, lost: lost.promise };
}

/** Completes "nothing could ...": what a daemon cannot do without. */
function neededFor({ routes, home }: Entrusted): string | undefined {
  if (routes.announced !== undefined) return "withdraw the announcement";
  return home === undefined ? undefined : "give the interface its address";
}
