import { closeSync, constants, fstatSync, openSync, type Stats } from "node:fs";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { EINTR, POLLFD_EVENTS_AT, POLLFD_FD_AT, POLLOUT, SIZEOF_POLLFD } from "#ffi/posix.ts";
import type { Output } from "./outbox.ts";

/** PIPE_BUF of POSIX: a pipe that can be written to takes as much without making anybody wait. */
const SHORT = 512;
const LONG = 16_384;

/**
 * Writes to a descriptor that others share, such as standard error, and never waits for who reads it.
 *
 * O_NONBLOCK would be set for the others too, the shell at the other end of a terminal among them. So
 * a socket is told with each message not to wait; a pipe or a terminal is opened once more for us
 * alone; where that is not allowed, it is asked each time whether it takes a little.
 */
export class DescriptorOutput implements Output {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #bytesAt: number;
  readonly #pollAt: number;
  readonly #shared: number;
  /** The shared one, or one of our own. */
  readonly #fd: number;
  readonly #isSocket: boolean;
  /** A disk makes nobody wait for a reader. */
  readonly #isFile: boolean;

  constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#arena = Arena.plain(libc, LONG + SIZEOF_POLLFD);
    this.#bytesAt = this.#arena.take(LONG);
    this.#pollAt = this.#arena.take(SIZEOF_POLLFD);
    const stat = statOf(fd);
    this.#isSocket = stat?.isSocket() ?? false;
    this.#isFile = stat?.isFile() ?? false;
    this.#shared = fd;
    this.#fd = this.#isSocket || this.#isFile ? fd : openAgain(fd);
  }

  write(bytes: Uint8Array): number {
    const length = Math.min(bytes.length, LONG);
    this.#arena.u8.set(bytes.subarray(0, length), this.#bytesAt);
    const taken = this.#try(length);
    if (taken >= 0) return taken;
    const { layout } = this.#libc;
    return [layout.EAGAIN, layout.ENOBUFS, EINTR].includes(this.#libc.errno()) ? 0 : -1;
  }

  wait(limit: number): boolean {
    return this.#poll(limit);
  }

  close(): void {
    if (this.#fd !== this.#shared) closeSync(this.#fd);
    this.#arena.close();
  }

  #try(length: number): number {
    const { call, layout } = this.#libc;
    const at = this.#arena.address(this.#bytesAt);
    if (this.#isSocket) {
      return call.sendto(this.#fd, at, length, layout.MSG_DONTWAIT | layout.MSG_NOSIGNAL, 0, 0);
    }
    if (this.#isFile || this.#fd !== this.#shared) return call.write(this.#fd, at, length);
    return this.#poll(0) ? call.write(this.#fd, at, Math.min(length, SHORT)) : 0;
  }

  /** @returns whether a call would not wait: it may fail */
  #poll(limit: number): boolean {
    const { i32, u16 } = this.#arena;
    i32[(this.#pollAt + POLLFD_FD_AT) >> 2] = this.#fd;
    u16[(this.#pollAt + POLLFD_EVENTS_AT) >> 1] = POLLOUT;
    return this.#libc.call.poll(this.#arena.address(this.#pollAt), 1, Math.ceil(limit)) > 0;
  }
}

function statOf(fd: number): Stats | undefined {
  try {
    return fstatSync(fd);
  } catch {
    return undefined;
  }
}

/** Linux opens what the descriptor is; elsewhere there is no such file. */
function openAgain(fd: number): number {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return fd;
  }
}
