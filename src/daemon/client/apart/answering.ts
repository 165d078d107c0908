import { NO_FORM, numberOf, TOO_MANY } from "../errands/words.ts";
import {
  type Answered,
  AtOnce,
  isRunning,
  kindOf,
  LINE_MAX,
  type Question,
  readQuestion,
} from "./words.ts";

interface AnsweringParts {
  find(question: Question): Promise<Answered>;
  tell(answer: Answered): void;
  /** The command has begun. */
  runs(): void;
}

/** Answers what the client inside asks: each question for itself, be it by saying why it is refused. */
export class Answering {
  readonly #parts: AnsweringParts;
  readonly #lines = new WholeLines();
  readonly #atOnce = new AtOnce();

  constructor(parts: AnsweringParts) {
    this.#parts = parts;
  }

  /** @param chunk of what it writes */
  take(chunk: string): void {
    for (const line of this.#lines.take(chunk)) {
      if (isRunning(line)) this.#parts.runs();
      else this.#hear(line);
    }
  }

  #hear(line: string): void {
    const { find, tell } = this.#parts;
    const question = readQuestion(line);
    if (question === undefined) {
      const id = numberOf(line);
      if (id !== undefined) tell({ id, problem: NO_FORM });
      return;
    }
    const { id } = question;
    const end = this.#atOnce.begin(kindOf(question));
    if (end === undefined) return tell({ id, problem: TOO_MANY });
    void find(question).catch((error) => ({ id, problem: String(error) })).then((answer) => {
      end();
      tell(answer);
    });
  }
}

/** Takes a stream apart into lines. One that is too long is left out, and nothing else with it. */
class WholeLines {
  #rest = "";
  /** What has come of a line that is left out is forgotten. */
  #isTooLong = false;

  take(chunk: string): readonly string[] {
    const [first = "", ...others] = chunk.split("\n");
    const lines = [this.#rest + first, ...others];
    this.#rest = lines.pop()!;
    if (this.#isTooLong && lines.length > 0) {
      lines.shift();
      this.#isTooLong = false;
    }
    if (this.#rest.length > LINE_MAX) {
      this.#rest = "";
      this.#isTooLong = true;
    }
    return lines.filter(({ length }) => length <= LINE_MAX);
  }
}
