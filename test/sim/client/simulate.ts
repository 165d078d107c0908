import process from "node:process";
import type { ClientWorld } from "./world.ts";

/** The same seed gives the same run: `TEREDO_SIM_SEED=1234 bun test ./test/sim/client`. */
export const SEED = Number(process.env["TEREDO_SIM_SEED"] ?? 60_812_009);

/** Bun's own limit for a test is shorter than a slow machine may need. */
export const PATIENT = { timeout: 600_000 };

const LINES = 80;

/** Runs; when it fails, says what the last packets were and how to have the same again. */
export function simulate(world: ClientWorld, run: () => void): void {
  try {
    run();
  } catch (error) {
    console.error(world.log.lines().slice(-LINES).join("\n"));
    console.error(`The seed was ${SEED}: TEREDO_SIM_SEED=${SEED} gives the same run.`);
    throw error;
  }
}
