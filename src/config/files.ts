import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { strangerAt } from "#src/ownership.ts";
import type { Role } from "./config.ts";
import type { Problems } from "./problems.ts";

/** A file as the readers want it. */
export interface FileContent {
  readonly bytes: Uint8Array;
  /** Permissions, as stat(2) has them. */
  readonly mode: number;
  /** Who else than we may change it, in words; undefined: nobody. */
  readonly stranger?: string | undefined;
}

/** @throws an error with `code`, as `node:fs` has them */
export type ReadFile = (path: string) => FileContent;

const MAX_LENGTH = 16 * 1024 * 1024;

/** Configuration files are small; a device or a fifo would never end, or not even open. */
export const readRegularFile: ReadFile = (path) => {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw Object.assign(new Error("not a regular file"), { code: "EINVAL" });
    if (stat.size > MAX_LENGTH) {
      throw Object.assign(new Error("file too large"), { code: "EFBIG" });
    }
    return { bytes: readFileSync(fd), mode: stat.mode, stranger: strangerAt(path, stat) };
  } finally {
    closeSync(fd);
  }
};

/**
 * Reads a file that decides what root does: whoever else may change it is told of.
 *
 * @throws as `readFile` does
 */
export function readDeciding(readFile: ReadFile, file: string, problems: Problems): FileContent {
  const content = readFile(file);
  const { stranger } = content;
  if (stranger !== undefined) {
    const mend = "chown it to root and take the right to write from others";
    problems.notice(file, `${stranger}, who thereby chooses what the daemon does; ${mend}`);
  }
  return content;
}

/** Miredo's client is a relay by another `RelayType`. */
const MIREDO_FILES: Readonly<Record<Role, string>> = {
  relay: "miredo.conf",
  server: "miredo-server.conf",
  client: "miredo.conf",
};

/** Where a daemon looks when it is given no path, in this order: our places, then Miredo's. */
export function searchPlaces(role: Role): readonly string[] {
  const miredo = MIREDO_FILES[role];
  return [
    "/etc/teredo/teredo.ini",
    "/usr/local/etc/teredo.ini",
    `/etc/miredo/${miredo}`,
    `/etc/${miredo}`,
    `/usr/local/etc/${miredo}`,
  ];
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "no such file; check the path"],
  ["ENOTDIR", "no such file; check the path"],
  ["EACCES", "not allowed to read it; check owner and mode"],
  ["EPERM", "not allowed to read it; check owner and mode"],
  ["EISDIR", "a directory; name the file in it"],
  ["EINVAL", "not a regular file; name a file"],
  ["EFBIG", "far too long; is it a configuration?"],
]);

/** Why a read failed: `problem; what to do`. */
export function whyUnreadable(error: unknown): string {
  const reason = REASONS.get(codeOf(error));
  return reason ?? `cannot be read (${codeOf(error) || String(error)}); check the disk`;
}

export function isMissing(error: unknown): boolean {
  return codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR";
}

/** `code` of an error of `node:fs`, or nothing. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : "";
  return typeof code === "string" ? code : "";
}
