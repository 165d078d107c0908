import type { Section } from "../contract.ts";
import { CLOCK_SET } from "./set.ts";

export const CLOCKS: Section = { name: "Clocks", faults: [CLOCK_SET] };
