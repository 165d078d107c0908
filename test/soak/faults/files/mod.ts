import type { Section } from "../contract.ts";
import { FULL_RUNTIME } from "./full_disk.ts";
import { STDERR } from "./stderr.ts";

export const FILES: Section = {
  name: "Disks, standard error",
  faults: [FULL_RUNTIME, ...STDERR],
};
