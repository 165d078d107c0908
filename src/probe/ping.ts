import type { Millis } from "#src/protocol/time.ts";
import type { FillRandom } from "./contract.ts";
import { type Echo, ECHO_DATA_LENGTH } from "#src/protocol/client/messages/echo.ts";

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
  /** Each request sent, repetitions included, with its own sequence number. */
  readonly #requests: { readonly sequence: number; readonly sentAt: Millis }[] = [];

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
    return this.#requests.length;
  }

  get exhausted(): boolean {
    return this.attempts >= ECHO_ATTEMPTS;
  }

  get startedAt(): Millis {
    return this.#requests[0]?.sentAt ?? 0;
  }

  get deadline(): Millis {
    return (this.#requests.at(-1)?.sentAt ?? 0) + ECHO_TIMEOUT;
  }

  /** The request to send now. */
  repeat(sequence: number, now: Millis): Echo {
    this.#requests.push({ sequence, sentAt: now });
    return this.#echo(sequence);
  }

  /** When the request was sent that `matches` recognises; undefined: none of them. */
  sentAt(matches: (echo: Echo) => boolean): Millis | undefined {
    return this.#requests.find(({ sequence }) => matches(this.#echo(sequence)))?.sentAt;
  }

  #echo(sequence: number): Echo {
    return {
      source: this.#source,
      target: this.#target,
      identifier: this.#identifier,
      sequence,
      data: this.#data,
    };
  }
}
