import type { Section } from "../contract.ts";
import { HARMED } from "./harmed.ts";

export const WIRES: Section = { name: "Wires", faults: HARMED };
