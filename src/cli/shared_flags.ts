import { duration } from "#src/config/kinds/mod.ts";
import { printable } from "#src/config/printable.ts";
import { proposeFiles } from "./completion.ts";
import { UsageError } from "./exit.ts";

/** `--json` of the commands whose output programs read. */
export const JSON_FLAG = {
  kind: "boolean",
  optional: true,
  withNegated: false,
  brief: "Print JSON",
} as const;

/** The longest time that is waited for anything, in milliseconds. */
export const A_DAY = 86_400_000;

/** A flag that is there or not. */
export const switchFlag = (brief: string) =>
  ({ kind: "boolean", optional: true, withNegated: false, brief }) as const;

/** A flag with a value that may be left out. */
export const valueFlag = <T>(parse: (text: string) => T, placeholder: string, brief: string) =>
  ({ kind: "parsed", optional: true, parse, placeholder, brief }) as const;

/**
 * Reads a time in milliseconds, as the configuration has them.
 *
 * @param bare milliseconds that a number without a unit counts; undefined: it has to have one
 */
export const timeParser = (min: number, max: number, bare?: number) => {
  const kind = duration(min, max, bare);
  return (text: string): number => {
    const parsed = kind.parse(text, "native");
    if ("problem" in parsed) throw new UsageError(parsed.problem);
    return parsed.value;
  };
};

/** A word of the command line in a sentence. */
export function shown(text: string): string {
  return text === "" ? "an empty word" : printable(text);
}

/** The name of a file. @throws UsageError */
export function parseFile(text: string): string {
  if (text === "") throw new UsageError("an empty word names no file");
  return text;
}

/**
 * Where to ask, of the commands that read status pages, which may be on another host.
 *
 * @param whose `daemon` or, of what only that has, `relay`
 */
export const placeFlags = (whose: string) => ({
  config: {
    ...valueFlag(
      parseFile,
      "FILE",
      `Configuration of the ${whose}, which says where to ask; default: the usual places`,
    ),
    proposeCompletions: proposeFiles,
  },
  url: valueFlag(String, "URL", "Where to ask: HOST:PORT, http://HOST:PORT or unix:/PATH"),
  "token-file": {
    ...valueFlag(
      parseFile,
      "FILE",
      "File that holds the token of the pages, for those that are not on loopback",
    ),
    proposeCompletions: proposeFiles,
  },
} as const);
