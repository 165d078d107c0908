import process from "node:process";
import { PLANS } from "./plans.ts";
import { RealBackend } from "./real_backend.ts";

/**
 * A program of its own, run as root in a network and a mount namespace that nobody else has: plays
 * the plan that its argument names on this machine's kernel and prints the transcript, one line each.
 */
const plan = PLANS[process.argv[2]!]!;
const backend = await RealBackend.make(plan.players);
let error: unknown;
try {
  plan.play(backend);
} catch (thrown) {
  error = thrown;
}
process.stdout.write(`${backend.transcript.lines.join("\n")}\n`);
if (error !== undefined) {
  console.error(error);
  process.exitCode = 1;
}
