import type { Millis } from "#src/protocol/time.ts";
import type { Way } from "../contract.ts";

/** How long an answer stands: about as long as who reads it looks at one peer. */
const STANDS: Millis = 5_000;
/** Answers of that time that are known at once; see docs/limits.md. */
const MOST = 32;

interface Answer {
  readonly way: Way | undefined;
  readonly at: Millis;
}

/** Which way packets to an IPv4 address take, as a command tells it: not asked again at once. */
export class Ways4 {
  readonly #ask: (to: string) => Way | undefined;
  readonly #now: () => Millis;
  /** The oldest first. */
  readonly #answers = new Map<string, Answer>();

  /** @param now by a clock that nobody sets */
  constructor(ask: (to: string) => Way | undefined, now: () => Millis = () => performance.now()) {
    this.#ask = ask;
    this.#now = now;
  }

  to(destination: Uint8Array): Way | undefined {
    const to = destination.join(".");
    const known = this.#answers.get(to);
    if (known !== undefined && this.#now() - known.at < STANDS) return known.way;
    this.#answers.delete(to);
    const [oldest] = this.#answers.keys();
    if (oldest !== undefined && this.#answers.size >= MOST) this.#answers.delete(oldest);
    const way = this.#ask(to);
    this.#answers.set(to, { way, at: this.#now() });
    return way;
  }
}
