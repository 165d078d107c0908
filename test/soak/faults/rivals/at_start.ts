import assert from "node:assert/strict";
import { teredo, untilReady, writeFile } from "#test/netns/programs.ts";
import type { Fault } from "../contract.ts";
import { Scene } from "../scene.ts";

interface Rival {
  readonly name: string;
  /** Runs before the relay starts, and until it is killed; prints a line once it has what it wants. */
  readonly line: string;
  readonly says: RegExp;
  readonly isQuick?: boolean;
}

const RIVALS: readonly Rival[] = [
  {
    name: "another program has the relay's port when it starts",
    line:
      "nc -u -l -p 3545 >/dev/null & ss -Hlun 'sport = :3545' | grep -q 3545 || sleep 1; echo has; wait",
    says: /3545/,
    isQuick: true,
  },
  {
    name: "another program has the port of the status pages when it starts",
    line: "nc -l -p 9545 >/dev/null & sleep 1; echo has; wait",
    says: /9545/,
  },
  {
    name: "another program has an interface of that name when it starts, which is no TUN",
    line: "ip link add teredo type dummy; echo has; sleep 600; true",
    says: /teredo/,
  },
  {
    name: "another program's route of the prefix is there when it starts, which would win",
    line: "ip -6 route add 2001::/32 dev ipv6 metric 1; echo has; sleep 600; true",
    says: /2001::\/32/,
  },
];

export const AT_START: readonly Fault[] = RIVALS.map(({ name, line, says, isQuick }) => ({
  name,
  promised:
    "it ends with status 1, names what is in the way, leaves nothing; starts once that is gone",
  ...(isQuick ? { isQuick } : {}),
  run: () =>
    Scene.with({ client: false }, async (scene) => {
      const { lab } = scene;
      await scene.relay.stop();
      const rival = lab.spawn("rly", ["sh", "-c", line]);
      await rival.waitForLine(/^has/, 60_000);
      const file = await writeFile(lab, "rival.conf", scene.conf);
      const { status, stderr } = await lab.run("rly", teredo("relay", "-c", file));
      assert.equal(status, 1, stderr);
      const words = stderr.split("\n").find((it) =>
        says.test(it) && !/level=(info|debug)/.test(it)
      );
      assert.ok(words !== undefined, stderr);
      await lab.sh(
        "rly",
        "pkill -P $(pgrep -f 'echo has') 2>/dev/null; ip link del teredo type dummy 2>/dev/null; ip -6 route del 2001::/32 dev ipv6 2>/dev/null; true",
      );
      rival.kill("SIGKILL");
      await rival.result;
      scene.relay = lab.spawn("rly", teredo("relay", "-c", file));
      await untilReady(lab, "rly", 9545, scene.relay);
      return { measured: `says \`${words.trim().slice(0, 160)}\`` };
    }),
}));
