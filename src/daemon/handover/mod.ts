import { join } from "node:path";
import type { Libc } from "#ffi/libc.ts";
import type { RelayConfig } from "#src/config/config.ts";
import { kernelOf } from "#src/datapath/kernels.ts";
import type { Legacy } from "#src/datapath/legacy.ts";
import { StartError } from "#src/errors.ts";
import type { Logger } from "#src/log/logger.ts";
import { ROW_LENGTH } from "#src/protocol/peers/legacy.ts";
import { formatIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { servicePrefixOf } from "#src/protocol/wire/teredo_address.ts";
import type { Host, User } from "../host/contract.ts";
import { errnoOf } from "../own_file.ts";
import { makeRuntimeFolder, removeRuntimeFolder, type RuntimeFolder } from "../runtime_folder.ts";
import { HandoverFile } from "./file.ts";
import { decode, encode, type Identity, LENGTH_MOST } from "./form.ts";

const NAME = "peers";

export interface HandoverOptions {
  readonly libc: Libc;
  readonly host: Host;
  readonly log: Logger;
  readonly relay: RelayConfig;
  /** Where files of a running relay are. */
  readonly folder: RuntimeFolder;
  /** `A.B.C.D:port` */
  readonly listening: string;
  readonly user: User | undefined;
}

/** What goes from one relay to the next. */
export interface Handover {
  /** Of the one before; undefined: nothing that is of use. */
  readonly legacy: Legacy | undefined;
  /** Leaves this to the next one, once. */
  leave(legacy: Legacy): void;
  close(): void;
}

/** That of a role that leaves nothing. */
export const NO_HANDOVER: Handover = { legacy: undefined, leave: () => {}, close: () => {} };

/** Takes what the relay before this one left, and makes ready to leave the same. Tells what it cannot. */
export function openHandover(options: HandoverOptions): Handover {
  const { libc, host, log, relay, folder, listening, user } = options;
  const instance = host.instance();
  const { bootTime } = kernelOf(libc);
  if (instance === undefined || bootTime === undefined) return NO_HANDOVER;
  const path = join(folder.path, NAME);
  const prefix = formatIpv6Prefix(servicePrefixOf(relay.prefix));
  const identity = { instance, listening, prefix };
  try {
    makeRuntimeFolder(folder, user);
    const file = new HandoverFile(libc, path, user?.uid, LENGTH_MOST);
    return {
      legacy: read(file, path, identity, bootTime(libc), log),
      leave: (legacy) => write(file, path, legacy, identity, log),
      close: () => {
        file.close();
        removeRuntimeFolder(folder);
      },
    };
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    log.warn("Peers will not be handed over", { problem: error.problem, mend: error.mend });
    return NO_HANDOVER;
  }
}

function read(file: HandoverFile, path: string, identity: Identity, now: number, log: Logger) {
  const { found, problem } = file;
  const result = found === undefined ? problem : decode(found, identity, now);
  if (result === undefined) return undefined;
  if (typeof result === "string") {
    log.warn("Peers not taken over", { path, problem: `the file is ${result}` });
    return undefined;
  }
  const seconds = Math.round(now - result.writtenAt) / 1000;
  log.info("Peers found", { peers: countOf(result), seconds });
  return result;
}

function write(file: HandoverFile, path: string, legacy: Legacy, identity: Identity, log: Logger) {
  const peers = countOf(legacy);
  if (peers === 0) return;
  try {
    file.write(encode(legacy, identity));
    log.info("Peers handed over", { peers, path });
  } catch (error) {
    const problem = error instanceof StartError ? error.problem : errnoOf(error);
    log.warn("Peers not handed over", { path, problem });
  }
}

function countOf({ rows }: Legacy): number {
  return rows.reduce((sum, it) => sum + it.length, 0) / ROW_LENGTH;
}
