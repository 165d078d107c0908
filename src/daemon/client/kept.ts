import type { Libc } from "#ffi/libc.ts";
import { StartError } from "#src/errors.ts";
import type { Logger } from "#src/log/logger.ts";
import type { User } from "../host/contract.ts";
import { errnoOf } from "../own_file.ts";
import { type ClientState, elsewhere, NO_STATE, StateFile } from "./state_file.ts";

export interface KeptOptions {
  readonly libc: Libc;
  readonly log: Logger;
  readonly path: string;
  readonly user: User | undefined;
}

/** What a client finds of the last run, and leaves to the next. */
export interface Kept {
  readonly found: ClientState;
  keep(state: ClientState): void;
  close(): void;
}

/** Does without a file, and tells so, where there can be none. */
export function openKept({ libc, log, path, user }: KeptOptions): Kept {
  let isTold = false;
  const tell = (problem: string, mend?: string) => {
    if (!isTold) log.warn("Client's state will not be kept", { path, problem, mend });
    isTold = true;
  };
  let file: StateFile;
  try {
    file = new StateFile(libc, path, user);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    tell(error.problem, error.mend ?? elsewhere(path));
    return { found: NO_STATE, keep: () => {}, close: () => {} };
  }
  const { found, problem } = file;
  if (problem !== undefined) {
    log.warn("Client's state not taken over", { path, problem: `the file is ${problem}` });
  }
  const keep = (state: ClientState) => {
    try {
      file.write(state);
    } catch (error) {
      tell(errnoOf(error), "make room there");
    }
  };
  return { found, keep, close: () => file.close() };
}
