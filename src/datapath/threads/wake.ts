import type { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";

/** Bytes taken from a pipe at once: as many signals as nobody gives between two turns of a loop. */
const DRAINED = 64;

/** A pipe that wakes a thread out of `poll`. Once signalled it stays readable until it is drained. */
export class Wake {
  /** To wait for; non-blocking, as is the other end. */
  readonly fd: number;
  readonly #libc: Libc;
  readonly #writer: number;
  readonly #byte: number;

  /** @throws SyscallError */
  constructor(libc: Libc, arena: Arena) {
    const { O_NONBLOCK, O_CLOEXEC } = libc.layout;
    const ends = arena.take(8); // int fds[2]
    check(libc, libc.call.pipe2(arena.address(ends), O_CLOEXEC | O_NONBLOCK), "pipe2", "wake");
    this.#libc = libc;
    this.fd = arena.i32[ends >> 2]!;
    this.#writer = arena.i32[(ends >> 2) + 1]!;
    this.#byte = arena.address(arena.take(1));
  }

  signal(): void {
    this.#libc.call.write(this.#writer, this.#byte, 1);
  }

  close(): void {
    this.#libc.call.close(this.fd);
    this.#libc.call.close(this.#writer);
  }
}

/** A thread's end of a {@link Wake}. */
export class Waking {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #bytes: number;

  constructor(libc: Libc, arena: Arena, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
    this.#bytes = arena.address(arena.take(DRAINED));
  }

  /** Lets the thread sleep again, which has seen to what it was woken for. */
  drain(): void {
    this.#libc.call.read(this.#fd, this.#bytes, DRAINED);
  }
}
