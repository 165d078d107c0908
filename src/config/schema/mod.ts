import { CLIENT } from "./client.ts";
import { LOG } from "./log.ts";
import { RELAY } from "./relay.ts";
import { SERVER } from "./server.ts";
import { STATUS } from "./status.ts";

/** The only source of sections, keys, types, defaults, Miredo's names and documentation. */
export const SCHEMA = {
  relay: RELAY,
  server: SERVER,
  client: CLIENT,
  status: STATUS,
  log: LOG,
} as const;

/** What each section is about, for documents. */
export const SECTION_DOCS = {
  relay: "The relay: `teredo relay`.",
  server: "The server: `teredo server`.",
  client: "The client: `teredo client`.",
  status: "Health, metrics and status over HTTP, of any daemon.",
  log: "Messages of any daemon.",
} as const;
