import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { assertPing } from "#test/netns/traffic.ts";
import type { Fault } from "../contract.ts";
import { startBy } from "../files/started.ts";
import { RELAY_LEFT } from "../killed/relay.ts";
import { Scene } from "../scene.ts";
import { MemoryGroup } from "./memory_group.ts";

const MIB = 1024 * 1024;
const LIMITS = [192, 128, 96, 80, 64, 48, 32];
/** Destinations of strangers' packets, and pages that are asked for. */
const SCANNED = 200_000;
const PAGES = 200;

async function press({ lab }: Scene): Promise<void> {
  const tool = fileURLToPath(new URL("../tools/scan.pl", import.meta.url));
  const ask =
    `for i in $(seq ${PAGES}); do curl -s -m 2 -o /dev/null http://127.0.0.1:9545/ || exit 0; done`;
  await Promise.all([
    lab.run("host6", ["perl", tool, `${SCANNED}`]),
    lab.run("rly", ["sh", "-c", ask]),
  ]);
}

/** @returns what became of a relay that had no more memory than that */
async function liveWithin(scene: Scene, limit: number): Promise<string> {
  const group = new MemoryGroup(limit);
  try {
    const line = `echo 0 > ${group.members}; exec $relay`;
    const started = await startBy(scene, line).then(() => true, () => false);
    if (!started) {
      await scene.relay.result;
      assert.ok(group.kills > 0, scene.relay.output());
      return "killed at its start";
    }
    await press(scene);
    if (scene.relay.ended) {
      assert.ok(group.kills > 0, scene.relay.output());
      return "killed under load";
    }
    await assertPing(scene.lab, "host6", scene.client);
    const { status } = await scene.relay.stop(60_000);
    assert.equal(status, 0);
    return "serves";
  } finally {
    await scene.relay.result;
    group.close();
  }
}

export const MEMORY: Fault = {
  name: `a limit of memory (cgroup) of ${
    LIMITS.join(", ")
  } MiB, with ${SCANNED} strangers' packets`,
  promised: "it serves, or the kernel kills it as a whole: nothing is left, the next one starts",
  run: () =>
    Scene.with({}, async (scene) => {
      await scene.relay.stop();
      const outcomes: string[] = [];
      for (const limit of LIMITS) {
        outcomes.push(`${limit}: ${await liveWithin(scene, limit * MIB)}`);
        assert.equal(await scene.sh(RELAY_LEFT), "", `with ${limit} MiB`);
      }
      await scene.restart();
      await assertPing(scene.lab, "host6", scene.client);
      return { measured: outcomes.join(", ") };
    }),
};
