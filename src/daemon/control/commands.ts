import { Hono } from "hono";
import type { Logger } from "#src/log/logger.ts";
import type { DaemonState } from "../state.ts";

/** A daemon that serves. */
export interface Commanded {
  readonly log: Logger;
  readonly state: DaemonState;
}

/**
 * What can be asked of a daemon by its control socket alone: routes of `POST`, whose parameters stand
 * in the query, for no request has a body. Answers are JSON objects with `version`.
 */
export function commandsOf(_daemon: Commanded): Hono {
  return new Hono();
}
