import type { Logger } from "#src/log/logger.ts";

/** Signals that end the daemon. */
const ENDING = ["SIGTERM", "SIGINT"] as const;

/** Takes over the signals that would kill the process, until closed. */
export class Ending {
  /** Settles with the name of the first SIGTERM or SIGINT. */
  readonly signalled: Promise<string>;
  readonly #log: Logger;
  readonly #listeners: (readonly [NodeJS.Signals, () => void])[];
  #resolve: ((signal: string) => void) | undefined;

  constructor(log: Logger) {
    this.#log = log;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.signalled = promise;
    this.#resolve = resolve;
    this.#listeners = [
      ...ENDING.map((signal) => [signal, () => this.#received(signal)] as const),
      ["SIGHUP", () => this.#hangup()],
    ];
    for (const [signal, listener] of this.#listeners) process.on(signal, listener);
  }

  close(): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
  }

  #received(signal: string): void {
    if (this.#resolve === undefined) return this.#insisted(signal);
    this.#log.info("Ending", { signal });
    this.#resolve(signal);
    this.#resolve = undefined;
  }

  /** The kernel takes the interface with us; files left behind are replaced at the next start. */
  #insisted(signal: string): void {
    this.#log.warn("Ended at once by a second signal", { signal });
    process.exit(1);
  }

  #hangup(): void {
    this.#log.warn("SIGHUP changes nothing: settings take effect after a restart");
  }
}
