import process from "node:process";
import type { Output } from "../output.ts";
import type { Size } from "./arrange.ts";

/** Another screen, from which what was on the terminal comes back; no cursor; lines are not wrapped. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const CLEAR = "\x1b[H\x1b[2J";

/** Cleared before: in the last column the cursor stays on what was written. */
const lineAt = (row: number, text: string) => `\x1b[${row + 1};1H\x1b[K${text}`;

/** A whole terminal on which frames follow each other in place. */
export class Screen {
  readonly #output: Output;
  /** What stands on it; undefined: that is not known. */
  #shown: readonly string[] | undefined;
  #size: Size | undefined;
  #entered = false;

  constructor(output: Output) {
    this.#output = output;
  }

  enter(): void {
    if (this.#entered) return;
    this.#entered = true;
    this.#shown = undefined;
    this.#output.write(ENTER);
  }

  /** The terminal is as it was before. */
  leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    this.#output.write(LEAVE);
  }

  /** Nothing that is there counts: the next frame is written whole. */
  spoil(): void {
    this.#shown = undefined;
  }

  /** Shows a frame that fits the size; what stands there already is not sent again. */
  draw(lines: readonly string[], size: Size): void {
    if (!this.#entered) return;
    const isSame = this.#size?.columns === size.columns && this.#size.rows === size.rows;
    const before = isSame ? this.#shown : undefined;
    const rows = Math.max(lines.length, before?.length ?? 0);
    const texts = Array.from({ length: rows }, (_, row) => lines[row] ?? "");
    const changed = texts.map((text, row) => text === before?.[row] ? "" : lineAt(row, text));
    this.#output.write((before === undefined ? CLEAR : "") + changed.join(""));
    this.#shown = lines;
    this.#size = size;
  }
}

/** Of the terminal that standard output is; where it does not tell, of the one of old. */
export function terminalSize(env: Readonly<Record<string, string | undefined>>): Size {
  const { columns, rows } = process.stdout;
  return {
    columns: columns || Number(env["COLUMNS"]) || 80,
    rows: rows || Number(env["LINES"]) || 24,
  };
}
