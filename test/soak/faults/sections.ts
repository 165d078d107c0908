import type { Section } from "./contract.ts";
import { HUNG } from "./hung/mod.ts";
import { KILLED } from "./killed/mod.ts";

/** All faults, as docs/faults.md has them. */
export const SECTIONS: readonly Section[] = [KILLED, HUNG];
