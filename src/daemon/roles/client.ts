import type { Context } from "../context.ts";
import { NO_HANDOVER } from "../handover/mod.ts";
import { refuseClient } from "../open.ts";
import { NEVER, type RoleLife } from "./contract.ts";

/** Nothing carries one yet. */
export function clientLife(_: Context): RoleLife {
  return {
    open: refuseClient,
    handover: () => NO_HANDOVER,
    tellsOffloads: true,
    helpers: [],
    serve: () => {},
    goBy: refuseClient,
    reloaded: () => {},
    drainTime: ({ client }) => client.drainTime,
    ended: NEVER,
  };
}
