/**
 * What one thread tells others, such as by what rules to go on, as JSON, in this order:
 *
 *     version    Int32         how often it was replaced
 *     lengths    Int32 x 2     bytes used of each half
 *     halves     2 x capacity  the half that is read is that of the version's last bit
 *
 * Who tells it writes into the half that nobody reads, and then raises the version: so all others see
 * the change at one instant, each takes it when it has time, and none sees a part.
 */
const VERSION = 0;
const LENGTHS = 1;
const HEAD_LENGTH = 16;

/** Written by one thread, read by others; each has a view of its own. */
export class SharedValue<T> {
  readonly buffer: SharedArrayBuffer;
  readonly #head: Int32Array;
  readonly #capacity: number;
  #seen = 0;

  /** @param room a buffer of another one, or the bytes of JSON that there is to be room for */
  constructor(room: SharedArrayBuffer | number) {
    const length = typeof room === "number" ? HEAD_LENGTH + 2 * room : 0;
    this.buffer = typeof room === "number" ? new SharedArrayBuffer(length) : room;
    this.#head = new Int32Array(this.buffer, 0, HEAD_LENGTH / 4);
    this.#capacity = (this.buffer.byteLength - HEAD_LENGTH) / 2;
  }

  /** Whether there is room for it. */
  fits(value: T): boolean {
    return lengthOf(value) <= this.#capacity;
  }

  /** By one thread alone. @returns false when there is no room for it: nothing has changed */
  replace(value: T): boolean {
    const bytes = encode(value);
    if (bytes.length > this.#capacity) return false;
    const next = Atomics.load(this.#head, VERSION) + 1;
    this.#half(next).set(bytes);
    Atomics.store(this.#head, LENGTHS + (next & 1), bytes.length);
    Atomics.store(this.#head, VERSION, next);
    return true;
  }

  /** What has been set since this was last called; undefined: nothing. */
  take(): T | undefined {
    const version = Atomics.load(this.#head, VERSION);
    if (version === this.#seen) return undefined;
    const length = Atomics.load(this.#head, LENGTHS + (version & 1));
    const bytes = this.#half(version).slice(0, length);
    // Replaced meanwhile, and perhaps what was read too: the next turn takes what is there then.
    if (Atomics.load(this.#head, VERSION) !== version) return undefined;
    this.#seen = version;
    return decode(bytes) as T;
  }

  #half(version: number): Uint8Array {
    return new Uint8Array(
      this.buffer,
      HEAD_LENGTH + (version & 1) * this.#capacity,
      this.#capacity,
    );
  }
}

/** Bytes that a value takes. */
export function lengthOf(value: unknown): number {
  return encode(value).length;
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify(
      value,
      (_, part) =>
        part instanceof Uint8Array ? { base64: btoa(String.fromCharCode(...part)) } : part,
    ),
  );
}

function decode(bytes: Uint8Array): unknown {
  return JSON.parse(
    new TextDecoder().decode(bytes),
    (_, part) => typeof part?.base64 === "string" ? bytesOf(part.base64) : part,
  );
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
