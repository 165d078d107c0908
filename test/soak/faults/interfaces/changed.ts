import assert from "node:assert/strict";
import type { Millis } from "#src/protocol/time.ts";
import { START_PATIENCE, until } from "#test/netns/programs.ts";
import type { Fault, Found } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { Scene } from "../scene.ts";
import { code } from "../words.ts";

/** Something that is done in the relay's namespace, and maybe undone. */
export interface Change {
  readonly name: string;
  readonly promised: string;
  readonly deed: string;
  /** What puts it right again once the relay has seen it; without it the relay does. */
  readonly undone?: string;
  /** What the log says of it, and what it says when it is over. */
  readonly says?: RegExp;
  readonly saysAfter?: RegExp;
}

/** The daemon lives through it, says what it is to say, and packets pass again. */
export function faultOf(change: Change): Fault {
  const { name, promised } = change;
  return { name, promised, run: () => bringAbout(change) };
}

function bringAbout({ deed, undone, says, saysAfter }: Change): Promise<Found> {
  return Scene.with({}, async (scene) => {
    let outage: Millis = 0;
    const passed = await passage(scene, async () => {
      const since = performance.now();
      await scene.lab.run("rly", ["sh"], { input: deed });
      if (says !== undefined) await scene.relay.waitForLine(says, START_PATIENCE);
      if (undone !== undefined) {
        await scene.sh(undone);
        outage = performance.now() - since;
      }
      await until("it is ready", () => scene.isReady());
      if (saysAfter !== undefined) await scene.relay.waitForLine(saysAfter, START_PATIENCE);
    });
    scene.assertRuns();
    assert.deepEqual(scene.said(/level=error/), []);
    const words = says === undefined ? "" : `says ${code(wordsOf(scene, says))}; `;
    return {
      measured: `${words}ready${undone === undefined ? "" : " once it is put back"}`,
      recovered: Math.max(0, passed.recovered - outage),
      lost: lostOf(passed),
    };
  });
}

/** Of the line that matches first, what follows its level. */
function wordsOf(scene: Scene, says: RegExp): string {
  return scene.said(says)[0]!.replace(/^.* level=\w+ /, "").replace(/ mend=.*/, "");
}
