import {
  accessSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  type Stats,
  unlinkSync,
} from "node:fs";
import { dirname } from "node:path";
import { isOurs } from "#src/ownership.ts";

/** For nobody but its owner, not even to lock: whoever can open a file can. */
export const OWN_MODE = 0o600;

const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
/** No link is followed, no device or FIFO waited for; every runtime adds O_CLOEXEC. */
const FLAGS = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

/** Opens a file of ours to read and write, made if it is not there; `whyNotOurs` says whether it is one. */
export function openOwn(path: string): number {
  return openSync(path, FLAGS, OWN_MODE);
}

/** Completes "the file ...", as `is not a regular file`. @param others user who counts as we do */
export function whyNotOurs(stat: Stats, others?: number): string | undefined {
  if (!stat.isFile()) return "is not a regular file";
  if (!isOurs(stat.uid) && stat.uid !== others) return `belongs to user ${stat.uid}`;
  if (stat.nlink > 1) return "has another name besides: it is a hard link";
  return undefined;
}

/** Whether the open file is the one of this name. */
export function hasName(fd: number, path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  const { dev, ino } = fstatSync(fd);
  return dev === found?.dev && ino === found.ino;
}

/** Whether this process, as what it is now, may remove the open file of this name. */
export function mayRemove(fd: number, path: string): boolean {
  try {
    accessSync(dirname(path), constants.W_OK);
    return hasName(fd, path);
  } catch {
    return false;
  }
}

/** Removes the open file if it still has its name. @returns whether it did */
export function removeOwn(fd: number, path: string): boolean {
  try {
    if (!hasName(fd, path)) return false;
    unlinkSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Completes "the file ... cannot be written:", of what {@link openOwn} threw. */
export function whyNotOpened(error: unknown): string {
  const code = errnoOf(error);
  return code === "ELOOP" ? "it is a symbolic link" : code;
}

/** Of a failed call of `node:fs`, as `ENOSPC`. */
export function errnoOf(error: unknown): string {
  return (error as Error & { code?: string }).code ?? String(error);
}
