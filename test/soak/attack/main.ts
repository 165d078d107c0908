/** Everything that strangers can do at once, against our relay and server and Miredo's in turn. */
import process from "node:process";
import { parseArgs } from "node:util";
import { machine, replaceReport } from "../report.ts";
import { type Battle, fight } from "./battle.ts";
import { failuresOf, reportOf } from "./findings.ts";

const USAGE = `usage: scripts/soak attack [--seconds N] [--seed S] [--docs]
Three minutes for the default of 50 seconds. With --docs the table goes to docs/soak.md as well. The status
is 1 when a target was missed.`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "50" },
      seed: { type: "string", default: "1" },
      docs: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const [seconds, seed] = [values.seconds, values.seed].map(Number);
  if (!(seconds! >= 10 && seconds! <= 600)) throw new Error("--seconds: 10 to 600");
  if (!(seed! >= 0 && seed! < 2 ** 32)) throw new Error("--seed: 0 to 2^32 - 1");
  return { ...values, seconds: seconds!, seed: seed! };
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
const battles: Record<"teredo" | "miredo", Battle | undefined> = {
  teredo: undefined,
  miredo: undefined,
};
for (const maker of ["teredo", "miredo"] as const) {
  console.error(`the attack on ${maker}`);
  battles[maker] = await fight(maker, options.seconds, options.seed);
}
const { teredo, miredo } = battles;
const report = reportOf(teredo!, miredo!, options, machine());
console.log(report);
if (options.docs) replaceReport("attack", report);
const failed = failuresOf(teredo!);
if (failed.length > 0) {
  console.log(`Missed: ${failed.join("; ")}`);
  process.exitCode = 1;
}
