import { CALLS } from "./calls/mod.ts";
import { CLIENT } from "./client/mod.ts";
import { CLOCKS } from "./clocks/mod.ts";
import type { Section } from "./contract.ts";
import { FILES } from "./files/mod.ts";
import { HUNG } from "./hung/mod.ts";
import { INTERFACES } from "./interfaces/mod.ts";
import { KILLED } from "./killed/mod.ts";
import { LIMITS } from "./limits/mod.ts";
import { PACKETS } from "./packets/mod.ts";
import { RIVALS } from "./rivals/mod.ts";
import { WIRES } from "./wire/mod.ts";

/** All faults, as docs/faults.md has them. */
export const SECTIONS: readonly Section[] = [
  KILLED,
  HUNG,
  INTERFACES,
  CALLS,
  WIRES,
  PACKETS,
  CLOCKS,
  FILES,
  LIMITS,
  RIVALS,
  CLIENT,
];
