import type { Section } from "../contract.ts";
import { CONNTRACK_FULL } from "./conntrack.ts";
import { FRAGMENTED, FRAGMENTS } from "./fragments.ts";
import { HOLE, TOO_BIG } from "./holes.ts";

export const PACKETS: Section = {
  name: "Fragments, MTU, tables of the kernel",
  faults: [FRAGMENTED, ...FRAGMENTS, HOLE, TOO_BIG, CONNTRACK_FULL],
};
