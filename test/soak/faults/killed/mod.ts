import type { Section } from "../contract.ts";
import { HELPER_KILLED } from "./helper.ts";
import { RELAY_KILLED } from "./relay.ts";
import { SERVER_KILLED } from "./server.ts";
import { WORKER_KILLED } from "./worker.ts";

export const KILLED: Section = {
  name: "Killed",
  faults: [RELAY_KILLED, SERVER_KILLED, WORKER_KILLED, HELPER_KILLED],
};
