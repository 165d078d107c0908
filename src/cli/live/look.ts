/** What the reader of frames can see. */
export interface Look {
  readonly colours: boolean;
  /** The block characters of Unicode, U+2581 to U+2588; else ASCII alone. */
  readonly blocks: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Terminals whose fonts lack the lower blocks, or whose kind says nothing. */
const POOR = /^(dumb|unknown|linux|cons25.*|wsvt25.*|vt\d.*|sun.*)?$/;

/**
 * Whether block characters show: by the locale, and on a terminal by its kind.
 *
 * @param isTerminal false: what is written goes to a file or a program
 */
export function showsBlocks(env: Environment, isTerminal: boolean): boolean {
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "C";
  if (!/utf-?8/i.test(locale)) return false;
  return !isTerminal || !POOR.test(env["TERM"] ?? "");
}

/** Whether a terminal can be told where to write. */
export function movesCursor(env: Environment): boolean {
  return !/^(dumb|unknown)?$/.test(env["TERM"] ?? "");
}
