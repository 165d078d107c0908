import type { Millis } from "#src/protocol/time.ts";
import type { Clock } from "./clock.ts";
import type { HookEnd } from "./errands/hook.ts";
import type { HookEnvironment } from "./errands/words.ts";

/** Which interface it is. */
export interface Place {
  readonly interfaceName: string;
  /** 0: it is gone. */
  readonly index: number;
}

/** What a hook is told of, in the words of Miredo's. */
export interface HookView extends Place {
  /** `up` with an address, `down` without, `destroy` at the end. */
  readonly state: "up" | "down" | "destroy";
  /** All of these undefined but when it is up. */
  readonly address: string | undefined;
  readonly mtu: number | undefined;
}

export interface HookRunner {
  /** Runs it once; does not reject. */
  run(environment: HookEnvironment): Promise<HookEnd>;
  /** It has ended. */
  ended(view: HookView, end: HookEnd): void;
}

const LINK_LOCAL = "fe80::ffff:ffff:ffff";
const NOTHING: HookView = {
  state: "down",
  interfaceName: "",
  index: 0,
  address: undefined,
  mtu: undefined,
};

/**
 * Has a program told of what changes: one run at a time, each with what is so when it begins. What came and
 * went while it ran it is not told.
 */
export class Hook {
  readonly #runner: HookRunner;
  #told = NOTHING;
  #next: HookView | undefined;
  /** When the interface has what {@link #next} tells of. */
  #arranged: Promise<void> = Promise.resolve();
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();

  constructor(runner: HookRunner) {
    this.#runner = runner;
  }

  /** It is so from now on. @param arranged resolves when the interface is so as well; does not reject */
  tell(view: HookView, arranged: Promise<void>): void {
    this.#next = view;
    this.#arranged = arranged;
    if (!this.#isRunning) this.#running = this.#runAll();
  }

  /** Resolves when all has been told. */
  done(): Promise<void> {
    return this.#running;
  }

  /** Also where it was told of something else meanwhile. */
  async #settled(): Promise<void> {
    let awaited: Promise<void>;
    do {
      awaited = this.#arranged;
      await awaited;
    } while (awaited !== this.#arranged);
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true;
    while (this.#next !== undefined) {
      await this.#settled();
      const view = this.#next;
      const before = this.#told;
      this.#next = undefined;
      if (isSame(view, before)) continue;
      this.#told = view;
      this.#runner.ended(view, await this.#runner.run(environmentOf(view, before)));
    }
    this.#isRunning = false;
  }
}

/**
 * So long the end waits for hooks, the one that runs and the two that tell of it: who manages services
 * mostly allows 30 s for all of it.
 */
export const END_LIMIT: Millis = 20_000;

/**
 * Tells of the end: first that there is no address, then that there is no interface.
 *
 * @param place where that is, asked each time
 * @param arranged resolves when the interface has no address any more
 * @returns whether it has been told in time
 */
export async function tellEnd(
  hook: Hook,
  place: () => Place,
  arranged: Promise<void>,
  clock: Clock,
): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const cancel = clock.after(END_LIMIT, () => late.resolve(false));
  const tell = async () => {
    for (const state of ["down", "destroy"] as const) {
      hook.tell({ ...place(), state, address: undefined, mtu: undefined }, arranged);
      await hook.done();
    }
    return true;
  };
  const isTold = await Promise.race([tell(), late.promise]);
  cancel();
  return isTold;
}

/** Without address or MTU where there are none, as Miredo has it. */
export function environmentOf(view: HookView, before: HookView): HookEnvironment {
  return {
    IFACE: view.interfaceName,
    IFINDEX: String(view.index),
    ...variablesOf(view, ""),
    ...variablesOf(before, "OLD_"),
  };
}

function variablesOf({ state, address, mtu }: HookView, prefix: string): HookEnvironment {
  return {
    [`${prefix}STATE`]: state,
    ...(address === undefined ? {} : {
      [`${prefix}ADDRESS`]: address,
      [`${prefix}LLADDRESS`]: LINK_LOCAL,
      [`${prefix}MTU`]: String(mtu),
    }),
  };
}

function isSame(a: HookView, b: HookView): boolean {
  return a.state === b.state && a.address === b.address && a.mtu === b.mtu &&
    (a.index === b.index || a.state !== "up");
}
