import { Worker } from "node:worker_threads";

/** Behind the number of executions and the length of the input. */
export const INPUT_AT = 8;

/** Ends this process when an execution does not end, and leaves its input in a file. */
export class Watchdog {
  readonly #numbers: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #worker: Worker;

  constructor(most: number, file: string) {
    const buffer = new SharedArrayBuffer(INPUT_AT + most);
    this.#numbers = new Int32Array(buffer, 0, 2);
    this.#bytes = new Uint8Array(buffer, INPUT_AT);
    const data = { workerData: { buffer, file } };
    this.#worker = new Worker(new URL("./watch.ts", import.meta.url), data);
    this.#worker.unref();
  }

  /** Before each execution. */
  see(input: Uint8Array): void {
    this.#bytes.set(input);
    this.#numbers[1] = input.length;
    Atomics.add(this.#numbers, 0, 1);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
