import type { Logger } from "#src/log/logger.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Drain } from "./drain.ts";

/** What an operator can ask of a daemon by a signal, besides to end. */
export interface Wishes {
  /** SIGUSR1: traffic is turned away, or taken again if it was. */
  readonly drain: Drain;
  /** SIGHUP */
  reload(): void;
  /** SIGUSR2 */
  tellState(): void;
}

/** As a service manager, a terminal, and a limit of processor time ask for it. */
const ENDING = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGXCPU"] as const;

/** Who ends by which signals. */
interface Manners {
  readonly ends: readonly NodeJS.Signals[];
  /** Of no concern to it. */
  readonly left: readonly NodeJS.Signals[];
  /** The same one is one, so long: a group of processes is sent it, and passes it on. */
  readonly once: Millis;
}

export const OF_DAEMONS: Manners = { ends: ENDING, left: [], once: 0 };
/** Of one that runs a command: what a terminal sends is for that, which ends when the terminal does. */
export const OF_COMMANDS: Manners = {
  ends: ["SIGTERM", "SIGHUP", "SIGXCPU"],
  left: ["SIGINT", "SIGQUIT"],
  once: 500,
};

/** Of timers and descriptors, which nobody here has asked for; by themselves they would kill. */
const STRAY = ["SIGALRM", "SIGVTALRM", "SIGPROF"] as const;

/** By which the kernel tells of changes, to whoever listens besides. */
const TOLD = "SIGIO" as const;

/** What a daemon answers to; another process of its own leaves these to it. */
export const ANSWERED = [...ENDING, ...STRAY, TOLD, "SIGHUP", "SIGUSR1", "SIGUSR2"] as const;

/**
 * Takes over the signals that would kill the process, until closed. Not those that tell of a fault in
 * the program: docs/signals.md lists all.
 */
export class Signals {
  /** Settles with the name of the first signal that ends the daemon. */
  readonly ending: Promise<NodeJS.Signals>;
  readonly #log: Logger;
  readonly #listeners: (readonly [NodeJS.Signals, () => void])[];
  #resolve: ((signal: NodeJS.Signals) => void) | undefined;
  #wishes: Wishes | undefined;
  readonly #once: Millis;
  #last: NodeJS.Signals | undefined;
  #lastAt: Millis = -Infinity;
  /** Who is told of each further one that ends the daemon; undefined: it ends at once. */
  further: ((signal: NodeJS.Signals) => void) | undefined;

  constructor(log: Logger, { ends, left, once }: Manners = OF_DAEMONS) {
    this.#log = log;
    this.#once = once;
    const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
    this.ending = promise;
    this.#resolve = resolve;
    const wishes: (readonly [NodeJS.Signals, () => void])[] = [
      ["SIGHUP", () => this.#wish("SIGHUP", (wishes) => wishes.reload())],
      ["SIGUSR1", () => this.#drain()],
      ["SIGUSR2", () => this.#wish("SIGUSR2", (wishes) => wishes.tellState())],
    ];
    this.#listeners = [
      ...ends.map((signal) => [signal, () => this.#end(signal)] as const),
      ...[...left, TOLD].map((signal) => [signal, () => {}] as const),
      ...STRAY.map((signal) => [signal, () => this.#stray(signal)] as const),
      ...wishes.filter(([signal]) => !ends.includes(signal)),
    ];
    for (const [signal, listener] of this.#listeners) process.on(signal, listener);
  }

  /** From here on the daemon serves. */
  serve(wishes: Wishes): void {
    this.#wishes = wishes;
  }

  close(): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
  }

  #end(signal: NodeJS.Signals): void {
    const now = performance.now();
    if (signal === this.#last && now - this.#lastAt < this.#once) return;
    [this.#last, this.#lastAt] = [signal, now];
    if (this.#resolve === undefined) {
      if (this.further === undefined) this.#insisted(signal);
      else this.further(signal);
      return;
    }
    this.#log.info("Ending", { signal });
    this.#resolve(signal);
    this.#resolve = undefined;
  }

  /** The kernel takes the interface with us; files left behind are replaced at the next start. */
  #insisted(signal: string): void {
    this.#log.warn("Ended at once by a second signal", { signal });
    process.exit(1);
  }

  /** Each one takes the last one back. */
  #drain(): void {
    this.#wish("SIGUSR1", ({ drain }) => void drain.set(!drain.isOn, "SIGUSR1"));
  }

  /** What starts or ends has no state to change or tell. */
  #wish(signal: string, grant: (wishes: Wishes) => void): void {
    const serves = this.#wishes !== undefined && this.#resolve !== undefined;
    if (serves) grant(this.#wishes!);
    else this.#stray(signal);
  }

  #stray(signal: string): void {
    this.#log.warn("Signal ignored", { signal });
  }
}
