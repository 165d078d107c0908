import { type Context, userOf } from "../../context.ts";
import { type Errands, startErrands } from "../errands/process.ts";
import { openKept } from "../kept.ts";
import { tellMiredosHook } from "../miredo_hook.ts";
import { hasNames } from "../servers/configured.ts";
import { standpointOf } from "../standpoint.ts";
import { statePath } from "../state_file.ts";
import type { Surroundings } from "./contract.ts";
import { followNetwork } from "./follow.ts";

/** A host's own. Opened while all rights are there. */
export function hostSurroundings(context: Context): Surroundings {
  const { libc, log, host, config: { client } } = context;
  const user = userOf(host, client.process);
  const kept = openKept({ libc, log, user, path: client.stateFile ?? statePath() });
  const errands = errandsOf(context);
  const watch = host.watchNetwork();
  tellMiredosHook(log, client.hook);
  return {
    kept,
    errands,
    needed: (config) => errands === undefined && hasNames(config),
    sockets: undefined,
    look: (servers, own) => standpointOf(watch, servers, own, client.bindAddress),
    follow: (look, again) => followNetwork(watch, log, look, again),
    qualified: () => {},
    endedBy: () => Promise.resolve(undefined),
    close: async () => {
      await errands?.stop();
      watch.close();
      kept.close();
    },
  };
}

function errandsOf({ config, program, host, log }: Context): Errands | undefined {
  const { hook, process: own } = config.client;
  if (hook === undefined && !hasNames(config.client)) return undefined;
  return startErrands(program, { hook, user: userOf(host, own) }, (problem) => {
    log.error("Nobody does errands", { problem, mend: "restart the daemon" });
  });
}
