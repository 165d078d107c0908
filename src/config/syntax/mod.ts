import type { Syntax } from "../kinds/mod.ts";
import type { Entry } from "../settings.ts";
import type { Problems } from "../problems.ts";
import { syntaxOf, whyNoText } from "./tell.ts";

/** Miredo reads lines into 1056 bytes, of which line feed and closing zero are two. */
export const MAX_LINE_LENGTH = 1054;
/** Far above any real configuration, and soon read. */
export const MAX_FILE_LENGTH = 1024 * 1024;

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without line feed and carriage return. */
  readonly text: string;
}

export interface Document {
  /** For problems: the path as the operator wrote it. */
  readonly file: string;
  readonly syntax: Syntax;
  readonly lines: readonly Line[];
}

/** A value given to a setting, not yet read as its type. */
export interface Given {
  readonly entry: Entry;
  readonly text: string;
  /** The name as written: key, directive or flag. */
  readonly name: string;
  /** `file:line` or a flag. */
  readonly origin: string;
  /** Whose notations hold. */
  readonly syntax: Syntax;
}

/**
 * Splits a file into lines and tells its syntax, native or Miredo's, by its content. Lines that no
 * reader can take are named in `problems` and left out.
 */
export function readDocument(
  content: Uint8Array | string,
  file: string,
  problems: Problems,
): Document {
  if (content.length > MAX_FILE_LENGTH) {
    problems.error(file, `longer than ${MAX_FILE_LENGTH} bytes; is it a configuration?`);
    return { file, syntax: "native", lines: [] };
  }
  const unfit = typeof content === "string" ? undefined : whyNoText(content);
  if (unfit !== undefined) {
    problems.error(file, unfit);
    return { file, syntax: "native", lines: [] };
  }
  const text = typeof content === "string" ? content : new TextDecoder().decode(content);
  const raw = text.replace(/^\ufeff/, "").split("\n");
  const ended = raw.at(-1) === "";
  if (ended) raw.pop();
  const all = raw.map((line, i) => ({ number: i + 1, text: line.replace(/\r$/, "") }));
  const syntax = syntaxOf(all.map((line) => line.text).filter((it) => !isBlankOrComment(it)));
  const document = { file, syntax, lines: all.filter((line) => isReadable(line)) };
  noticeDifferences(document, startsWithMark(content), ended, problems);
  return document;

  function isReadable(line: Line): boolean {
    const where = `${file}:${line.number}`;
    // deno-lint-ignore no-control-regex
    const control = /[\x00-\x08\x0e-\x1f\x7f]/.exec(line.text);
    if (control !== null) {
      const code = control[0].charCodeAt(0).toString(16).padStart(2, "0");
      problems.error(where, `control character 0x${code}; delete it`);
      return false;
    }
    if (line.text.length <= MAX_LINE_LENGTH || isBlankOrComment(line.text)) return true;
    const problem = `line of ${line.text.length} characters`;
    if (syntax === "native") problems.error(where, `${problem}; write at most ${MAX_LINE_LENGTH}`);
    else problems.notice(where, `${problem} is skipped, as Miredo does; shorten it`);
    return false;
  }
}

/** What Miredo takes otherwise than its writer meant. */
function noticeDifferences(
  document: Document,
  mark: boolean,
  ended: boolean,
  problems: Problems,
): void {
  if (document.syntax === "native") return;
  const { file, lines } = document;
  if (mark) {
    problems.notice(
      `${file}:1`,
      "byte order mark, ignored here, makes Miredo miss the first directive; delete it",
    );
  }
  const last = lines.at(-1);
  if (!ended && last !== undefined && !isBlankOrComment(last.text)) {
    problems.notice(
      `${file}:${last.number}`,
      "last line without a line feed counts here, but Miredo ignores it; end it with a line feed",
    );
  }
}

function startsWithMark(content: Uint8Array | string): boolean {
  if (typeof content === "string") return content.startsWith("\ufeff");
  return content[0] === 0xef && content[1] === 0xbb && content[2] === 0xbf;
}

/** In both syntaxes; `;` starts a comment in the native one only, where Miredo has no such name. */
export function isBlankOrComment(text: string): boolean {
  return /^\s*([#;]|$)/.test(text);
}
