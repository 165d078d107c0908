import { Arena } from "#ffi/arena.ts";
import type { Layout } from "#ffi/layout.ts";
import type { Calls, FunctionName, LIBC, Libc } from "#ffi/libc.ts";
import { platformOf } from "#ffi/platform.ts";
import { POLLFD_EVENTS_AT, POLLFD_FD_AT, POLLIN, SIZEOF_POLLFD } from "#ffi/posix.ts";
import { recorded } from "../libc.ts";
import { Memory } from "../memory.ts";
import { type Outcome, Transcript } from "../transcript.ts";
import { linuxWords } from "./words.ts";

/** What a world of this kernel needs at the most until what was sent has arrived. */
const PATIENCE_MS = 60_000;

/** The libc of this machine, whose calls are written down as those of paper are. */
export class RecordingLibc implements Libc {
  readonly layout: Layout;
  readonly call: Calls<typeof LIBC>;
  readonly transcript: Transcript;
  readonly #libc: Libc;
  readonly #memory = new Memory();
  readonly #arena: Arena;
  readonly #pollfd: number;
  #errno = 0;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.layout = libc.layout;
    this.#arena = new Arena(libc, 4096);
    this.#pollfd = this.#arena.take(SIZEOF_POLLFD);
    this.transcript = new Transcript(libc.layout, linuxWords(), this.#memory);
    this.call = recorded(platformOf("linux", "x64").names, (name, args) => {
      const { result, errno } = this.transcript.call(name, args, () => this.#make(name, args));
      if (result === -1) this.#errno = errno;
      return result;
    });
  }

  has(name: FunctionName): boolean {
    return this.#libc.has(name);
  }

  errno(): number {
    return this.#errno;
  }

  addressOf(bytes: Uint8Array<ArrayBuffer>): number {
    const address = this.#libc.addressOf(bytes);
    this.#memory.add(bytes, address);
    return address;
  }

  /** Accesses to what is no memory of the program, as far as its calls show. */
  get faults(): readonly string[] {
    return this.#memory.faults;
  }

  #make(name: FunctionName, args: number[]): Outcome {
    if (name === "poll" && this.transcript.waitsForInput(args)) args = this.#waited(args);
    const call = this.#libc.call[name] as (...args: number[]) => number | bigint | void;
    const result = Number(call(...args) ?? 0);
    return { result, errno: result === -1 ? this.#libc.errno() : 0 };
  }

  /** Waits until all is there that the next poll() is to find; where that is nothing, it will not wait. */
  #waited([fds, count, timeout]: number[]): number[] {
    const { descriptors, expected } = this.transcript;
    for (const [fd, name] of descriptors.open) if (expected.includes(name)) this.#waitFor(fd);
    return [fds!, count!, expected.length === 0 ? 0 : timeout!];
  }

  #waitFor(fd: number): void {
    this.#arena.i32[(this.#pollfd + POLLFD_FD_AT) >> 2] = fd;
    this.#arena.u16[(this.#pollfd + POLLFD_EVENTS_AT) >> 1] = POLLIN;
    this.#libc.call.poll(this.#arena.address(this.#pollfd), 1, PATIENCE_MS);
  }
}
