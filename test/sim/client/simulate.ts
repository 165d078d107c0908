import process from "node:process";
import { telling } from "../simulate.ts";
import type { ClientWorld } from "./world.ts";

/** The same seed gives the same run: `TEREDO_SIM_SEED=1234 bun test ./test/sim/client`. */
export const SEED = Number(process.env["TEREDO_SIM_SEED"] ?? 60_812_009);

/** Runs; when it fails, says what the last packets were and how to have the same again. */
export function simulate(world: ClientWorld, run: () => void): void {
  telling(world.log, SEED, run);
}
