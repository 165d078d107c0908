import assert from "node:assert/strict";
import { START_PATIENCE, teredo, untilReady, writeFile } from "#test/netns/programs.ts";
import type { Fault } from "../contract.ts";
import { Scene } from "../scene.ts";
import { code } from "../words.ts";

interface Rival {
  readonly name: string;
  /** A shell that has what it wants when this has run; */
  readonly takes: string;
  /** and gives it back by this. */
  readonly gives: string;
  readonly says: RegExp;
  readonly isQuick?: boolean;
}

const until = (listens: string) =>
  `until ${listens} 'sport = :'$port | grep -q .; do sleep 0.05; done`;

const RIVALS: readonly Rival[] = [
  {
    name: "another program has the relay's port when it starts",
    takes: `port=3545; nc -u -l -p $port >/dev/null & ${until("ss -Hlun")}`,
    gives: "kill $!",
    says: /3545/,
    isQuick: true,
  },
  {
    name: "another program has the port of the status pages when it starts",
    takes: `port=9545; nc -l -p $port >/dev/null & ${until("ss -Hltn")}`,
    gives: "kill $!",
    says: /9545/,
  },
  {
    name: "another program has an interface of that name when it starts, which is no TUN",
    takes: "ip link add teredo type veth peer name rival",
    gives: "ip link delete teredo",
    says: /teredo/,
  },
  {
    name: "another program's route of the prefix is there when it starts, which would win",
    takes: "ip -6 route add 2001::/32 dev ipv6 metric 1",
    gives: "ip -6 route delete 2001::/32 dev ipv6 metric 1",
    says: /2001::\/32/,
  },
];

export const AT_START: readonly Fault[] = RIVALS.map(({ name, takes, gives, says, isQuick }) => ({
  name,
  promised:
    "it ends with status 1, names what is in the way, leaves nothing; starts once that is gone",
  ...(isQuick ? { isQuick } : {}),
  run: () =>
    Scene.with({ client: false }, async (scene) => {
      const { lab } = scene;
      await scene.relay.stop();
      const line =
        `${takes}\ntrap "${gives}; exit 0" TERM\necho has\nsleep 600 >/dev/null 2>&1 & wait $!`;
      const rival = lab.spawn("rly", ["sh", "-e", "-c", line]);
      await rival.waitForLine(/^has/, START_PATIENCE);
      const file = await writeFile(lab, "rival.conf", scene.conf);
      const { status, stderr } = await lab.run("rly", teredo("relay", "-c", file));
      assert.equal(status, 1, stderr);
      const words = stderr.split("\n").find((it) =>
        says.test(it) && !/level=(info|debug)/.test(it)
      );
      assert.ok(words !== undefined, stderr);
      rival.kill("SIGTERM");
      await rival.result;
      scene.relay = lab.spawn("rly", teredo("relay", "-c", file));
      await untilReady(lab, "rly", 9545, scene.relay);
      return { measured: `says ${code(words)}` };
    }),
}));
