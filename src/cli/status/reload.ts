import type { StatusDocument } from "#src/status/document.ts";

/** One of the lines of `table.ts`. */
type Fact = readonly [name: string, fact: string];

const TAKEN_BACK = "taken back: ";

/** What became of the last reload and what to do about it, where it did not succeed. */
export function reloadFacts({ role, reload, changes }: StatusDocument): readonly Fact[] {
  const { successful, problems } = reload;
  const [first = "for no reason that it tells", ...others] = problems;
  if (successful) return [];
  const again = `\`teredo reload ${role}\``;
  if (first.startsWith("cannot be taken back")) {
    return [
      ["reload", first],
      ["", "what it brought is in effect, and going back is tried again each second"],
    ];
  }
  if (first.startsWith(TAKEN_BACK)) {
    const when = momentOf(changes, ({ text }) => text.startsWith("Reload taken back"));
    return [
      ["reload", `taken back${when}: ${first.slice(TAKEN_BACK.length)}`],
      [
        "",
        `what was in effect before it is again; mend: ${again}, and ` +
        `\`teredo reload ${role} --confirm\` in time`,
      ],
    ];
  }
  const when = momentOf(changes, ({ kind }) => kind === "reload_refused");
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return [
    ["reload", `refused${when}: ${first}${more}`],
    ["", `what was in effect before it stays so; mend: put that right, then ${again}`],
  ];
}

type Change = StatusDocument["changes"][number];

/** Nothing where it is no longer among the last changes; a daemon of an older version tells none. */
function momentOf(changes: readonly Change[] | undefined, isIt: (change: Change) => boolean) {
  const time = changes?.findLast(isIt)?.time;
  return time === undefined ? "" : ` at ${time}`;
}
