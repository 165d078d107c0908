/** What mutants came to, as text. */
import { EXPLAINED, type Explained } from "./explained.ts";
import type { Mutant } from "./mutants.ts";

/** `refused` is what the compiler does not take: nobody could have written it. */
export type Verdict = "failed" | "timeout" | "survived" | "refused";

export interface Judged extends Mutant {
  readonly key: string;
  readonly verdict: Verdict;
  /** The tests one of which noticed it. */
  readonly by: string;
}

const folderOf = (path: string) => path.split("/").slice(0, 2).join("/");
const percent = (part: number, all: number) =>
  all === 0 ? "-" : `${(100 * part / all).toFixed(1)} %`;

export function explanationOf({ path, was, text, code }: Mutant): Explained | undefined {
  return EXPLAINED.find((one) =>
    one.path === path && one.was === was && one.text === text && code.includes(one.code)
  );
}

/** Markdown: a row for each folder, then what survived without a reason. */
export function report(results: readonly Judged[], mutants: readonly Mutant[]): string {
  const folders = [...new Set(results.map(({ path }) => folderOf(path)))];
  const rows = folders.map((folder) => [
    `\`${folder}\``,
    String(mutants.filter(({ path }) => folderOf(path) === folder).length),
    ...figures(results.filter(({ path }) => folderOf(path) === folder)),
  ]);
  if (folders.length > 1) rows.push(["all", String(mutants.length), ...figures(results)]);
  const head = [
    "folder",
    "changes",
    "tried",
    "a test failed",
    "ran into a limit",
    "changes nothing",
    "survived",
    "killed",
  ];
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |\n`);
  return `${lines.join("")}\n${survivors(results).join("")}`;
}

/** What the compiler refuses is no mutant, and what changes nothing cannot be killed; what is chosen could be. */
function figures(results: readonly Judged[]): string[] {
  const count = (wanted: Verdict) => results.filter(({ verdict }) => verdict === wanted).length;
  const equal = results.filter((one) => one.verdict === "survived" && isNothing(one)).length;
  const [failed, timeout, survived] = [
    count("failed"),
    count("timeout"),
    count("survived") - equal,
  ];
  const tried = failed + timeout + survived + equal;
  const killed = percent(failed + timeout, tried - equal);
  return [tried, failed, timeout, equal, survived].map(String).concat(killed);
}

const isNothing = (one: Judged) => explanationOf(one)?.isChosen === false;

function survivors(results: readonly Judged[]): string[] {
  return results.filter((one) => one.verdict === "survived" && !explanationOf(one))
    .sort((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : a.start - b.start)
    .map(({ path, line, was, text, code }) =>
      `- \`${path}:${line}\` \`${was}\` → \`${text}\`: \`${code}\`\n`
    );
}
