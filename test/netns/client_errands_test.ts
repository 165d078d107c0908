import assert from "node:assert/strict";
import type { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { type ClientCase, testClients } from "./clients/cases.ts";
import { get, script, START_PATIENCE, teredo, until, writeFile } from "./programs.ts";

/** What a client has others do for it: where there is nobody, and where there is nobody any more. */

const ROUTER = "192.168.1.1";
const STATE = "state_file = /run/client.json\n";
const PID_FILE = "/run/client.pid";

async function startClient(lab: Lab, text: string): Promise<LabProcess> {
  const config = await writeConfig(lab, text);
  const client = lab.spawn("cli0", teredo("client", "-c", config, `--pid-file=${PID_FILE}`));
  await client.waitForLine(/state=qualified/, START_PATIENCE);
  return client;
}

/** In a folder of its own, where a daemon in its sandbox reads it again. */
async function writeConfig(lab: Lab, text: string): Promise<string> {
  await lab.sh("core", "mkdir -p /run/conf");
  return await writeFile(lab, "conf/teredo.ini", `[client]\n${STATE}${text}`);
}

async function reload(lab: Lab): Promise<string> {
  const { status, stdout, stderr } = await lab.run("cli0", teredo("reload", "client"));
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}

async function end(client: LabProcess): Promise<void> {
  client.kill("SIGTERM");
  const { status } = await client.result;
  assert.equal(status, 0, client.output());
}

interface Status {
  readonly reload: { readonly needs_restart: readonly string[] };
  readonly checks: readonly { readonly name: string; readonly ok: boolean; detail: string }[];
}

async function statusOf(lab: Lab): Promise<Status | undefined> {
  const page = await get(lab, "cli0", "http://127.0.0.1:9546/status");
  return page === undefined ? undefined : JSON.parse(page);
}

const CASES: readonly ClientCase[] = [
  {
    name: "takes all of a configuration but the names that nobody looks up",
    run: async (lab) => {
      const client = await startClient(lab, `servers = ${SERVER_ADDRESS}\n`);
      await writeConfig(lab, "servers = server.test\nrefresh = 20s\n");
      const told = await reload(lab);
      assert.match(told, /client\.servers: .* -> server\.test {2}\(needs a restart\)/);
      assert.match(told, /client\.refresh: 30s -> 20s$/m);
      assert.deepEqual((await statusOf(lab))?.reload.needs_restart, ["client.servers"]);
      await writeConfig(lab, `servers = ${SERVER_ADDRESS}\nrefresh = 20s\n`);
      assert.match(await reload(lab), /nothing|0 settings/);
      await end(client);
    },
  },
  {
    name: "says that nobody looks up its names any more",
    run: async (lab) => {
      const file = await writeFile(lab, "resolv.conf", `nameserver ${ROUTER}\n`);
      await lab.sh("core", `mount --bind ${file} /etc/resolv.conf`);
      const argv = script("name_server.ts", ROUTER, SERVER_ADDRESS, HOST_IPV6);
      await lab.spawn("nat0", argv).waitForLine(/listening/, START_PATIENCE);
      const client = await startClient(lab, "servers = server.test\n");
      const checkOf = async () =>
        (await statusOf(lab))?.checks.find(({ name }) => name === "errands");
      assert.equal((await checkOf())?.ok, true);
      const pid = await lab.sh(
        "cli0",
        `for it in $(cat /proc/$(cat ${PID_FILE})/task/*/children); do
  grep -qa __errands /proc/$it/cmdline && echo $it
done`,
      );
      await lab.sh("cli0", `kill -9 ${pid.trim()}`);
      await client.waitForLine(/msg="Nobody does errands" .*SIGKILL/, START_PATIENCE);
      await until("it is told", async () => (await checkOf())?.ok === false);
      assert.match((await checkOf())!.detail, /^names are not looked up any more: .*SIGKILL/);
      await end(client);
    },
  },
];

testClients("teredo client", CASES);
