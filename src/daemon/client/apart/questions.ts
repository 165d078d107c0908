import type { Millis } from "#src/protocol/time.ts";
import type { Clock } from "../clock.ts";
import { TOO_MANY } from "../errands/words.ts";
import { PATIENCE } from "./resolver.ts";
import { type Answered, AtOnce, kindOf, type Question } from "./words.ts";

/**
 * Longer than whoever is outside takes: for a name the C library asks three silent name servers twice, which
 * is nearly 30 s. resolv.conf(5)
 */
const LIMITS: Readonly<Record<"dns" | "lookUp", Millis>> = {
  dns: PATIENCE + 2_000,
  lookUp: 40_000,
};
const SILENT = "whoever is outside does not answer";
const GONE = "whoever is outside is gone";

/** Not yet asked: they differ but in their number. */
export type Wanted<T = Question> = T extends Question ? Omit<T, "id"> : never;

/** What the client inside asks, until there is an answer, or it has taken too long. */
export class Questions {
  readonly #clock: Clock;
  readonly #say: (question: Question) => boolean;
  readonly #waiting = new Map<number, (answer: Answered) => void>();
  readonly #atOnce = new AtOnce();
  #last = 0;

  /** @param say returns false when nobody hears it */
  constructor(clock: Clock, say: (question: Question) => boolean) {
    this.#clock = clock;
    this.#say = say;
  }

  /** Does not reject: there is an answer in any case. */
  ask(wanted: Wanted): Promise<Answered> {
    const id = ++this.#last;
    const kind = kindOf(wanted);
    const end = this.#atOnce.begin(kind);
    if (end === undefined) return Promise.resolve({ id, problem: TOO_MANY });
    const { promise, resolve } = Promise.withResolvers<Answered>();
    const cancel = this.#clock.after(LIMITS[kind], () => this.hear({ id, problem: SILENT }));
    this.#waiting.set(id, (answer) => {
      cancel();
      end();
      resolve(answer);
    });
    if (!this.#say({ id, ...wanted })) this.hear({ id, problem: GONE });
    return promise;
  }

  /** One that comes too late is nobody's. */
  hear(answer: Answered): void {
    const heard = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    heard?.(answer);
  }
}
