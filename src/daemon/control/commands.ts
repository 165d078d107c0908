import { Hono } from "hono";
import type { Logger } from "#src/log/logger.ts";
import type { Drain } from "../drain.ts";
import type { DaemonState } from "../state.ts";
import { addDrain } from "./drain.ts";

/** A daemon that serves. */
export interface Commanded {
  readonly log: Logger;
  readonly state: DaemonState;
  readonly drain: Drain;
}

/**
 * What can be asked of a daemon by its control socket alone: routes of `POST`, whose parameters stand
 * in the query, for no request has a body. Answers are JSON objects with `version`.
 */
export function commandsOf({ drain }: Commanded): Hono {
  const commands = new Hono();
  addDrain(commands, drain);
  return commands;
}
