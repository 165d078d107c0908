import { Hono } from "hono";
import type { Drain } from "../drain.ts";
import type { LogSwitch } from "../log_switch.ts";
import type { Reloader } from "../reload/reloader.ts";
import { addDrain } from "./drain.ts";
import { addLog } from "./log.ts";
import { addReload } from "./reload.ts";

/** A daemon that serves. */
export interface Commanded {
  readonly drain: Drain;
  readonly reloader: Reloader;
  readonly logs: LogSwitch;
}

/**
 * What can be asked of a daemon by its control socket alone: routes of `POST`, whose parameters stand
 * in the query, for no request has a body. Answers are JSON objects with `version`.
 */
export function commandsOf({ drain, reloader, logs }: Commanded): Hono {
  const commands = new Hono();
  addDrain(commands, drain);
  addReload(commands, reloader);
  addLog(commands, logs);
  return commands;
}
