/** Load for an hour, with peers that come and go and all that is done to a relay meanwhile. */
import process from "node:process";
import { parseArgs } from "node:util";
import { machine, replaceReport, writeWithFolder } from "../report.ts";
import { panelsOf, reportOf, slopesOf } from "./findings.ts";
import { chart } from "./chart.ts";
import { soak } from "./soak.ts";

const USAGE =
  `usage: scripts/soak run [--warm-up N] [--minutes N] [--seed S] [--rate R] [--one-life]
                       [--svg FILE] [--docs]
An hour by default, after half an hour of the same to which no line is fitted, at 60 % of the rate up to
which nothing is lost; at R packets a second each way at most, for a machine that others use. With
--one-life the relay is not ended meanwhile, so that what grows in one has all that time to. The chart
goes to dist/soak.svg, unless named otherwise; with --docs table and chart go to docs/soak.md and
docs/soak.svg as well. The status is 1 when something grows, or does not balance.`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      "warm-up": { type: "string", default: "30" },
      minutes: { type: "string", default: "60" },
      seed: { type: "string", default: "1" },
      rate: { type: "string", default: "1000000" },
      "one-life": { type: "boolean", default: false },
      svg: { type: "string", default: "dist/soak.svg" },
      docs: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const [warmUp, minutes, seed, rate] = [
    values["warm-up"],
    values.minutes,
    values.seed,
    values.rate,
  ].map(Number);
  if (!(warmUp! >= 0 && warmUp! <= 1_440)) throw new Error(`--warm-up: 0 to 1440`);
  if (!(minutes! >= 1 && minutes! <= 1_440)) throw new Error(`--minutes: 1 to 1440`);
  if (!(seed! >= 0 && seed! < 2 ** 32)) throw new Error(`--seed: 0 to 2^32 - 1`);
  if (!(rate! >= 100 && rate! <= 1_000_000)) throw new Error(`--rate: 100 to 1000000`);
  const oneLife = values["one-life"];
  return { ...values, warmUp: warmUp!, minutes: minutes!, seed: seed!, rate: rate!, oneLife };
}

let options: ReturnType<typeof readOptions>;
try {
  options = readOptions();
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exit(2);
}
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
const soaked = await soak(options);
const slopes = slopesOf(soaked);
const report = reportOf(soaked, slopes, options.seed, machine());
const marks = soaked.legs.flatMap(({ events }) => events);
const caption = `${soaked.rate} packets a second each way; dashed: what was done to the relay; ` +
  `lines are fitted from minute ${options.warmUp} on`;
const picture = chart(caption, soaked.seconds, panelsOf(soaked), marks);
writeWithFolder(options.svg, picture);
console.log(report);
if (options.docs) {
  writeWithFolder("docs/soak.svg", picture);
  replaceReport("run", report, "docs/soak.svg");
}
const growing = slopes.filter(({ slope }) => slope?.isFlat === false);
const problems = soaked.legs.flatMap((leg) => leg.problems);
process.exit(growing.length + problems.length > 0 ? 1 : 0);
