import type { Section } from "../contract.ts";
import { CLIENTS_SIDE } from "./clients_side.ts";
import { TUNNEL } from "./tunnel.ts";

export const INTERFACES: Section = {
  name: "Interfaces, addresses, routes",
  faults: [...TUNNEL, ...CLIENTS_SIDE],
};
