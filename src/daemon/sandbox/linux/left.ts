import { join } from "node:path";
import type { Libc } from "#ffi/libc.ts";
import { callsOf } from "#ffi/linux/calls/mod.ts";
import { StartError } from "#src/errors.ts";
import type { Logger } from "#src/log/logger.ts";
import { HandoverFile } from "../../handover/file.ts";
import type { User } from "../../host/contract.ts";
import { errnoOf } from "../../own_file.ts";
import {
  makeRuntimeFolder,
  removeRuntimeFolder,
  type RuntimeFolder,
} from "../../runtime_folder.ts";

const NAME = "refused";
/** Each is the number of a system call, 32 bits as the processor has them. */
const LENGTH = 4;
/** Of one that was told of. */
const TOLD = 0x8000_0000;
/** Earlier ones are forgotten. */
const MOST = 1_024;

export interface LeftOptions {
  readonly libc: Libc;
  readonly log: Logger;
  /** Where files of a running daemon are. */
  readonly folder: RuntimeFolder;
  readonly user: User | undefined;
}

/** What a daemon that made a refused system call leaves to the next one, which tells of it and counts it. */
export interface Left {
  /** Of all daemons that this folder was for. */
  readonly violations: number;
  /** Where the number of a refused call is written to; undefined: nowhere. */
  readonly descriptor: number | undefined;
  close(): void;
}

/** Tells what was left, and makes ready to leave the same. */
export function takeLeft({ libc, log, folder, user }: LeftOptions): Left {
  const path = join(folder.path, NAME);
  try {
    makeRuntimeFolder(folder, user);
    const file = new HandoverFile(libc, path, user?.uid, LENGTH * MOST * 2);
    const found = recordsIn(file.found ?? new Uint8Array());
    const records = found.slice(-MOST);
    tell(records, log);
    file.append(bytesOf(records.map((it) => (it | TOLD) >>> 0)));
    return {
      violations: records.length,
      descriptor: file.descriptor,
      close: () => {
        file.close();
        removeRuntimeFolder(folder);
      },
    };
  } catch (error) {
    const problem = error instanceof StartError ? error.problem : errnoOf(error);
    log.debug("Refused system calls will not be counted", { path, problem });
    return { violations: 0, descriptor: undefined, close: () => {} };
  }
}

function tell(records: readonly number[], log: Logger): void {
  const calls = callsOf();
  for (const record of records.filter((it) => it < TOLD)) {
    log.error("A refused system call ended the daemon before", {
      call: calls.nameOf(record) ?? `number_${record}`,
    });
  }
}

function recordsIn(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.floor(bytes.length / LENGTH);
  return Array.from({ length: count }, (_, i) => view.getUint32(LENGTH * i, true));
}

function bytesOf(records: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(LENGTH * records.length);
  const view = new DataView(bytes.buffer);
  records.forEach((record, i) => view.setUint32(LENGTH * i, record, true));
  return bytes;
}
