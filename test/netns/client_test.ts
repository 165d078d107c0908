import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { unansweredIn } from "#src/demo/clients.ts";
import type { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { type ClientCase, testClients } from "./clients/cases.ts";
import {
  get,
  script,
  START_PATIENCE,
  teredo,
  until,
  untilReady,
  wait,
  writeFile,
} from "./programs.ts";
import { RunningPing } from "./running_ping.ts";
import { assertPing } from "./traffic.ts";

/**
 * A client's life beside our server and relay: names, networks, sleep, native IPv6, hook, state, users.
 */

/** A second server, on the same host. */
const STANDBY = "198.51.100.5";
const STANDBY_CONF = `[server]\nbind_address = ${STANDBY}\n[status]\nport = 9554\ncontrol = no\n`;
/** The inner side of the NAT, where routers answer names. */
const ROUTER = "192.168.1.1";

const ADDRESS = /address=(2001:0:[0-9a-f:]+)/;

/** A line for the daemon and for each of its helpers: user and rights of its threads, the same once. */
const RIGHTS = String.raw`
pid=$(cat /run/client.pid)
rights() {
  echo "$1" $(for task in /proc/$2/task/*; do
    sed -nE 's/^Uid:.*\t65534\t.*/Uid:nobody/p; s/^Uid:.*\t0\t.*/Uid:root/p; s/^Cap(Prm|Eff|Amb):\t0*(0|[1-9a-f].*)$/Cap\1:\2/p' \
      $task/status | tr '\n' ' '; echo
  done | sort -ru)
}
rights daemon $pid
for helper in $(cat /proc/$pid/task/*/children); do rights helper $helper; done`;

async function startClient(lab: Lab, ...flags: string[]): Promise<LabProcess> {
  const client = lab.spawn("cli0", teredo("client", ...flags));
  await client.waitForLine(/msg=Ready/, START_PATIENCE);
  return client;
}

async function qualified(client: LabProcess): Promise<string> {
  const line = await client.waitForLine(/state=qualified/, START_PATIENCE);
  return ADDRESS.exec(line)![1]!;
}

/** Waits until so many lines match. */
async function untilSaid(client: LabProcess, pattern: RegExp, count: number): Promise<void> {
  const said = () => client.output().split("\n").filter((line) => pattern.test(line)).length;
  try {
    await until(`${pattern} ${count} times`, () => Promise.resolve(said() >= count));
  } catch (error) {
    throw new Error(`${error}\n${client.output()}`);
  }
}

/** Until the way to the IPv6 Internet is the client's. */
async function untilRouted(lab: Lab): Promise<void> {
  await until(
    "it has its route",
    async () => /teredo/.test(await lab.sh("cli0", "ip -6 route show default")),
  );
}

/** Until it has its second address, and the kernel has that as well. */
async function qualifiedAgain(lab: Lab, client: LabProcess): Promise<void> {
  await untilSaid(client, /state=qualified/, 2);
  const address = ADDRESS.exec(client.output().split("state=qualified")[2]!)![1]!;
  await until(
    `the interface has ${address}`,
    async () => (await lab.sh("cli0", "ip -6 addr show dev teredo")).includes(address),
  );
  await untilRouted(lab);
}

async function end(client: LabProcess): Promise<void> {
  client.kill("SIGTERM");
  const { status } = await client.result;
  assert.equal(status, 0, client.output());
}

/** Names are looked up at the router, of which nobody has said that it answers. */
async function askRouter(lab: Lab): Promise<void> {
  const file = await writeFile(lab, "resolv.conf", `nameserver ${ROUTER}\noptions timeout:1\n`);
  await lab.sh("core", `mount --bind ${file} /etc/resolv.conf`);
}

async function startNameServer(lab: Lab): Promise<void> {
  const argv = script("name_server.ts", ROUTER, SERVER_ADDRESS, HOST_IPV6);
  await lab.spawn("nat0", argv).waitForLine(/listening/, START_PATIENCE);
}

const STATE = "--state-file=/run/client.json";

const CASES: readonly ClientCase[] = [
  {
    name: "has its port and its address again after a restart, and leaves nothing behind",
    run: async (lab) => {
      const first = await startClient(lab, SERVER_ADDRESS, STATE);
      const address = await qualified(first);
      await assertPing(lab, "cli0", HOST_IPV6);
      await end(first);
      assert.doesNotMatch(await lab.sh("cli0", "ip -6 addr; ip -6 route; ip -6 rule"), /2001:/);
      const second = await startClient(lab, SERVER_ADDRESS, STATE);
      assert.equal(await qualified(second), address);
      await end(second);
      assert.equal(await lab.sh("cli0", "stat -c %a /run/client.json"), "600\n");
    },
  },
  {
    name: "goes on by a standby when its server is killed, and flows with it",
    run: async (lab) => {
      await lab.sh(
        "srv",
        `ip addr add ${STANDBY}/24 dev ipv4; ip addr add 198.51.100.6/24 dev ipv4`,
      );
      const conf = await writeFile(lab, "standby.conf", STANDBY_CONF);
      await untilReady(lab, "srv", 9554, lab.spawn("srv", teredo("server", "-c", conf)));
      const servers = [SERVER_ADDRESS, STANDBY];
      const flags = ["--server-order=strict", "--refresh=10s", STATE];
      const client = await startClient(lab, ...servers, ...flags);
      const before = await qualified(client);
      const ping = await RunningPing.start(lab, "cli0", HOST_IPV6);
      await lab.sh(
        "srv",
        `nft add table ip dead
nft 'add chain ip dead input { type filter hook input priority 0; }'
nft add rule ip dead input ip daddr ${SERVER_ADDRESS} drop`,
      );
      await untilSaid(client, new RegExp(`server=${STANDBY}`), 1);
      await ping.stop();
      const held = await lab.sh("cli0", "ip -6 addr show dev teredo");
      assert.match(held, new RegExp(`${before}/32 .*deprecated`));
      await assertPing(lab, "cli0", HOST_IPV6);
      await end(client);
    },
  },
  {
    name: "waits for its server's name to be found",
    run: async (lab) => {
      await askRouter(lab);
      const client = await startClient(lab, "server.test", STATE);
      await client.waitForLine(/msg=Client .*state=resolving/, START_PATIENCE);
      await startNameServer(lab);
      await qualified(client);
      await assertPing(lab, "cli0", HOST_IPV6);
      await end(client);
      assert.match(
        await lab.sh("cli0", "cat /run/client.json"),
        /"server\.test":\["198\.51\.100\.1"\]/,
      );
    },
  },
  {
    name: "needs no more than a route to its server, whose address is found later",
    run: async (lab) => {
      await askRouter(lab);
      await lab.sh("cli0", `ip route del default; ip route add ${SERVER_ADDRESS} via ${ROUTER}`);
      const client = await startClient(lab, "server.test", "--state-file=/run/routed.json");
      await client.waitForLine(/msg=Client .*state=no_ipv4/, START_PATIENCE);
      await startNameServer(lab);
      await qualified(client);
      await end(client);
    },
  },
  {
    name: "notices another address of its host, and goes on",
    run: async (lab) => {
      const client = await startClient(lab, SERVER_ADDRESS, STATE);
      await qualified(client);
      const [link] = /\S+(?=@)/.exec(await lab.sh("cli0", "ip -o link show type veth")) ?? [];
      await lab.sh(
        "cli0",
        `ip addr del 192.168.1.2/24 dev ${link}; ip addr add 192.168.1.77/24 dev ${link}
ip route replace default via ${ROUTER} src 192.168.1.77`,
      );
      await untilSaid(client, /msg="Network changed"/, 1);
      await qualifiedAgain(lab, client);
      await assertPing(lab, "cli0", HOST_IPV6);
      await end(client);
    },
  },
  {
    name: "says that there is no way to its servers, and is back with it",
    run: async (lab) => {
      const client = await startClient(lab, SERVER_ADDRESS, STATE);
      await qualified(client);
      await lab.sh("cli0", "ip route del default");
      await client.waitForLine(/state=no_ipv4/, START_PATIENCE);
      await lab.sh("cli0", `ip route add default via ${ROUTER}`);
      await qualifiedAgain(lab, client);
      await assertPing(lab, "cli0", HOST_IPV6);
      await end(client);
    },
  },
  {
    name: "notices that its cable is out, and asks at once when it is back",
    run: async (lab) => {
      const client = await startClient(lab, SERVER_ADDRESS, STATE);
      await qualified(client);
      const [port] = /\S+(?=@)/.exec(await lab.sh("nat0", "ip -br link show master inside")) ?? [];
      await lab.sh("nat0", `ip link set ${port} down`);
      await client.waitForLine(/state=no_ipv4/, START_PATIENCE);
      assert.match(await lab.sh("cli0", "ip route show default"), /192\.168\.1\.1/);
      await lab.sh("nat0", `ip link set ${port} up`);
      await qualifiedAgain(lab, client);
      await assertPing(lab, "cli0", HOST_IPV6);
      await end(client);
    },
  },
  {
    name: "asks again at once after a sleep",
    run: async (lab) => {
      // nsenter stops with its child, and would not go on with it.
      const argv = teredo("client", SERVER_ADDRESS, STATE, "--pid-file=/run/client.pid");
      const client = lab.spawn("cli0", ["sh", "-c", `${argv.join(" ")}; exit $?`]);
      await client.waitForLine(/msg=Ready/, START_PATIENCE);
      await qualified(client);
      const signal = (name: string) => lab.sh("cli0", `kill -${name} $(cat /run/client.pid)`);
      await signal("STOP");
      await wait(8_000);
      await signal("CONT");
      await client.waitForLine(/msg="Woke up"/, START_PATIENCE);
      await assertPing(lab, "cli0", HOST_IPV6);
      await signal("TERM");
      assert.equal((await client.result).status, 0, client.output());
    },
  },
  {
    name: "leaves the way to native IPv6, and returns when that is gone",
    run: async (lab) => {
      const client = await startClient(lab, SERVER_ADDRESS, STATE);
      await qualified(client);
      await lab.sh(
        "nat0",
        "sysctl -qw net.ipv6.conf.all.forwarding=1; ip -6 addr add 2001:db8:9::1/64 dev inside nodad",
      );
      const conf = await writeFile(lab, "radvd.conf", RADVD);
      lab.spawn("nat0", ["radvd", "-n", "-C", conf, "-p", "/run/radvd.pid"]);
      await client.waitForLine(/msg="Native IPv6" .*state=leaving/, START_PATIENCE);
      await until(
        "the tunnel is no way any more",
        async () => !/teredo/.test(await lab.sh("cli0", "ip -6 route show default")),
      );
      await client.waitForLine(/state=dormant reason="native IPv6: 2001:db8:9:/, START_PATIENCE);
      assert.doesNotMatch(await lab.sh("cli0", "ip -6 addr show dev teredo"), /2001:/);
      await lab.sh("nat0", "kill $(cat /run/radvd.pid)"); // its last words: a lifetime of 0
      await client.waitForLine(/msg="Native IPv6" .*state=carrying/, START_PATIENCE);
      await untilRouted(lab);
      await assertPing(lab, "cli0", HOST_IPV6);
      await end(client);
    },
  },
  {
    name: "runs its hook, with what Miredo's would be told",
    run: async (lab) => {
      await writeFile(
        lab,
        "hook",
        `#!/bin/sh\nenv | sort | tr '\\n' ' ' >> /run/hook.log\necho >> /run/hook.log\n`,
      );
      await lab.sh("cli0", "chmod 755 /run/hook");
      const client = await startClient(lab, SERVER_ADDRESS, STATE, "--hook=/run/hook");
      const address = await qualified(client);
      await until(
        "the hook has run",
        async () => /STATE=up/.test(await lab.sh("cli0", "cat /run/hook.log || :")),
      );
      const index = (await lab.sh(
        "cli0",
        "cat /sys/class/net/teredo/ifindex || ip -o link show teredo | cut -d: -f1",
      )).trim();
      await end(client);
      const [up, down, destroy] = (await lab.sh("cli0", "cat /run/hook.log")).split("\n");
      const told = new RegExp(
        `^ADDRESS=${address} IFACE=teredo IFINDEX=${index} LLADDRESS=fe80::ffff:ffff:ffff MTU=1280 OLD_STATE=down PATH=\\S+ (PWD=/ )?(SHLVL=\\d+ )?STATE=up `,
      );
      assert.match(up!, told);
      assert.match(down!, new RegExp(`OLD_ADDRESS=${address} .*OLD_STATE=up .*STATE=down `));
      assert.match(destroy!, /OLD_STATE=down .*STATE=destroy /);
    },
  },
  {
    name: "is no root any more with `user`, and its interface is kept all the same",
    run: async (lab) => {
      const client = await startClient(
        lab,
        SERVER_ADDRESS,
        "--user=nobody",
        "--state-file=/run/nobody/client.json",
        "--pid-file=/run/client.pid",
      );
      await qualified(client);
      await client.waitForLine(/msg="Interface kept by a process of its own"/, START_PATIENCE);
      await untilRouted(lab);
      // The daemon, then whoever it has made: of these the one that keeps the interface has a right.
      const said = await lab.sh("cli0", RIGHTS);
      assert.match(said, /^daemon( Uid:nobody CapPrm:0 CapEff:0 CapAmb:0)+$/m, said);
      const [one, ...others] = said.trim().split("\n").slice(1)
        .toSorted((a, b) => Number(/:1000/.test(b)) - Number(/:1000/.test(a)));
      assert.match(one!, /^helper Uid:nobody CapPrm:1000 CapEff:1000 CapAmb:0/, said);
      for (const it of others) assert.doesNotMatch(it, /:1000|Uid:root/, said);
      await assertPing(lab, "cli0", HOST_IPV6);
      await end(client);
      assert.match(
        await lab.sh("cli0", "stat -c '%U %a' /run/nobody/client.json"),
        /^nobody 600$/m,
      );
    },
  },
  {
    name: "starts with no more rights than its unit gives, as a user",
    run: async (lab) => {
      const unit = await readFile("docs/examples/teredo-client.service", "utf8");
      const [, given] = /^AmbientCapabilities=(.+)$/m.exec(unit)!;
      const rights = given!.toLowerCase().split(" ").map((it) => it.replace("cap_", "+"));
      const sets = ["inh-caps", "ambient-caps", "bounding-set"];
      const bounds = sets.map((set) => `--${set}=-all,${rights.join(",")}`);
      const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ...bounds];
      await lab.sh("cli0", "install -d -o 65534 -g 65534 /run/state /run/runtime");
      const argv = teredo("client", SERVER_ADDRESS, "--state-file=/run/state/client.json");
      const environment = ["env", "RUNTIME_DIRECTORY=/run/runtime"];
      const client = lab.spawn("cli0", [...nobody, ...environment, ...argv]);
      await client.waitForLine(/msg=Ready/, START_PATIENCE);
      await qualified(client);
      await assertPing(lab, "cli0", HOST_IPV6);
      await end(client);
    },
  },
  {
    name: "tells by the host to check, without traffic, that native hosts are reached",
    run: async (lab) => {
      await askRouter(lab);
      await startNameServer(lab);
      const client = await startClient(lab, SERVER_ADDRESS, STATE, "--check-host=host.test");
      await until("native hosts are reached", async () => {
        const page = await get(lab, "cli0", "http://127.0.0.1:9546/status");
        return page !== undefined && JSON.parse(page).client?.native === "ok";
      });
      await end(client);
    },
  },
  {
    name: "ends with 1 when nobody answers within --wait",
    run: async (lab) => {
      const { status, stderr } = await lab.run(
        "cli0",
        teredo("client", "192.0.2.77", "--wait=2s", STATE),
      );
      assert.equal(status, 1);
      assert.match(stderr, /msg="Not qualified in time" seconds=2 state=/);
    },
  },
  {
    name: "--run: nobody runs a command by Teredo, with names as they are outside",
    run: async (lab) => {
      await askRouter(lab);
      await startNameServer(lab);
      const command =
        `getent ahostsv6 host.test; ping -6 -n -c 3 -w 60 host.test; ip -4 route; exit 7`;
      const argv = teredo("client", "server.test", "--run", command);
      const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
      const { status, stdout, stderr } = await lab.run("cli0", [...nobody, ...argv], {
        timeout: START_PATIENCE,
      });
      assert.match(stdout, new RegExp(`^${HOST_IPV6} `, "m"), stdout + stderr);
      assert.deepEqual(unansweredIn(stdout, 3), [], stdout + stderr);
      assert.equal(status, 7);
      assert.equal(stderr, "");
    },
  },
];

const RADVD = `interface inside {
  AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvDefaultLifetime 30;
  prefix 2001:db8:9::/64 { AdvValidLifetime 60; AdvPreferredLifetime 30; };
};
`;

testClients("teredo client", CASES);
