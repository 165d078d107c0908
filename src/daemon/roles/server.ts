import type { Context } from "../context.ts";
import { serverWishOf } from "../fast_path/decide.ts";
import { NO_HANDOVER } from "../handover/mod.ts";
import { openServer, serverRules } from "../open.ts";
import { NEVER, NOTHING_BEYOND, NOTHING_TO_END, type RoleLife } from "./contract.ts";

/** It knows nothing that it could leave, and nothing flows by it that it would have to wait for. */
export function serverLife({ config, libc }: Context): RoleLife {
  return {
    open: () => openServer(libc, config.server, config.status.record, serverWishOf(config)),
    handover: () => NO_HANDOVER,
    tellsOffloads: false,
    helpers: [],
    serve: () => {},
    beyond: NOTHING_BEYOND,
    goBy: ({ server }, datapath) => datapath.setRules(serverRules(server)),
    reloaded: () => {},
    drainTime: () => undefined,
    endedBy: NOTHING_TO_END,
    ended: NEVER,
  };
}
