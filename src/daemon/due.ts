import type { Millis } from "#src/protocol/time.ts";
import type { Host } from "./host/contract.ts";

/** How long an answer stands while the kernel tells of no change: a little less than five looks. */
const AGAIN: Millis = 4_900;

/** When something about this host has to be asked again. */
export class Due {
  readonly #host: Pick<Host, "revision">;
  readonly #again: Millis;
  #revision = -1;
  #basis: unknown;
  #at: Millis = -Infinity;

  constructor(host: Pick<Host, "revision">, again = AGAIN) {
    this.#host = host;
    this.#again = again;
  }

  /** @param basis what it is judged by: another one is another question */
  isDue(basis: unknown): boolean {
    const now = performance.now();
    const revision = this.#host.revision();
    const isSame = revision === this.#revision && basis === this.#basis;
    if (isSame && now - this.#at < this.#again) return false;
    this.#revision = revision;
    this.#basis = basis;
    this.#at = now;
    return true;
  }
}
