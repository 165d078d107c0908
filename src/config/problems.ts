import { ConfigError } from "#src/errors.ts";
import { printable } from "./printable.ts";

const MAX_PROBLEMS = 100;

/** Errors keep the daemon from starting, notices do not. */
export interface Problem {
  readonly level: "error" | "notice";
  /** `where: key: problem; what to do`, without control characters. */
  readonly text: string;
}

interface Placed extends Problem {
  readonly file: string;
  /** Infinity: of the file as a whole. */
  readonly line: number;
}

/**
 * Collects what is wrong with a configuration, so that the operator sees all of it at once, in the
 * order of the file: what concerns no single line comes behind the lines.
 */
export class Problems {
  #placed: Placed[] = [];

  /** @param where `file:line`, `file` or a flag, and perhaps `: key` */
  error(where: string, problem: string): void {
    this.#add("error", where, problem);
  }

  notice(where: string, problem: string): void {
    this.#add("notice", where, problem);
  }

  get all(): readonly Problem[] {
    return this.#placed.map(({ level, text }) => ({ level, text }));
  }

  get errors(): readonly string[] {
    return this.#texts("error");
  }

  get notices(): readonly string[] {
    return this.#texts("notice");
  }

  /** Takes over what others found, each text once. */
  merge(others: readonly Problems[]): void {
    for (const placed of others.flatMap((one) => one.#placed)) {
      if (!this.#placed.some((known) => known.text === placed.text)) this.#insert(placed);
    }
  }

  /** @throws ConfigError naming every error, if there is one */
  throwIfAny(): void {
    const { errors } = this;
    if (errors.length > 0) throw new ConfigError(errors);
  }

  #texts(level: Problem["level"]): readonly string[] {
    return this.#placed.filter((problem) => problem.level === level).map(({ text }) => text);
  }

  /** A wrong file, e.g. a binary one, can be wrong in each line. */
  #add(level: Problem["level"], where: string, problem: string): void {
    const count = this.#texts(level).length;
    if (count > MAX_PROBLEMS) return;
    const [, file = "", line] = /^(.*?)(?::(\d+))?(?:: .*)?$/s.exec(where) ?? [];
    const more = count === MAX_PROBLEMS ? " (more left out)" : "";
    const text = printable(`${where}: ${problem}${more}`);
    this.#insert({ level, text, file, line: line === undefined ? Infinity : Number(line) });
  }

  /** Behind what stands before it: files in the order they were first named in. */
  #insert(placed: Placed): void {
    const ofFile = this.#placed.findLastIndex((other) => other.file === placed.file);
    if (ofFile < 0) {
      this.#placed.push(placed);
      return;
    }
    let at = ofFile + 1;
    while (at > 0 && this.#placed[at - 1]!.file === placed.file) {
      if (this.#placed[at - 1]!.line <= placed.line) break;
      at--;
    }
    this.#placed.splice(at, 0, placed);
  }
}

/** The parts of a problem's text. */
export interface ProblemParts {
  readonly file?: string;
  readonly line?: number;
  /** Of the file, or the flag. */
  readonly key?: string;
  readonly problem: string;
}

const OF_FLAG = /^(--[a-z0-9-]+): (.*)$/s;
const IN_LINE = /^(.+?):(\d+): (?:([A-Za-z][\w.]*): )?(.*)$/s;
const IN_FILE = /^(\S+): (?:([A-Za-z][\w.]*): )?(.*)$/s;

/** Takes the text of an error or a notice apart. */
export function partsOf(text: string): ProblemParts {
  const flag = OF_FLAG.exec(text);
  if (flag !== null) return { key: flag[1]!, problem: flag[2]! };
  const inLine = IN_LINE.exec(text);
  if (inLine !== null) {
    const [, file = "", line, key, problem = ""] = inLine;
    return { file, line: Number(line), ...(key === undefined ? {} : { key }), problem };
  }
  const [, file, key, problem = ""] = IN_FILE.exec(text) ?? [];
  if (file === undefined) return { problem: text };
  return { file, ...(key === undefined ? {} : { key }), problem };
}
