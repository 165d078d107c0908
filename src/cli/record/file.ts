import { closeSync, fstatSync, ftruncateSync, writeSync } from "node:fs";
import { openOwn, whyNotOpened, whyNotOurs } from "#src/daemon/own_file.ts";
import { TeredoError } from "#src/errors.ts";

/** A file that was to be written and cannot be. */
export class NotWritten extends TeredoError {
  readonly code = "ERR_NOT_WRITTEN";

  constructor(path: string, why: string) {
    super(`${path} cannot be written: ${why}`);
  }
}

/**
 * Puts these bytes into a file for our own eyes, in the place of what it holds. No link is followed,
 * and nothing written to that others could read or that is more than this file.
 *
 * @throws NotWritten
 */
export function writeOwn(path: string, bytes: Uint8Array): void {
  const fd = open(path);
  try {
    const why = whyNotOurs(fstatSync(fd));
    if (why !== undefined) throw new NotWritten(path, `it ${why}`);
    ftruncateSync(fd);
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
  } catch (error) {
    if (error instanceof NotWritten) throw error;
    throw new NotWritten(path, whyNotOpened(error));
  } finally {
    closeSync(fd);
  }
}

function open(path: string): number {
  try {
    return openOwn(path);
  } catch (error) {
    throw new NotWritten(path, whyNotOpened(error));
  }
}
