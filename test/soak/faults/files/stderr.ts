import assert from "node:assert/strict";
import { wait } from "#test/netns/programs.ts";
import type { Fault } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { Scene } from "../scene.ts";
import { fullFolder, servingPid, startBy } from "./started.ts";

const NOT_HARMED = "packets pass, it stays ready, and does not wait for whoever reads its log";

interface Case {
  readonly name: string;
  /** Line of a shell that becomes the relay. */
  readonly line: string;
  readonly before?: string;
  /** Done while it serves. */
  readonly then?: string;
  readonly isQuick?: boolean;
}

const CASES: readonly Case[] = [
  {
    name: "standard error is closed from the start",
    line: "exec $relay 2>&-",
    isQuick: true,
  },
  { name: "all three standard descriptors are closed", line: "exec $relay <&- >&- 2>&-" },
  {
    name: "whoever reads standard error ends",
    line: "mkfifo /run/log; cat /run/log >/dev/null & echo $! >/run/reader; exec $relay 2>/run/log",
    then: "kill -9 $(cat /run/reader)",
  },
  {
    name: "whoever reads standard error stops reading",
    line: "mkfifo /run/log; sleep 600 </run/log & exec $relay 2>/run/log",
  },
  {
    name: "standard error is a file on a full disk",
    before: fullFolder("/run/full"),
    line: "exec $relay 2>/run/full/log",
    isQuick: true,
  },
];

/** Enough lines to fill any pipe: each asks for its state to be logged. */
const CHATTER = (pid: number) =>
  `i=0; while [ $i -lt 600 ]; do kill -USR2 ${pid}; sleep 0.005; i=$((i+1)); done`;

export const STDERR: readonly Fault[] = CASES.map(({ name, line, before, then, isQuick }) => ({
  name,
  promised: NOT_HARMED,
  ...(isQuick ? { isQuick } : {}),
  run: () =>
    Scene.with({ more: "[log]\nlevel = debug\n" }, async (scene) => {
      await scene.relay.stop();
      if (before !== undefined) await scene.sh(before);
      await startBy(scene, line);
      const pid = await servingPid(scene);
      const passed = await passage(scene, async () => {
        if (then !== undefined) await scene.sh(then);
        await scene.sh(CHATTER(pid));
        await wait(2_000);
      });
      scene.assertRuns();
      assert.ok(await scene.isReady());
      // Where a descriptor was missing nothing else may have its number: the log would go there.
      const target = (await scene.sh(`readlink /proc/${pid}/fd/2`)).trim();
      assert.match(target, /^(\/dev\/null|\/run\/(full\/)?log)$/, `2 is ${target}`);
      return {
        measured: `ready; descriptor 2 is ${target}`,
        recovered: passed.recovered,
        lost: lostOf(passed),
      };
    }),
}));
