import type { Millis } from "#src/protocol/time.ts";
import type { FillRandom } from "./contract.ts";
import { type Echo, ECHO_DATA_LENGTH } from "./echo.ts";

/** RFC 4380 §5.2.4 case 2: 2 s, repeated up to three times. */
export const ECHO_TIMEOUT: Millis = 2_000;
const ECHO_ATTEMPTS = 4;

/** One echo request with its repetitions. Its random data stays, its sequence number does not. */
export class Ping {
  /** 1 for the first ping. */
  readonly number: number;
  readonly #source: Uint8Array;
  readonly #target: Uint8Array;
  readonly #identifier: number;
  readonly #data = new Uint8Array(ECHO_DATA_LENGTH);
  /** When each repetition was sent, first one included. */
  readonly #sentAt: Millis[] = [];

  constructor(
    number: number,
    source: Uint8Array,
    target: Uint8Array,
    identifier: number,
    random: FillRandom,
  ) {
    this.number = number;
    this.#source = source;
    this.#target = target;
    this.#identifier = identifier;
    random(this.#data);
  }

  get attempts(): number {
    return this.#sentAt.length;
  }

  get exhausted(): boolean {
    return this.attempts >= ECHO_ATTEMPTS;
  }

  get startedAt(): Millis {
    return this.#sentAt[0] ?? 0;
  }

  get deadline(): Millis {
    return (this.#sentAt.at(-1) ?? 0) + ECHO_TIMEOUT;
  }

  /** The request to send now. */
  repeat(now: Millis): Echo {
    this.#sentAt.push(now);
    return this.#echo(this.#sentAt.length - 1);
  }

  /** When the repetition was sent that `matches` recognises; undefined: none of them. */
  sentAt(matches: (echo: Echo) => boolean): Millis | undefined {
    return this.#sentAt.find((_, attempt) => matches(this.#echo(attempt)));
  }

  #echo(attempt: number): Echo {
    return {
      source: this.#source,
      target: this.#target,
      identifier: this.#identifier,
      // Each repetition has its own, so that a late answer is not timed against a later request.
      sequence: ((this.number - 1) * ECHO_ATTEMPTS + attempt + 1) & 0xffff,
      data: this.#data,
    };
  }
}
