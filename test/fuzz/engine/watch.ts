import { writeFileSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { toHex } from "./corpus.ts";
import { INPUT_AT } from "./watchdog.ts";

/** The thread of `watchdog.ts`: it sees that the other one goes on, which cannot see to that itself. */

/** An execution that takes longer does not end: in ms. */
const PATIENCE = 120_000;

const { buffer, file } = workerData as { buffer: SharedArrayBuffer; file: string };
const numbers = new Int32Array(buffer, 0, 2);
const bytes = new Uint8Array(buffer, INPUT_AT);
let last = -1;

setInterval(() => {
  const now = Atomics.load(numbers, 0);
  if (now === last) {
    writeFileSync(file, `${toHex(bytes.slice(0, numbers[1]))}\n`);
    console.error(`An execution does not end; its input is in ${file}`);
    process.kill(process.pid, "SIGKILL");
  }
  last = now;
}, PATIENCE);
