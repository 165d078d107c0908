import { Announcement } from "../announcement.ts";
import { type Context, userOf } from "../context.ts";
import { wishOf } from "../fast_path/decide.ts";
import { openHandover } from "../handover/mod.ts";
import { addressesOf, openRelay, relayRules } from "../open.ts";
import { runtimeFolder } from "../runtime_folder.ts";
import { NEVER, NOTHING_BEYOND, NOTHING_TO_END, type RoleLife } from "./contract.ts";

export function relayLife(context: Context): RoleLife {
  const { config, libc, host, log, state } = context;
  const { relay } = config;
  return {
    open: (inherited) => {
      const { record } = config.status;
      return openRelay(libc, relay, addressesOf(host), record, inherited, wishOf(config));
    },
    handover: ({ listening: [listening] }) => {
      const user = userOf(host, relay.process);
      const folder = runtimeFolder("relay");
      return openHandover({ ...context, relay, folder, listening: listening!, user });
    },
    tellsOffloads: true,
    helpers: [],
    serve: ({ upholding }) => {
      if (relay.announce) state.announceBy(new Announcement(log, upholding.announce));
    },
    beyond: NOTHING_BEYOND,
    goBy: ({ relay }, datapath) => datapath.setRules(relayRules(relay, addressesOf(host))),
    reloaded: () => {},
    drainTime: ({ relay }) => relay.drainTime,
    endedBy: NOTHING_TO_END,
    ended: NEVER,
  };
}
