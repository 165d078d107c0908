import type { Millis } from "#src/protocol/time.ts";

/** Characters. */
const MAX_LINE = 4096;
const MAX_LINES = 1_000;
const INTERVAL: Millis = 1_000;

/** Takes a stream apart into lines, as many and as long as one has to expect. */
export class Lines {
  #rest = "";
  #since: Millis = -Infinity;
  #count = 0;

  /** @returns undefined for a stream that is to be given up: too long a line, or too many */
  take(chunk: string, now: Millis): readonly string[] | undefined {
    const lines = (this.#rest + chunk).split("\n");
    this.#rest = lines.pop()!;
    if (now - this.#since >= INTERVAL) {
      this.#since = now;
      this.#count = 0;
    }
    this.#count += lines.length;
    const fits = [...lines, this.#rest].every(({ length }) => length <= MAX_LINE);
    return fits && this.#count <= MAX_LINES ? lines : undefined;
  }
}

/** Characters of a line that a daemon writes: a task names all groups of a user. */
const MAX_TASK = 1024 * 1024;

/** Lines, and what comes after the last one, until the stream ends, in whatever way. */
export async function* linesOf(stream: NodeJS.ReadStream): AsyncGenerator<string, undefined> {
  let rest = "";
  stream.setEncoding("utf8");
  try {
    for await (const chunk of stream) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      yield* lines;
      if (rest.length > MAX_TASK) return;
    }
  } catch {
    // Whoever wrote it is gone.
  }
  yield rest;
}

/** Of which nothing is known yet. */
export type Loose = Readonly<Record<string, unknown>>;

/** The object that a line of JSON holds; undefined: none. */
export function objectIn(line: string): Loose | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value as Loose : undefined;
  } catch {
    return undefined;
  }
}
