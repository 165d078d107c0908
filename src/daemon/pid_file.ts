import { unlinkSync } from "node:fs";
import { Arena } from "#ffi/arena.ts";
import { failure, type SyscallError } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { LOCK_EX, LOCK_NB, O_RDWR } from "#ffi/posix.ts";
import { StartError } from "#src/errors.ts";

const MODE = 0o644;
const MAX_LENGTH = 32;

/**
 * A file with our process id, locked while we run.
 *
 * The lock says whether its writer lives, which the number cannot: numbers are used again. So the
 * file of a killed process is simply taken over.
 */
export class PidFile {
  readonly #libc: Libc;
  readonly #path: string;
  readonly #fd: number;

  /** @throws StartError when another process holds it or it cannot be written */
  constructor(libc: Libc, path: string, pid: number) {
    this.#libc = libc;
    this.#path = path;
    const arena = new Arena(libc, 8192);
    try {
      const { O_CREAT, O_CLOEXEC } = libc.layout;
      const name = arena.address(arena.cString(path));
      this.#fd = libc.call.open(name, O_RDWR | O_CREAT | O_CLOEXEC, MODE);
      if (this.#fd < 0) throw cannotWrite(failure(libc, "open", path));
      if (libc.call.flock(this.#fd, LOCK_EX | LOCK_NB) !== 0) {
        const holder = readText(libc, arena, this.#fd);
        libc.call.close(this.#fd);
        throw heldBy(path, holder);
      }
      libc.call.ftruncate(this.#fd, 0);
      const text = arena.cString(`${pid}\n`);
      const length = `${pid}\n`.length;
      if (libc.call.write(this.#fd, arena.address(text), length) !== length) {
        throw cannotWrite(failure(libc, "write", path));
      }
    } finally {
      arena.close();
    }
  }

  /** Removes the file; where that is no longer allowed, empties it. */
  close(): void {
    try {
      unlinkSync(this.#path);
    } catch {
      // Privileges or the root directory were given up since: the open file still is ours.
      this.#libc.call.ftruncate(this.#fd, 0);
    }
    this.#libc.call.close(this.#fd);
  }
}

function readText(libc: Libc, arena: Arena, fd: number): string {
  const at = arena.take(MAX_LENGTH);
  const length = Math.max(0, libc.call.read(fd, arena.address(at), MAX_LENGTH));
  return new TextDecoder().decode(arena.u8.slice(at, at + length)).trim();
}

function heldBy(path: string, holder: string): StartError {
  const pid = /^\d+$/.test(holder) ? holder : "unknown";
  return new StartError(
    `the pid file ${path} is held by process ${pid}, which runs`,
    "stop it first, or choose another pid_file",
  );
}

function cannotWrite(error: SyscallError): StartError {
  return new StartError(`the pid file cannot be written: ${error.message}`, "choose another path");
}
