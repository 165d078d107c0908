import type { Millis } from "#src/protocol/time.ts";

/** A try to hand over bytes that waits for nobody. */
export interface Output {
  /** @returns bytes taken; 0: none at the moment; -1: none ever, what was tried is lost */
  write(bytes: Uint8Array): number;
  /** Waits until something may be taken, or so long. @returns whether to try again */
  wait(limit: Millis): boolean;
  close(): void;
}

/** Of all that waits: a minute's worth of lines, and nothing beside the memory of a process. */
const MAX_WAITING = 65_536;
const RETRY_EVERY: Millis = 100;
/** How long the last words may take. */
const LAST_WORDS: Millis = 500;

/**
 * Messages on their way to a reader that may be slow, stuck or gone, in order, each whole or not at
 * all: what it does not take at once waits here, and what there is no room for is dropped and counted.
 */
export class Outbox {
  readonly #output: Output;
  #waiting: Uint8Array[] = [];
  #length = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dropped = 0;
  #told = 0;
  /** Told of what was dropped once there is room again. */
  onRoom: (dropped: number) => void = () => {};
  #isRead = false;
  #closed = false;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Messages that nobody will see. */
  get dropped(): number {
    return this.#dropped;
  }

  send(message: Uint8Array): void {
    if (this.#closed || this.#length + message.length > MAX_WAITING) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(message);
    this.#length += message.length;
    this.#flush();
  }

  /** Gives what waits a last chance, and sends no more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    const end = performance.now() + LAST_WORDS;
    while (!this.#pass()) {
      const left = end - performance.now();
      if (left <= 0 || !this.#output.wait(left)) break;
    }
    this.#output.close();
  }

  #flush(): void {
    if (this.#pass()) return this.#tell();
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, RETRY_EVERY);
  }

  #tell(): void {
    const dropped = this.#dropped - this.#told;
    if (!this.#isRead || dropped === 0) return;
    this.#told = this.#dropped;
    this.onRoom(dropped);
  }

  /** @returns whether nothing is left */
  #pass(): boolean {
    while (this.#waiting.length > 0) {
      const [first] = this.#waiting as [Uint8Array];
      const taken = this.#output.write(first);
      this.#isRead = taken > 0;
      if (taken === 0) return false;
      if (taken < 0) this.#dropped++;
      const gone = taken < 0 ? first.length : taken;
      this.#length -= gone;
      if (gone === first.length) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(gone);
    }
    return true;
  }
}
