import type { Drop } from "#src/protocol/drops.ts";
import type { PeerId } from "#src/protocol/peers/index.ts";
import type { PeerQuery } from "#src/protocol/peers/query.ts";
import type { Millis } from "#src/protocol/time.ts";
import { NoAnswer, Turns } from "./turns.ts";
import type { PeerPart, PeerQuestions, Question } from "./questions.ts";

/** Between two looks for an answer. */
const LOOK_EVERY: Millis = 1;
/** A million peers take a part of a second. */
const PATIENCE: Millis = 3_000;
/** Questions that wait for their turn; see docs/limits.md. */
const MOST_WAITING = 32;

/** The main thread's end of {@link PeerQuestions}: questions wait here for those before them. */
export class PeerAsker {
  readonly #questions: PeerQuestions;
  readonly #wake: () => void;
  readonly #patience: Millis;
  readonly #turns = new Turns(MOST_WAITING, "Too many ask about peers at once: ask again");

  /**
   * @param wake has the worker look at what it is asked
   * @param patience how long an answer is waited for
   */
  constructor(questions: PeerQuestions, wake: () => void, patience: Millis = PATIENCE) {
    this.#questions = questions;
    this.#wake = wake;
    this.#patience = patience;
  }

  /**
   * Peers behind entry `behind` (0: from the first).
   *
   * @param limit 1 to `MAX_ROWS`
   * @throws NoAnswer
   */
  peers(query: PeerQuery, behind: PeerId, limit: number): Promise<PeerPart> {
    return this.#turns.take(async () => {
      await this.#answered(() => this.#questions.askPeers(query, behind, limit));
      return this.#questions.takePeers();
    });
  }

  /**
   * What would become of `packet`, from the IPv6 side or a datagram from `address`:`port`.
   *
   * @throws NoAnswer
   */
  fate(question: Question, packet: Uint8Array, address = 0, port = 0): Promise<Drop> {
    return this.#turns.take(async () => {
      await this.#answered(() => this.#questions.askFate(question, packet, address, port));
      return this.#questions.takeFate();
    });
  }

  async #answered(ask: () => void): Promise<void> {
    const questions = this.#questions;
    // An answer that came too late for whoever asked.
    if (questions.isAnswered) questions.forget();
    if (!questions.isIdle) throw new NoAnswer("The datapath gives no answer");
    ask();
    this.#wake();
    const until = performance.now() + this.#patience;
    while (!questions.isAnswered) {
      if (performance.now() >= until) throw new NoAnswer("The datapath gives no answer");
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    }
  }
}
