import { runUpkeep } from "#src/daemon/upkeep/run.ts";

/** What a daemon starts for itself: nobody types it. */
export default function run(): Promise<number> {
  return runUpkeep();
}
