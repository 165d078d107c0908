import type { Section } from "../contract.ts";
import { MAIN_CALLS } from "./main_thread.ts";
import { WORKERS_CALLS } from "./worker.ts";

export const CALLS: Section = {
  name: "System calls that fail: each third one for a while",
  faults: [...WORKERS_CALLS, ...MAIN_CALLS],
};
