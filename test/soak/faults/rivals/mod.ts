import type { Section } from "../contract.ts";
import { AT_START } from "./at_start.ts";
import { PORT_TAKEN, ROUTE_FLUSHED, ROUTE_TAKEN } from "./while_serving.ts";

export const RIVALS: Section = {
  name: "Rivals",
  faults: [...AT_START, PORT_TAKEN, ROUTE_TAKEN, ROUTE_FLUSHED],
};
