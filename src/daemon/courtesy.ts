import { constants, getPriority, setPriority } from "node:os";
import process from "node:process";

/** Steps of niceness: where both want a core, packets get nine tenths of it. sched(7) */
const STEPS = 10;

/**
 * Has the calling thread, and what it starts from now on, give way to the threads that are there: who
 * floods the status pages must not take a core from packets. Waiting for no core, it is no slower.
 *
 * On Linux niceness is a thread's. Elsewhere it is the process's, so nothing is done there.
 */
export function giveWayToPackets(): void {
  if (process.platform !== "linux") return;
  const least = Math.min(getPriority(0) + STEPS, constants.priority.PRIORITY_LOW);
  try {
    setPriority(0, least);
  } catch {
    // A filter of calls may refuse it: then pages and packets share a core as others do.
  }
}
