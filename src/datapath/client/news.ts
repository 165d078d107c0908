import type { ClientStatus } from "#src/protocol/client/contract.ts";
import { SharedValue } from "../threads/shared_value.ts";

/** Bytes of JSON: a status with as many servers as there may be takes half of it; see docs/limits.md. */
const ROOM = 16_384;

/** What a client is told to be by its thread, at one moment. */
export interface ToldStatus extends ClientStatus {
  readonly randomPorts: number;
  /** How many entries of the list of peers there are of each of `WAYS`, see `protocol/client/peers/ways.ts`. */
  readonly ways: readonly number[];
}

/** What a client tells of itself, as the main thread has it. */
export interface ClientHandle {
  /**
   * What the thread last told, in a copy; undefined before the first time.
   *
   * `changedAt` and `refreshAt` are of the clock here: milliseconds since 1970.
   */
  status(): ToldStatus | undefined;
  /** Grows whenever {@link status} tells something else, round trips and times apart. */
  readonly version: number;
  /** Calls back, on this thread and at once, when the version has grown. @returns what ends it */
  onChange(tell: () => void): () => void;
}

/** Shared memory of {@link ClientNews}. */
export interface NewsBuffers {
  readonly status: SharedArrayBuffer;
  readonly version: SharedArrayBuffer;
}

/** How a client's thread tells the main one of itself. Neither waits for the other. */
export class ClientNews implements ClientHandle {
  readonly buffers: NewsBuffers;
  readonly #status: SharedValue<ToldStatus>;
  readonly #version: Int32Array;
  #last: ToldStatus | undefined;

  constructor(buffers?: NewsBuffers) {
    this.#status = new SharedValue(buffers?.status ?? ROOM);
    const version = buffers?.version ?? new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    this.#version = new Int32Array(version);
    this.buffers = { status: this.#status.buffer, version };
  }

  /** By the thread. @param isNew whether it is more than times that differ */
  tell(status: ToldStatus, isNew: boolean): void {
    this.#status.replace(status);
    if (!isNew) return;
    Atomics.add(this.#version, 0, 1);
    Atomics.notify(this.#version, 0);
  }

  // By the main thread

  status(): ToldStatus | undefined {
    // One that is replaced while it is read is read again: the thread tells rarely.
    this.#last = this.#status.take() ?? this.#status.take() ?? this.#last;
    return this.#last && structuredClone(this.#last);
  }

  get version(): number {
    return Atomics.load(this.#version, 0);
  }

  onChange(tell: () => void): () => void {
    let isOver = false;
    const watch = async () => {
      for (let seen = this.version; !isOver;) {
        const { async, value } = Atomics.waitAsync(this.#version, 0, seen);
        if (async) await value;
        if (isOver || this.version === seen) continue;
        seen = this.version;
        tell();
      }
    };
    void watch();
    return () => {
      isOver = true;
      Atomics.notify(this.#version, 0);
    };
  }
}
