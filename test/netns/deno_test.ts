import assert from "node:assert/strict";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { Lab } from "#src/demo/lab.ts";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { startMiredoClient, untilReady, writeFile } from "./programs.ts";
import { assertPing } from "./traffic.ts";

const OPTIONS = { timeout: 600_000 };
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The Deno that is pinned, and the oldest that is to do. */
const DENOS = [
  `${ROOT}/node_modules/.bin/deno`,
  `${ROOT}/test/floor/node_modules/@deno/linux-x64-glibc/deno`,
];
const CONF = `[relay]
interface_name = teredo
bind_port = 3545
workers = 2
[server]
bind_address = ${SERVER_ADDRESS}
workers = 2
`;

for (const deno of DENOS) {
  const name = deno.slice(ROOT.length);
  test(`${name} runs relay and server from source, and they end as told`, OPTIONS, async () => {
    const lab = await Lab.create({ nats: ["port-restricted"] });
    try {
      const file = await writeFile(lab, "teredo.ini", CONF);
      const start = async (role: string, namespace: string, port: number) => {
        const argv = [deno, "run", "-A", `${ROOT}/src/main.ts`, role, "-c", file];
        const daemon = lab.spawn(namespace, argv);
        await untilReady(lab, namespace, port, daemon);
        return daemon;
      };
      const daemons = await Promise.all([
        start("server", "srv", 9544),
        start("relay", "rly", 9545),
      ]);
      const { address } = await startMiredoClient(lab, "cli0");
      await assertPing(lab, "cli0", HOST_IPV6);
      await assertPing(lab, "host6", address);
      for (const daemon of daemons) {
        const { status } = await daemon.stop();
        assert.equal(status, 0, daemon.output());
      }
    } finally {
      await lab.close();
    }
  });
}
