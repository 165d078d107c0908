import type { Section } from "../contract.ts";
import {
  FLOOD_OF_NATIVES,
  FORGED_ADVERTISEMENTS,
  FORGED_DISCOVERY,
  FORGED_NONCES,
  FORGED_ORIGINS,
} from "./hostile.ts";
import { CLIENT_KILLED } from "./killed.ts";
import { ADDRESS_SWAPPED, CLIENT_STOPPED, NAT_FORGETS, NAT_REMAPS } from "./network.ts";
import { ONLY_SERVER_KILLED, SERVER_KILLED, SERVER_WITHOUT_IPV6 } from "./servers.ts";

export const CLIENT: Section = {
  name: "A client's servers, NAT and neighbours",
  faults: [
    SERVER_KILLED,
    ONLY_SERVER_KILLED,
    SERVER_WITHOUT_IPV6,
    NAT_FORGETS,
    NAT_REMAPS,
    ADDRESS_SWAPPED,
    CLIENT_STOPPED,
    CLIENT_KILLED,
    FORGED_ADVERTISEMENTS,
    FORGED_ORIGINS,
    FORGED_NONCES,
    FLOOD_OF_NATIVES,
    FORGED_DISCOVERY,
  ],
};
