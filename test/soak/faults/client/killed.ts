import assert from "node:assert/strict";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { startClient } from "#test/netns/clients/program.ts";
import { assertPing } from "#test/netns/traffic.ts";
import type { Fault } from "../contract.ts";
import { killAgainAndAgain } from "../killed/lives.ts";
import { ClientScene } from "./client_scene.ts";

const CONF = `[client]
servers = ${SERVER_ADDRESS}
state_file = /run/cli0/state.json
[status]
enabled = no
`;
/** Its helpers hear of its end by their standard input. */
const LEFT = [
  "ip -o link show dev teredo 2>/dev/null || true",
  "ip -6 route show 2001::/32",
  "ip -6 route show default dev teredo 2>/dev/null || true",
  "for i in $(seq 200); do pgrep -f '[_]_(errands|upkeep)' > /dev/null || break; sleep 0.05; done",
  "pgrep -af '[_]_(errands|upkeep)' || true",
].join("\n");

export const CLIENT_KILLED: Fault = {
  name: "a client is killed (`kill -9`) at a random moment, from its start on",
  promised:
    "interface, routes and helpers go with it; the next one starts with what was kept, and its rule goes at its end",
  run: (options) =>
    ClientScene.with({}, async ({ lab, client, namespace }) => {
      client.kill("SIGKILL");
      await client.result;
      const deaths = await killAgainAndAgain(
        lab,
        { role: "client", conf: CONF, left: LEFT },
        options,
      );
      const { client: last } = await startClient(lab, namespace);
      await assertPing(lab, namespace, HOST_IPV6);
      last.kill("SIGTERM");
      assert.equal((await last.result).status, 0, last.output());
      assert.equal(await lab.sh(namespace, `ip -6 rule show pref 32765\n${LEFT}`), "");
      const { count, served } = deaths;
      return {
        measured:
          `${count} times, ${served} of them while it served: nothing left, each next one started`,
        recovered: undefined,
        lost: undefined,
      };
    }),
};
