import { runErrands } from "#src/daemon/client/errands/run.ts";

/** What a client starts for itself: nobody types it. */
export default function run(): Promise<number> {
  return runErrands();
}
