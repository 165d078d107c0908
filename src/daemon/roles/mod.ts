import type { Role } from "#src/config/config.ts";
import type { Context } from "../context.ts";
import { clientLife } from "./client.ts";
import type { RoleLife } from "./contract.ts";
import { relayLife } from "./relay.ts";
import { serverLife } from "./server.ts";

const LIVES: Readonly<Record<Role, (context: Context) => RoleLife>> = {
  relay: relayLife,
  server: serverLife,
  client: clientLife,
};

/** The life of a daemon, as far as it is its role's. */
export function lifeOf(context: Context): RoleLife {
  return LIVES[context.role](context);
}
