import process from "node:process";
import { type Context, userOf } from "../../context.ts";
import { type Errands, startErrands } from "../errands/process.ts";
import type { Task } from "../errands/words.ts";
import { openKept } from "../kept.ts";
import { tellMiredosHook } from "../miredo_hook.ts";
import { settingsWithNames } from "../servers/configured.ts";
import { standpointOf } from "../standpoint.ts";
import { statePath } from "../state_file.ts";
import type { Surroundings } from "./contract.ts";
import { followNetwork } from "./follow.ts";

const ROOT = 0;
/** Of no file and no right, on every system. */
const NOBODY = "nobody";

/** A host's own. Opened while all rights are there. */
export function hostSurroundings(context: Context): Surroundings {
  const { libc, log, host, config: { client } } = context;
  const user = userOf(host, client.process);
  const kept = openKept({ libc, log, user, path: client.stateFile ?? statePath() });
  const errands = errandsOf(context);
  const watch = host.watchNetwork(client.prefix);
  tellMiredosHook(log, client.hook);
  return {
    kept,
    errands,
    beyond: (config) => errands === undefined ? settingsWithNames(config) : [],
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

/** Whoever looks names up has no rights, and whoever has rights, for the hook, reads nothing of strangers. */
function errandsOf({ config, program, host, log }: Context): Errands | undefined {
  const { hook, process: own } = config.client;
  // Nobody is kept for what may never be: a process has some 13 MB of its own, and shows 55 with the code.
  if (hook === undefined && settingsWithNames(config.client).length === 0) return undefined;
  const start = (task: Task) =>
    startErrands(program, task, (problem) => {
      log.error("Nobody does errands", { problem, mend: "restart the daemon" });
    });
  const user = userOf(host, own) ?? (process.getuid!() === ROOT ? host.user(NOBODY) : undefined);
  const names = start({ hook: undefined, user });
  if (hook === undefined) return names;
  const hooks = start({ hook, user: undefined });
  return {
    ...names,
    pids: [...names.pids, ...hooks.pids],
    get gone() {
      return names.gone ?? hooks.gone;
    },
    runHook: hooks.runHook,
    stop: async () => void await Promise.all([names.stop(), hooks.stop()]),
  };
}
