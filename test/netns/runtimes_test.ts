import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { Lab } from "#src/demo/lab.ts";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { startMiredoClient, untilReady, writeFile } from "./programs.ts";
import { assertPing } from "./traffic.ts";

const OPTIONS = { timeout: 600_000 };
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const DENO = `${ROOT}/node_modules/.bin/deno`;
const FLOOR = `${ROOT}/test/floor/node_modules`;
const BUNDLE = `${ROOT}/dist/teredo.mjs`;

/**
 * What runs relay and server where they are not compiled: from source, and as one file, on what is
 * pinned and on the oldest that is to do.
 */
const RUNTIMES: Readonly<Record<string, readonly string[]>> = {
  "Deno, from source": [DENO, "run", "-A", `${ROOT}/src/main.ts`],
  "the oldest Deno, one file": [`${FLOOR}/@deno/linux-x64-glibc/deno`, "run", "-A", BUNDLE],
  "Node, one file": [`${FLOOR}/node/bin/node`, BUNDLE],
  "the oldest Node, one file": [`${FLOOR}/node-floor/bin/node`, "--experimental-ffi", BUNDLE],
};
const CONF = `[relay]
user = nobody
pid_file = /run/relay.pid
interface_name = teredo
bind_port = 3545
workers = 2
[server]
user = nobody
bind_address = ${SERVER_ADDRESS}
workers = 2
`;

for (const [name, program] of Object.entries(RUNTIMES)) {
  test(`${name}: relay and server serve Miredo's client, and end as told`, OPTIONS, async () => {
    const lab = await Lab.create({ nats: ["port-restricted"] });
    try {
      const file = await writeFile(lab, "teredo.ini", CONF);
      const start = async (role: string, namespace: string, port: number) => {
        const argv = [...program, role, "-c", file];
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
      // Each runtime has threads of its own, which have to give root up too.
      const users = "stat -c %U /proc/$(cat /run/relay.pid)/task/* | sort -u";
      assert.equal((await lab.sh("rly", users)).trim(), "nobody");
      for (const daemon of daemons) {
        const { status } = await daemon.stop();
        assert.equal(status, 0, daemon.output());
      }
    } finally {
      await lab.close();
    }
  });
}

test("a Node without node:ffi is told which Node it takes, in one sentence", () => {
  const args = ["--no-experimental-ffi", BUNDLE, "relay", "-c", "docs/examples/teredo.ini"];
  const { status, stderr } = spawnSync(`${FLOOR}/node/bin/node`, args, { encoding: "utf8" });
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^teredo: .*Node\.js 26\.\d+\.\d+ has no node:ffi here: .*26\.9.*26\.1.*\n$/,
  );
});
