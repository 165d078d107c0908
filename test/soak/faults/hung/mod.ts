import type { Section } from "../contract.ts";
import { BUSY } from "./busy.ts";
import { HELD } from "./held.ts";
import { MAIN_SPINS } from "./main_thread.ts";
import { SERVER_SPINS } from "./server_spins.ts";
import { SLEEPS } from "./sleeps.ts";
import { SPINS } from "./spins.ts";
import { STOPPED } from "./stopped.ts";

export const HUNG: Section = {
  name: "Hung, stopped, held up",
  faults: [SPINS, SLEEPS, SERVER_SPINS, MAIN_SPINS, HELD, STOPPED, BUSY],
};
