import assert from "node:assert/strict";
import type { Millis } from "#src/protocol/time.ts";
import { START_PATIENCE } from "#test/netns/programs.ts";
import type { Found } from "../contract.ts";
import { fieldOf, type Scene } from "../scene.ts";

/** How long a worker that hangs may go unnoticed. */
export const PROMISED: Millis = 2_000;

/** What is promised of each worker that hangs. */
export const NOTICED =
  "noticed in less than 2 s; the daemon says which worker and how, and ends with status 1";

/** Of a relay with two workers, one of which hangs now: it ends, and is started again. */
export async function endsByHang(scene: Scene, words: RegExp): Promise<Found> {
  const since = performance.now();
  await scene.relay.waitForLine(/msg="Datapath failed"/, START_PATIENCE);
  const noticed = Math.round(performance.now() - since);
  const error = fieldOf(await scene.endsSaying(/msg="Datapath failed"/), "error");
  assert.match(error, /^Worker [12] of 2: its thread hangs: /);
  assert.match(error, words);
  await scene.restart();
  return {
    measured: `told after ${noticed} ms: \`${error}\``,
    late: noticed < PROMISED ? undefined : `noticed after ${noticed} ms`,
  };
}
