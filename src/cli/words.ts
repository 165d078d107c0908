import { UsageError } from "./exit.ts";

const FLAG = /^--([A-Za-z_][\w-]*)(=?)/;

/**
 * The words of a command line as stricli takes them: `--flag=` gives an empty value, and a name that
 * every object has is no flag.
 *
 * @throws UsageError
 */
export function preparedWords(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf("--");
  const words = end < 0 ? argv : argv.slice(0, end);
  const prepared = words.flatMap((word) => {
    const [whole = "", name = "", equals] = FLAG.exec(word) ?? [];
    if (name in Object.prototype) throw new UsageError(`No flag registered for --${name}`);
    return equals === "=" && whole === word ? [`--${name}`, ""] : [word];
  });
  return [...prepared, ...argv.slice(words.length)];
}
