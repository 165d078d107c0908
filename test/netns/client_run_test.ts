import assert from "node:assert/strict";
import type { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { type ClientCase, testClients } from "./clients/cases.ts";
import { script, START_PATIENCE, teredo, until, writeFile } from "./programs.ts";

/** `teredo client --run`: who ends by which signal, and names where the network changes. */

const ROUTER = "192.168.1.1";
const OTHER_ROUTER = "192.168.1.3";
/** As systemd-resolved has it. */
const OWN_NAME_SERVER = "127.0.0.53";
/** Where both addresses of the server are. */
const SERVERS = "198.51.100.0/30";
const SILENT = "198.51.100.200";
const SIGNALS = [["SIGINT", 130], ["SIGQUIT", 131], ["SIGTERM", 143], ["SIGHUP", 129]] as const;

const run = (lab: Lab, server: string, command: string, ...flags: string[]): LabProcess =>
  lab.spawn("cli0", teredo("client", server, "--run", command, ...flags));

/** That the command is all there is to see. */
async function assertQuiet(client: LabProcess, said: RegExp): Promise<void> {
  const timer = setTimeout(() => client.kill("SIGKILL"), START_PATIENCE);
  const { status, stdout, stderr } = await client.result;
  clearTimeout(timer);
  assert.match(stdout, said, stderr);
  assert.deepEqual([status, stderr], [0, ""]);
}

/** Names are looked up there, where somebody answers in a namespace. */
async function askNames(lab: Lab, namespace: string, address: string): Promise<string> {
  const text = `nameserver ${address}\noptions timeout:1\n`;
  const file = await writeFile(lab, "resolv.conf", text);
  await lab.sh("core", `mount --bind ${file} /etc/resolv.conf`);
  await answerNames(lab, namespace, address);
  return file;
}

async function answerNames(lab: Lab, namespace: string, address: string): Promise<void> {
  const argv = script("name_server.ts", address, SERVER_ADDRESS, HOST_IPV6);
  await lab.spawn(namespace, argv).waitForLine(/listening/, START_PATIENCE);
}

/** Processes of the lab with such a command line; a pattern that does not match itself. */
const running = (lab: Lab, pattern: string) =>
  lab.sh("cli0", `grep -alE '${pattern}' /proc/[0-9]*/cmdline 2>/dev/null || true`);

/** What makes the namespaces has become the client in them. */
async function untilInside(lab: Lab): Promise<void> {
  const inside = "grep -alE '__apar[t]' /proc/[0-9]*/cmdline | xargs -r grep -aL unshare || true";
  await until("there is one inside", async () => await lab.sh("cli0", inside) !== "");
}

const CASES: readonly ClientCase[] = [
  {
    name: "a signal is for the command, whose status it ends with",
    run: async (lab) => {
      const traps = run(
        lab,
        SERVER_ADDRESS,
        "trap 'echo told; exit 9' TERM; sleep 3001 & echo begun; wait",
      );
      await traps.waitForLine(/begun/, START_PATIENCE);
      traps.kill("SIGTERM");
      const { status, stdout } = await traps.result;
      assert.deepEqual([status, stdout.trim().split("\n")], [9, ["begun", "told"]]);
    },
  },
  {
    name: "a signal ends all that the command has started",
    run: async (lab) => {
      for (const [signal, want] of SIGNALS.slice(2)) {
        const compound = run(
          lab,
          SERVER_ADDRESS,
          "echo begun; sh -c 'sleep 3002; true'; echo after",
        );
        await compound.waitForLine(/begun/, START_PATIENCE);
        compound.kill(signal);
        const { status, stdout } = await compound.result;
        assert.deepEqual([status, stdout.trim()], [want, "begun"]);
        await until("nothing stays", async () => await running(lab, "sleep.300[2]") === "");
      }
    },
  },
  {
    name: "a command that does not end by a signal to a whole group keeps its tunnel until it does",
    run: async (lab) => {
      // The signal may come to whatever runs here, and late: what counts, and what looks, is not ended by it.
      const command = `trap 'told=1; echo told' TERM; i=0; echo begun
until [ "$told" ]; do sleep 0.1; done
while [ $i -lt 20 ]; do sleep 0.1; i=$((i + 1)); done; trap '' TERM; ip -6 address show dev teredo | grep -c 'inet6 2001'; exit 5`;
      // It passes the signal on, and sends it to all of its group.
      const argv = ["timeout", "600", ...teredo("client", SERVER_ADDRESS, "--run", command)];
      const client = lab.spawn("cli0", argv);
      await client.waitForLine(/begun/, START_PATIENCE);
      client.kill("SIGTERM");
      const { stdout } = await client.result;
      const [first, ...rest] = stdout.trim().split("\n");
      assert.deepEqual([first, rest[0], rest.at(-1)], ["begun", "told", "1"]);
    },
  },
  {
    name: "what a terminal sends to all of its processes is left to the command",
    run: async (lab) => {
      const client = run(lab, SERVER_ADDRESS, "echo begun; sleep 1; exit 4");
      await client.waitForLine(/begun/, START_PATIENCE);
      client.kill("SIGINT");
      client.kill("SIGQUIT");
      assert.equal((await client.result).status, 4);
    },
  },
  {
    name: "any signal ends it while no server has answered, and nothing stays",
    run: async (lab) => {
      for (const [signal, want] of SIGNALS) {
        const client = run(lab, SILENT, "echo begun");
        await untilInside(lab);
        client.kill(signal);
        const { status, stdout } = await client.result;
        assert.deepEqual([status, stdout], [want, ""], signal);
        await until("nobody is inside", async () => await running(lab, "__apar[t]") === "");
      }
      const client = run(lab, SILENT, "echo begun");
      await untilInside(lab);
      client.kill("SIGKILL");
      await client.result;
      await until("nobody is inside", async () => await running(lab, "__apar[t]") === "");
    },
  },
  {
    name: "names are found when the host has other name servers",
    run: async (lab) => {
      const file = await askNames(lab, "nat0", ROUTER);
      await lab.sh("nat0", `ip addr add ${OTHER_ROUTER}/24 dev inside`);
      await answerNames(lab, "nat0", OTHER_ROUTER);
      const client = run(
        lab,
        "server.test",
        `getent ahostsv6 host.test && echo begun; until grep -q ${OTHER_ROUTER} /etc/resolv.conf; do sleep 0.1; done
until getent ahostsv6 host.test; do sleep 0.1; done; echo again`,
      );
      await client.waitForLine(/begun/, START_PATIENCE);
      await lab.sh("core", `echo nameserver ${OTHER_ROUTER} > ${file}`);
      await client.waitForLine(/again/, START_PATIENCE);
      assert.equal((await client.result).status, 0);
    },
  },
  {
    name: "nothing is told of a namespace without IPv4, where the host's name server is its own",
    run: async (lab) => {
      await askNames(lab, "cli0", OWN_NAME_SERVER);
      const command = "getent ahostsv6 host.test; sleep 3";
      await assertQuiet(run(lab, "server.test", command), new RegExp(`^${HOST_IPV6} `, "m"));
    },
  },
  {
    name: "bind_address is an address of the host's",
    run: (lab) => {
      const command = `ping -6 -n -c 3 -W 5 ${HOST_IPV6}; sleep 2`;
      return assertQuiet(
        run(lab, SERVER_ADDRESS, command, "--bind-address=192.168.1.2"),
        / [1-3] received/,
      );
    },
  },
  {
    name: "a route to the server is enough, whether it has a name or not",
    run: async (lab) => {
      await askNames(lab, "nat0", ROUTER);
      await lab.sh(
        "cli0",
        `ip route del default; ip route add ${SERVERS} via ${ROUTER}`,
      );
      await assertQuiet(run(lab, SERVER_ADDRESS, "echo ok"), /^ok$/m);
      // Until its address is known there is no way to anything.
      const named = run(lab, "server.test", "echo ok");
      await named.waitForLine(/^ok$/, START_PATIENCE);
      assert.equal((await named.result).status, 0);
    },
  },
  {
    name:
      "local_discovery does not apply: nobody on the link hears of a client that answers nobody",
    run: async (lab) => {
      await lab.sh(
        "nat0",
        `nft add table ip heard
nft 'add chain ip heard inbound { type filter hook prerouting priority -300; }'
nft add rule ip heard inbound ip daddr 224.0.0.253 counter`,
      );
      await assertQuiet(run(lab, SERVER_ADDRESS, "sleep 1; echo ok", "--local-discovery"), /^ok$/m);
      assert.match(await lab.sh("nat0", "nft list table ip heard"), /counter packets 0 /);
    },
  },
];

testClients("teredo client --run:", CASES);
