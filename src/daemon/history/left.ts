import { join } from "node:path";
import type { Libc } from "#ffi/libc.ts";
import { StartError } from "#src/errors.ts";
import type { Logger } from "#src/log/logger.ts";
import { kernelOf } from "#src/datapath/kernels.ts";
import { HandoverFile } from "../handover/file.ts";
import type { Host, User } from "../host/contract.ts";
import { errnoOf } from "../own_file.ts";
import { makeRuntimeFolder, removeRuntimeFolder, type RuntimeFolder } from "../runtime_folder.ts";
import { decodeInto, encode, LENGTH_MOST } from "./form.ts";
import type { History } from "./mod.ts";

const NAME = "history";

export interface LeftOptions {
  readonly libc: Libc;
  readonly host: Pick<Host, "instance">;
  readonly log: Logger;
  /** Where files of a running daemon are. */
  readonly folder: RuntimeFolder;
  readonly user: User | undefined;
}

/**
 * Has a history that nobody has looked at yet go on from what the daemon before this one left, and
 * makes ready to leave the same. Tells what it cannot.
 *
 * @returns leaves it to the next one, once
 */
export function continueHistory(history: History, options: LeftOptions): () => void {
  const { libc, host, log, folder, user } = options;
  const instance = host.instance();
  // Dates mean nothing to another process where there is no clock that all of a boot share.
  if (instance === undefined || kernelOf(libc).bootTime === undefined) return () => {};
  const path = join(folder.path, NAME);
  try {
    makeRuntimeFolder(folder, user);
    const file = new HandoverFile(libc, path, user?.uid, LENGTH_MOST);
    read(file, path, history, instance, log);
    return () => {
      write(file, path, history, instance, log);
      file.close();
      removeRuntimeFolder(folder);
    };
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    log.warn("History will not be kept", { problem: error.problem, mend: error.mend });
    return () => {};
  }
}

function read(
  { found, problem }: HandoverFile,
  path: string,
  history: History,
  instance: string,
  log: Logger,
): void {
  const why = found === undefined ? problem : decodeInto(history, found, instance);
  if (why !== undefined) {
    log.warn("History not taken over", { path, problem: `the file is ${why}` });
  } else if (found !== undefined) log.debug("History taken over", { path });
}

function write(
  file: HandoverFile,
  path: string,
  history: History,
  instance: string,
  log: Logger,
): void {
  try {
    file.write(encode(history, instance));
  } catch (error) {
    const problem = error instanceof StartError ? error.problem : errnoOf(error);
    log.warn("History not kept", { path, problem });
  }
}
