import type { Section } from "../contract.ts";
import { CLIENTS_WORKERS_CALLS } from "./clients_worker.ts";
import { HELPERS_CALLS } from "./helper.ts";
import { MAIN_CALLS } from "./main_thread.ts";
import { RELAYS_WORKERS_CALLS } from "./relays_worker.ts";
import { SERVERS_WORKERS_CALLS } from "./servers_worker.ts";

export const CALLS: Section = {
  name: "System calls that fail: each third one for a while",
  faults: [
    ...RELAYS_WORKERS_CALLS,
    ...SERVERS_WORKERS_CALLS,
    ...CLIENTS_WORKERS_CALLS,
    ...MAIN_CALLS,
    ...HELPERS_CALLS,
  ],
};
