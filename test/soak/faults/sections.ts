import { CALLS } from "./calls/mod.ts";
import { CLOCKS } from "./clocks/mod.ts";
import type { Section } from "./contract.ts";
import { HUNG } from "./hung/mod.ts";
import { INTERFACES } from "./interfaces/mod.ts";
import { KILLED } from "./killed/mod.ts";
import { WIRES } from "./wire/mod.ts";

/** All faults, as docs/faults.md has them. */
export const SECTIONS: readonly Section[] = [KILLED, HUNG, INTERFACES, CALLS, WIRES, CLOCKS];
