import type { Section } from "../contract.ts";
import { NONE_LEFT, TOO_FEW } from "./descriptors.ts";
import { MEMORY } from "./memory.ts";

export const LIMITS: Section = {
  name: "Descriptors, memory",
  faults: [NONE_LEFT, TOO_FEW, MEMORY],
};
