import type { Layout } from "#ffi/layout.ts";
import { EPIPE, POLLHUP, POLLIN, POLLOUT } from "#ffi/posix.ts";
import { Errno } from "./errno.ts";
import { PaperFile } from "./file.ts";
import { concat } from "./lists.ts";

/** Bytes that wait in a pipe at the most; what Linux has. */
const CAPACITY = 65_536;

/** The end of a pipe that is read from. */
export class PipeReader extends PaperFile {
  readonly kind = "pipe";
  waiting: Uint8Array = new Uint8Array(0);
  isOpen = true;
  hasWriter = true;

  override ready(): number {
    return (this.waiting.length > 0 ? POLLIN : 0) | (this.hasWriter ? 0 : POLLHUP);
  }

  override close(): void {
    this.isOpen = false;
  }
}

/** The end of a pipe that is written to. */
export class PipeWriter extends PaperFile {
  readonly kind = "pipe";
  readonly #layout: Layout;
  readonly #reader: PipeReader;

  constructor(layout: Layout, reader: PipeReader) {
    super();
    this.#layout = layout;
    this.#reader = reader;
  }

  override write(bytes: Uint8Array): number {
    if (!this.#reader.isOpen) throw new Errno(EPIPE);
    const room = CAPACITY - this.#reader.waiting.length;
    if (room === 0) throw new Errno(this.#layout.EAGAIN);
    const taken = bytes.subarray(0, room);
    this.#reader.waiting = concat(this.#reader.waiting, taken);
    return taken.length;
  }

  override ready(): number {
    return this.#reader.waiting.length < CAPACITY ? POLLOUT : 0;
  }

  override close(): void {
    this.#reader.hasWriter = false;
  }
}
