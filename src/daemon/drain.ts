import type { Logger } from "#src/log/logger.ts";
import type { DaemonState } from "./state.ts";

/** Turns traffic away, or takes it again, because an operator asks for it by a signal or a command. */
export class Drain {
  readonly #log: Logger;
  readonly #state: DaemonState;
  #ending = false;

  constructor(log: Logger, state: DaemonState) {
    this.#log = log;
    this.#state = state;
  }

  get isOn(): boolean {
    return this.#state.draining;
  }

  /**
   * @param signal that asked; undefined: a command did
   * @returns whether it is as wanted: a daemon that ends takes no traffic again
   */
  set(wanted: boolean, signal?: string): boolean {
    if (this.#ending) return wanted;
    if (wanted === this.isOn) return true;
    if (wanted) this.#log.info("Draining until told otherwise", { signal });
    else this.#log.info("Serving again", { signal });
    this.#turn(wanted);
    return true;
  }

  /** For good. @returns how long traffic had been turned away before */
  end(): number {
    const before = this.#state.drainedFor;
    this.#ending = true;
    this.#turn(true);
    return before;
  }

  #turn(wanted: boolean): void {
    try {
      this.#state.drain(wanted);
    } catch (error) {
      // What cannot be seen for a while must not end what works, nor what is to end in peace.
      this.#log.error("Cannot look at the daemon", { error: String(error) });
    }
  }
}
