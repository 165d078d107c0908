import { closeSync, fchmodSync, fstatSync, ftruncateSync, readSync, writeSync } from "node:fs";
import type { Libc } from "#ffi/libc.ts";
import { LOCK_EX, LOCK_NB } from "#ffi/posix.ts";
import { StartError } from "#src/errors.ts";
import { placeOf } from "../folder.ts";
import {
  errnoOf,
  hasName,
  openOwn,
  OWN_MODE,
  removeOwn,
  whyNotOpened,
  whyNotOurs,
} from "../own_file.ts";

/** Bits of a mode that say that others can do something with a file. */
const OTHERS = 0o077;

/**
 * A file in which a daemon leaves something to the next one. It is open and locked from start to end,
 * empty until the end: so it can be written whatever user or root directory the process has then, and
 * one that was killed leaves nothing.
 */
export class HandoverFile {
  /** What was in it; undefined: nothing. It is gone from the file. */
  readonly found: Uint8Array | undefined;
  /** Why what was in it is not {@link found}. */
  readonly problem: string | undefined;
  readonly #path: string;
  readonly #fd: number;

  /**
   * @param user who may own folder and file besides us
   * @param most bytes that are read
   * @throws StartError when nothing can be left there
   */
  constructor(libc: Libc, path: string, user: number | undefined, most: number) {
    const place = placeOf(path);
    if (place.stranger !== undefined && place.owner !== user) {
      throw new StartError(
        `${place.folder} ${place.stranger}`,
        `chown root:root '${place.folder}' && chmod 755 '${place.folder}'`,
      );
    }
    this.#path = place.path;
    this.#fd = openFile(this.#path);
    try {
      this.#refuseStranger(libc, user);
      const { size, mode } = fstatSync(this.#fd);
      if (size > most) this.problem = `longer than ${most} bytes`;
      else if (size > 0 && (mode & OTHERS) !== 0) this.problem = "open to others than its owner";
      else if (size > 0) this.found = readWhole(this.#fd, size);
      ftruncateSync(this.#fd, 0);
      fchmodSync(this.#fd, OWN_MODE);
    } catch (error) {
      closeSync(this.#fd);
      throw error instanceof StartError ? error : new StartError(`${path}: ${errnoOf(error)}`);
    }
  }

  #refuseStranger(libc: Libc, user: number | undefined): void {
    const why = whyNotOurs(fstatSync(this.#fd), user);
    if (why !== undefined) throw new StartError(`${this.#path} ${why}`, "see what it is");
    if (libc.call.flock(this.#fd, LOCK_EX | LOCK_NB) === 0 && hasName(this.#fd, this.#path)) return;
    throw new StartError(
      `${this.#path} is in use by another daemon`,
      "give each a runtime directory of its own, in the variable RUNTIME_DIRECTORY",
    );
  }

  /** Leaves `parts`, one after the other. @throws Error of `node:fs`, StartError; then nothing is left */
  write(parts: readonly Uint8Array[]): void {
    // By the descriptor: from within another root directory the path leads elsewhere.
    if (fstatSync(this.#fd).nlink === 0) throw new StartError("somebody has removed it");
    try {
      let at = 0;
      for (const part of parts) {
        for (let from = 0; from < part.length;) {
          from += writeSync(this.#fd, part, from, part.length - from, at + from);
        }
        at += part.length;
      }
    } catch (error) {
      ftruncateSync(this.#fd, 0);
      throw error;
    }
  }

  /** Writes at the descriptor's own place, where it goes on. @throws Error of `node:fs` */
  append(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length;) from += writeSync(this.#fd, bytes, from);
  }

  /** Stays this file's, which closes it. */
  get descriptor(): number {
    return this.#fd;
  }

  /** An empty file is removed, where that is allowed. */
  close(): void {
    if (fstatSync(this.#fd).size === 0) removeOwn(this.#fd, this.#path);
    closeSync(this.#fd);
  }
}

function openFile(path: string): number {
  try {
    return openOwn(path);
  } catch (error) {
    throw new StartError(`${path} cannot be written: ${whyNotOpened(error)}`);
  }
}

function readWhole(fd: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  while (at < size) {
    const count = readSync(fd, bytes, at, size - at, at);
    if (count === 0) break;
    at += count;
  }
  return bytes.subarray(0, at);
}
