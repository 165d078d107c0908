import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  type Stats,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import type { Libc } from "#ffi/libc.ts";
import { LOCK_EX, LOCK_NB } from "#ffi/posix.ts";
import { StartError } from "#src/errors.ts";
import { isOurs } from "#src/ownership.ts";
import { placeOf } from "./folder.ts";

/** As pidfile(3) advises: whoever can open a file can lock it. */
const MODE = 0o600;
/** Of what we take over: a process id and its line feed. */
const MAX_LENGTH = 32;
/** How often another daemon may end and take its file with it while we try. */
const MAX_TRIES = 8;

const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
/** No link is followed, no device or FIFO waited for; both runtimes add O_CLOEXEC. */
const FLAGS = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

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
      throw cannotWrite(this.#path, codeOf(error));
    }
  }

  /** Whether this process, as what it is now, may remove the file. */
  mayRemove(): boolean {
    try {
      accessSync(dirname(this.#path), constants.W_OK);
      return hasName(this.#fd, this.#path);
    } catch {
      return false;
    }
  }

  /**
   * Removes the file if it still is ours; where that is no longer allowed, empties it: a number that
   * stays would be another process's one day.
   */
  close(): void {
    if (!this.#remove()) ftruncateSync(this.#fd, 0);
    closeSync(this.#fd);
  }

  #remove(): boolean {
    try {
      if (!hasName(this.#fd, this.#path)) return false;
      unlinkSync(this.#path);
      return true;
    } catch {
      return false;
    }
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
    fchmodSync(fd, MODE);
    return fd;
  }
  closeSync(fd);
  throw new StartError(`${path} ${problem}`, "choose another pid_file, or see what it is");
}

const NOT_A_PID = "holds something else than a process id";

function openFile(path: string): number {
  try {
    return openSync(path, FLAGS, MODE);
  } catch (error) {
    const code = codeOf(error);
    throw cannotWrite(path, code === "ELOOP" ? "it is a symbolic link" : code);
  }
}

function codeOf(error: unknown): string {
  return (error as Error & { code?: string }).code ?? String(error);
}

function cannotWrite(path: string, reason: string): StartError {
  return new StartError(`the pid file ${path} cannot be written: ${reason}`, "choose another path");
}

function whyNotOurs(stat: Stats): string | undefined {
  if (!stat.isFile()) return "is not a regular file";
  if (!isOurs(stat.uid)) return `belongs to user ${stat.uid}`;
  if (stat.nlink > 1) return "has another name besides: it is a hard link";
  return undefined;
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

/** Whether the open file is the one of this name. */
function hasName(fd: number, path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  const { dev, ino } = fstatSync(fd);
  return dev === found?.dev && ino === found.ino;
}
