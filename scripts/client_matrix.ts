import { readFileSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { NAT_KINDS } from "#src/demo/nat.ts";
import { ALL_ROUNDS, type Outcome, PARTIES, runRound } from "#test/netns/clients/matrix.ts";
import { inLanes } from "#test/netns/lanes.ts";
import type { Maker } from "#test/netns/programs.ts";
import { machine, table } from "#test/soak/report.ts";

/**
 * Makes docs/client-matrix.md of a run of all rounds: as root, ten minutes.
 *
 *     TEREDO_BIN=dist/teredo bun scripts/client_matrix.ts
 */
const DOCUMENT = "docs/client-matrix.md";
const START = "<!-- Made by scripts/client_matrix.ts. -->\n";
const END = "<!-- End of what is made. -->\n";

const outcomes: Outcome[] = await Promise.all(inLanes(ALL_ROUNDS.map((round) => async () => {
  const outcome = await runRound(round);
  console.log(`${round.server} server, ${round.relay} relay, ${round.turn}: done`);
  return outcome;
})));

/** What all rounds say of a pair: one word, or those of our server and of Miredo's. */
function cellOf(from: number, to: number): string {
  const said = outcomes.flatMap(({ round, cells }) =>
    cells.filter((it) => it.from === from && it.to === to)
      .map(({ answer }) => ({ server: round.server, word: answer.works ? "yes" : "no" }))
  );
  const words = new Set(said.map(({ word }) => word));
  if (words.size === 1) return said[0]!.word;
  return said.map(({ server, word }) => `${word} (${server})`).join(", ");
}

function block(from: Maker, to: Maker): string {
  const of = (maker: Maker) => PARTIES.keys().toArray().filter((i) => PARTIES[i]!.maker === maker);
  const rows = of(from).map((a) => [
    PARTIES[a]!.nat,
    ...of(to).map((b) => a === b ? "-" : cellOf(a, b)),
  ]);
  return table(["from \\ to", ...NAT_KINDS], rows);
}

/** Of those that were told: all that did not get through, of ours. */
function slowest(maker: Maker, works: boolean): string {
  const times = outcomes.flatMap(({ cells }) => cells)
    .filter(({ from, answer }) => PARTIES[from]!.maker === maker && answer.works === works)
    .map(({ answer }) => answer.seconds).toSorted((a, b) => a - b);
  const at = (part: number) => times[Math.floor(part * (times.length - 1))]!.toFixed(1);
  return times.length === 0 ? "none" : `${at(0.5)} s, ${at(1)} s`;
}

function natives(): string {
  const rows = PARTIES.map(({ maker, nat }, i) => [
    `${maker}, ${nat}`,
    ...outcomes.map(({ native }) => native[i]!.works ? "yes" : "no"),
  ]);
  return table(
    ["client", ...ALL_ROUNDS.map((it) => `${it.server} server, ${it.relay} relay`)],
    rows,
  );
}

const made = `
${machine()}

## Ours to ours

${block("teredo", "teredo")}
## Ours to Miredo's

${block("teredo", "miredo")}
## Miredo's to ours

${block("miredo", "teredo")}
## Miredo's to Miredo's

${block("miredo", "miredo")}
## Times

Median and longest, until the first answer or until the sender is told, of all rounds; four pairs a
client at a time, and whatever else the machine had to do:

${
  table(["sender", "answered", "told that there is no way"], [
    ["ours", slowest("teredo", true), slowest("teredo", false)],
    ["Miredo's", slowest("miredo", true), slowest("miredo", false)],
  ])
}
## To a native host

${natives()}
`;
const [before, rest] = readFileSync(DOCUMENT, "utf8").split(START);
writeFileSync(DOCUMENT, `${before}${START}${made}${END}${rest!.split(END)[1]}`);
execFileSync("deno", ["fmt", "-q", DOCUMENT]);
