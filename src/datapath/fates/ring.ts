import { FATE_LENGTH } from "./fate.ts";

/** Fates that can wait for the main thread; see docs/limits.md. */
export const RING_CAPACITY = 512;
/** Cells of the head. Each has one writer: the thread, the main thread, the thread. */
const WRITTEN = 0;
const READ = 1;
const LOST = 2;
const HEAD_LENGTH = 16;

/**
 * Fates on their way from one datapath thread, which never waits, to the main thread, which takes
 * them when it has time. When it is full, those to come are counted and left out.
 */
export class FateRing {
  readonly buffer: SharedArrayBuffer;
  readonly #head: Int32Array;
  readonly #fates: Uint8Array;
  /** Of {@link LOST}, what has been told. */
  #told = 0;

  constructor(
    buffer: SharedArrayBuffer = new SharedArrayBuffer(HEAD_LENGTH + RING_CAPACITY * FATE_LENGTH),
  ) {
    this.buffer = buffer;
    this.#head = new Int32Array(buffer, 0, HEAD_LENGTH / 4);
    this.#fates = new Uint8Array(buffer, HEAD_LENGTH);
  }

  /** By the thread alone. */
  put(fate: Uint8Array): void {
    const written = this.#head[WRITTEN]!;
    if (((written - Atomics.load(this.#head, READ)) | 0) >= RING_CAPACITY) {
      Atomics.add(this.#head, LOST, 1);
      return;
    }
    this.#fates.set(fate, slotOf(written));
    Atomics.store(this.#head, WRITTEN, (written + 1) | 0);
  }

  /** By the main thread alone: hands over each fate that waits, in a copy that is the caller's. */
  take(each: (fate: Uint8Array) => void): void {
    const written = Atomics.load(this.#head, WRITTEN);
    for (let read = this.#head[READ]!; read !== written; read = (read + 1) | 0) {
      const at = slotOf(read);
      const fate = this.#fates.slice(at, at + FATE_LENGTH);
      Atomics.store(this.#head, READ, (read + 1) | 0);
      each(fate);
    }
  }

  /** How many were left out since this was last asked. */
  takeLost(): number {
    const lost = Atomics.load(this.#head, LOST);
    const fresh = (lost - this.#told) | 0;
    this.#told = lost;
    return fresh;
  }
}

function slotOf(count: number): number {
  return ((count >>> 0) % RING_CAPACITY) * FATE_LENGTH;
}
