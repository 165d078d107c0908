import { fileURLToPath } from "node:url";
import type { Lab } from "#src/demo/lab.ts";
import process from "node:process";

const FLOOD = fileURLToPath(new URL("../../cli/http_flood.ts", import.meta.url));
const URL_OF_RELAY = "http://127.0.0.1:9545";
const ROUNDS = 10;
const PATIENCE = { timeout: 300_000 };

/**
 * Two hundred clients that pipeline requests and read nothing, and a hundred that say a byte at a time,
 * again and again, against the relay's pages.
 */
export class HttpFlood {
  readonly #ended: Promise<void>;
  #goesOn = true;

  private constructor(lab: Lab, pid: string, pin: readonly string[]) {
    this.#ended = this.#run(lab, pid, pin);
  }

  static async start(lab: Lab, pin: readonly string[]): Promise<HttpFlood> {
    const pid = await lab.sh("rly", "pgrep -o -f 'teredo relay'");
    return new HttpFlood(lab, pid.trim(), pin);
  }

  /** What it says of its own requests is of no interest: it may get no core to finish them in time. */
  async #run(lab: Lab, pid: string, pin: readonly string[]): Promise<void> {
    while (this.#goesOn) {
      const argv = [...pin, process.execPath, FLOOD, URL_OF_RELAY, pid, `${ROUNDS}`];
      await lab.run("rly", argv, PATIENCE);
    }
  }

  /** Resolves when its last rounds are over. */
  end(): Promise<void> {
    this.#goesOn = false;
    return this.#ended;
  }
}
