import { closeSync, fchmodSync, fstatSync, ftruncateSync, readSync, writeSync } from "node:fs";
import type { Libc } from "#ffi/libc.ts";
import { LOCK_EX, LOCK_NB } from "#ffi/posix.ts";
import { StartError } from "#src/errors.ts";
import { placeOf } from "./folder.ts";
import {
  errnoOf,
  hasName,
  mayRemove,
  openOwn,
  OWN_MODE,
  removeOwn,
  whyNotOpened,
  whyNotOurs,
} from "./own_file.ts";

/** Of what we take over: a process id and its line feed. */
const MAX_LENGTH = 32;
/** How often another daemon may end and take its file with it while we try. */
const MAX_TRIES = 8;

/**
 * A file with our process id, locked while we run.
 *
 * The lock says whether its writer lives, which the number cannot: numbers are used again. So the
 * file of a killed process is simply taken over.
 */
export class PidFile {
  readonly #path: string;
  readonly #fd: number;

  /** @throws StartError when another process holds it, it cannot be written, or is no pid file */
  constructor(libc: Libc, path: string, pid: number) {
    this.#path = placeOf(path).path;
    this.#fd = openLocked(libc, this.#path);
    try {
      ftruncateSync(this.#fd, 0);
      writeSync(this.#fd, `${pid}\n`, 0);
    } catch (error) {
      this.close();
      throw cannotWrite(this.#path, errnoOf(error));
    }
  }

  /** Whether this process, as what it is now, may remove the file. */
  mayRemove(): boolean {
    return mayRemove(this.#fd, this.#path);
  }

  /**
   * Removes the file if it still is ours; where that is no longer allowed, empties it: a number that
   * stays would be another process's one day.
   */
  close(): void {
    if (!removeOwn(this.#fd, this.#path)) ftruncateSync(this.#fd, 0);
    closeSync(this.#fd);
  }
}

function openLocked(libc: Libc, path: string): number {
  for (let i = 0; i < MAX_TRIES; i++) {
    const fd = openOurs(path);
    if (libc.call.flock(fd, LOCK_EX | LOCK_NB) !== 0) {
      const holder = readText(fd);
      closeSync(fd);
      throw heldBy(path, holder);
    }
    // Its last owner may have removed it between our open() and our lock: that would guard nothing.
    if (hasName(fd, path)) return fd;
    closeSync(fd);
  }
  throw new StartError(`the pid file ${path} comes and goes`, "see who removes it");
}

/** @throws StartError unless it is a file that a daemon like this one could have left */
function openOurs(path: string): number {
  const fd = openFile(path);
  const problem = whyNotOurs(fstatSync(fd)) ?? (isNumber(readText(fd)) ? undefined : NOT_A_PID);
  if (problem === undefined) {
    fchmodSync(fd, OWN_MODE);
    return fd;
  }
  closeSync(fd);
  throw new StartError(`${path} ${problem}`, "choose another pid_file, or see what it is");
}

const NOT_A_PID = "holds something else than a process id";

function openFile(path: string): number {
  try {
    return openOwn(path);
  } catch (error) {
    throw cannotWrite(path, whyNotOpened(error));
  }
}

function cannotWrite(path: string, reason: string): StartError {
  return new StartError(`the pid file ${path} cannot be written: ${reason}`, "choose another path");
}

/** Also of a file that was emptied. */
function isNumber(text: string): boolean {
  return text.length < MAX_LENGTH && /^\d*\s*$/.test(text);
}

function readText(fd: number): string {
  const bytes = new Uint8Array(MAX_LENGTH);
  return new TextDecoder().decode(bytes.subarray(0, readSync(fd, bytes, 0, MAX_LENGTH, 0)));
}

function heldBy(path: string, holder: string): StartError {
  const pid = /^\d+$/.test(holder.trim()) ? holder.trim() : "unknown";
  return new StartError(
    `the pid file ${path} is held by process ${pid}, which runs`,
    "stop it first, or choose another pid_file",
  );
}
