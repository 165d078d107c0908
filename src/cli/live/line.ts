import type { Look } from "./look.ts";

/** What a piece of a line stands out by, where colours show. */
export type Tone = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

export interface Piece {
  readonly text: string;
  readonly tone: Tone;
}

/** A line of a frame; its pieces hold nothing but what takes one column each. */
export type Line = readonly (string | Piece)[];

const ON: Readonly<Record<Tone, string>> = {
  bold: "\x1b[1m",
  dim: "\x1b[2m",
  red: "\x1b[1;31m",
  green: "\x1b[1;32m",
  yellow: "\x1b[1;33m",
  cyan: "\x1b[36m",
};
const OFF = "\x1b[0m";

const textOf = (piece: string | Piece): string => typeof piece === "string" ? piece : piece.text;

/** Columns that it takes. */
export function widthOf(line: Line): number {
  return line.reduce((width, piece) => width + textOf(piece).length, 0);
}

/** As it is written, without blanks at its end. */
export function rendered(line: Line, { colours }: Look): string {
  if (!colours) return line.map(textOf).join("").trimEnd();
  return line.map((piece) => {
    if (typeof piece === "string" || piece.text === "") return textOf(piece);
    return `${ON[piece.tone]}${piece.text}${OFF}`;
  }).join("").trimEnd();
}

/** Columns that every terminal gives one to each: ASCII, and where the locale has it Latin, Greek, Cyrillic. */
const NARROW = /[^\x20-\x7e]/g;
const NARROW_UTF8 = /[^\x20-\x7e\xa1-\xac\xae-\u02ff\u0370-\u0377\u037a-\u0482\u048a-\u052f]/g;

/** What a daemon says, in characters that take one column each and command no terminal. */
export function narrow(text: string, { blocks }: Look): string {
  return text.replace(/\s+/g, " ").replace(blocks ? NARROW_UTF8 : NARROW, "?");
}

/**
 * `text` in at most `width` columns: whole words, and an ellipsis where some are missing, as far as
 * there is room for the first.
 */
export function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  const end = text.lastIndexOf(" ", width - 3);
  if (end > 0) return `${text.slice(0, end).trimEnd()}...`;
  const [first = ""] = text.split(" ", 1);
  return first.slice(0, Math.max(0, width));
}

/**
 * `text` in lines of at most `width` columns, parted between words; a word that is longer than a line
 * is parted where it has to be.
 *
 * @param most lines; the last one ends in an ellipsis where more would follow
 */
export function wrapped(text: string, width: number, most = Infinity): string[] {
  const room = Math.max(1, width);
  const lines: string[] = [];
  let rest = text.trim();
  while (rest.length > room && lines.length < most - 1) {
    const blank = rest.lastIndexOf(" ", room);
    const end = blank > 0 ? blank : room;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, cut(rest, room)];
}
