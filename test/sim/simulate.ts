import process from "node:process";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import type { PacketLog } from "./packet_log.ts";
import { World, type WorldOptions } from "./world.ts";

/** The same seed gives the same run: `TEREDO_SIM_SEED=1234 bun test ./test/sim`. */
const SEED = Number(process.env["TEREDO_SIM_SEED"] ?? 20_061_123);

/** Bun's own limit for a test is shorter than a slow machine may need. */
export const PATIENT = { timeout: 600_000 };

/** Limits that nothing in a scenario reaches. */
export const ROOMY: Partial<RelayOptions> = {
  maxPeers: 65_536,
  holdPackets: 32,
  holdBytes: 32 * 1280,
  holdMemory: 4_096 * 1280,
  icmpRate: 1_000,
  icmpBurst: 1_000,
};

/** Runs a world; when it fails, says what the last packets were and how to have the same again. */
export function simulate(options: Omit<WorldOptions, "seed">, run: (world: World) => void): void {
  const world = new World({ seed: SEED, ...options });
  telling(world.log, SEED, () => run(world));
}

/** The same of what is made under `seed` and logs its packets. */
export function telling(log: PacketLog, seed: number, run: () => void): void {
  try {
    run();
  } catch (error) {
    console.error(log.lines().join("\n"));
    console.error(`The seed was ${seed}: TEREDO_SIM_SEED=${seed} gives the same run.`);
    throw error;
  }
}
