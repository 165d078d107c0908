import { LOG } from "./log.ts";
import { RELAY } from "./relay.ts";
import { SERVER } from "./server.ts";
import { STATUS } from "./status.ts";

/** The only source of sections, keys, types, defaults, Miredo's names and documentation. */
export const SCHEMA = { relay: RELAY, server: SERVER, status: STATUS, log: LOG } as const;

/** What each section is about, for documents. */
export const SECTION_DOCS = {
  relay: "The relay: `teredo relay`.",
  server: "The server: `teredo server`.",
  status: "Health, metrics and status over HTTP, of either daemon.",
  log: "Messages of either daemon.",
} as const;
