import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { HOST_IPV6, RELAY_IPV6 } from "#src/demo/topology.ts";
import type { Kept } from "#src/datapath/keep/contract.ts";
import { assertPing } from "./traffic.ts";
import { RunningPing } from "./running_ping.ts";
import {
  metric,
  RELAY_PORT,
  START_PATIENCE,
  startMiredoClient,
  startRelay,
  startServer,
  until,
  wait,
} from "./programs.ts";

/**
 * What becomes of a relay's interface when somebody changes it, as the daemon runs, while a host pings
 * a Teredo client through it.
 */
const OPTIONS = { timeout: 600_000 };

/** What the IPv6 side of the relay's host has besides; put back by the one who took it. */
const HOST_SIDE = [
  `ip -6 address flush dev ipv6 scope global`,
  `ip -6 address add ${RELAY_IPV6}/64 dev ipv6 nodad`,
  `ip -6 route replace default via ${HOST_IPV6}`,
].join("\n");

interface Case {
  readonly name: string;
  /** Run in the relay's namespace. */
  readonly deed: string;
  /** What is to be counted as restored, at least. */
  readonly restored: readonly Kept[];
}

const CASES: readonly Case[] = [
  {
    name: "down and up",
    deed: "ip link set teredo down; ip link set teredo up",
    restored: ["address", "route"],
  },
  { name: "down", deed: "ip link set teredo down", restored: ["up", "address", "route"] },
  { name: "no carrier", deed: "ip link set teredo carrier off", restored: ["up"] },
  { name: "routes flushed", deed: "ip -6 route flush dev teredo", restored: ["route"] },
  {
    name: "routes of all tables flushed, the kernel's own for the address too",
    deed: "ip -6 route flush dev teredo table all",
    restored: ["address", "route"],
  },
  { name: "route deleted", deed: "ip -6 route del 2001::/32 dev teredo", restored: ["route"] },
  {
    name: "route replaced by one of a higher metric",
    deed: "ip -6 route del 2001::/32 dev teredo; ip -6 route replace 2001::/32 dev ipv6",
    restored: ["route"],
  },
  { name: "addresses flushed", deed: "ip -6 addr flush dev teredo", restored: ["address"] },
  {
    name: "address deleted",
    deed: "ip -6 addr del fe80::ffff:ffff:ffff/64 dev teredo",
    restored: ["address"],
  },
  {
    name: "IPv6 off and on",
    deed: "sysctl -qw net.ipv6.conf.teredo.disable_ipv6=1; " +
      "sysctl -qw net.ipv6.conf.teredo.disable_ipv6=0",
    restored: ["address", "route"],
  },
  {
    name: "IPv6 off",
    deed: "sysctl -qw net.ipv6.conf.teredo.disable_ipv6=1",
    restored: ["ipv6", "address", "route"],
  },
  { name: "MTU 1500", deed: "ip link set teredo mtu 1500", restored: ["mtu"] },
  {
    name: "MTU 1000, with which IPv6 goes",
    deed: "ip link set teredo mtu 1000",
    restored: ["mtu", "ipv6", "address", "route"],
  },
  { name: "ARP on", deed: "ip link set teredo arp on", restored: ["flags"] },
  { name: "multicast on", deed: "ip link set teredo multicast on", restored: ["flags"] },
  { name: "queue length", deed: "ip link set teredo txqueuelen 10", restored: ["queue"] },
  {
    name: "renamed",
    deed: "ip -batch - <<+\nlink set teredo down\nlink set teredo name other\n+",
    restored: ["name", "up", "address", "route"],
  },
  {
    name: "all routes of all tables flushed",
    deed: `ip -6 route flush table all || true\n${HOST_SIDE}`,
    restored: ["route"],
  },
  {
    name: "IPv6 off and on for the whole host",
    deed: "sysctl -qw net.ipv6.conf.all.disable_ipv6=1; sleep 0.5; " +
      `sysctl -qw net.ipv6.conf.all.disable_ipv6=0\n${HOST_SIDE}`,
    restored: ["address", "route"],
  },
  { name: "deleted", deed: "ip link delete teredo", restored: ["interface", "route"] },
  { name: "deleted again", deed: "ip link delete teredo", restored: ["interface", "route"] },
  {
    name: "moved to another network namespace",
    deed: "ip netns add away; ip link set teredo netns away",
    restored: ["interface", "route"],
  },
];

interface Setting {
  readonly name: string;
  readonly conf: string;
}

const BASE = `[relay]\nbind_port = ${RELAY_PORT}\n`;
/** The first one in each run, all of them before a release. */
const SETTINGS: readonly Setting[] = [
  { name: "one worker", conf: `${BASE}workers = 1\n` },
  { name: "two workers, no offloads", conf: `${BASE}workers = 2\noffloads = off\n` },
];

const count = (lab: Lab, what: Kept) =>
  metric(lab, "rly", 9545, `teredo_restored_total{what="${what}"}`);

/** What `ip` and /readyz say of the interface. */
async function isWhole(lab: Lab): Promise<boolean> {
  const said = await lab.run("rly", ["sh"], {
    input: [
      "ip link show teredo | tr '\\n' ' '",
      "ip -6 address show dev teredo",
      "ip -6 route get 2001::1",
    ].join("\n"),
  });
  const whole = [
    /^\d+: teredo: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1280 .*qlen (2000|10000)/,
    /inet6 fe80::ffff:ffff:ffff\/64 scope link/,
    /2001::1 .*dev teredo /,
  ];
  if (!whole.every((it) => it.test(said.stdout))) return false;
  const ready = await lab.run("rly", ["curl", "-sf", "http://127.0.0.1:9545/readyz"]);
  return ready.status === 0;
}

for (
  const { name, conf } of process.env["TEREDO_KEEP"] === "all" ? SETTINGS : SETTINGS.slice(0, 1)
) {
  describe(name, () => {
    let lab: Lab;
    let client: string;

    before(async () => {
      lab = await Lab.create({ nats: ["port-restricted"] });
      await Promise.all([startServer(lab, "teredo"), startRelay(lab, "teredo", conf)]);
      client = (await startMiredoClient(lab, "cli0")).address;
    });

    after(() => lab.close());

    for (const { name: what, deed, restored } of CASES) {
      test(`interface ${what}: it is put right, and the ping goes on`, OPTIONS, async () => {
        const before = await Promise.all(restored.map((it) => count(lab, it)));
        const ping = await RunningPing.start(lab, "host6", client);
        // The daemon may be faster than the next command: then that has nothing left to do.
        await lab.run("rly", ["sh"], { input: deed });
        await until("the interface is whole again", () => isWhole(lab));
        const { lost, sent } = await ping.stop();
        console.log(`  ${name}, ${what}: ${lost} of ${sent} packets lost, 0.1 s apart`);
        const after = await Promise.all(restored.map((it) => count(lab, it)));
        const missing = restored.filter((_, i) => after[i]! <= before[i]!);
        assert.deepEqual(missing, [], "not restored");
      });
    }
  });
}

describe("another program", () => {
  let lab: Lab;
  let relay: LabProcess;

  before(async () => {
    lab = await Lab.create({ nats: [] });
    relay = await startRelay(lab, "teredo", BASE);
  });

  after(() => lab.close());

  const ready = async () => {
    const { stdout } = await lab.run("rly", ["curl", "-s", "http://127.0.0.1:9545/readyz"]);
    return JSON.parse(stdout).ready as boolean;
  };

  test(
    "has a route that wins: it stays, the log names it, and ours is there after it",
    OPTIONS,
    async () => {
      await lab.sh("rly", "ip -6 route add 2001::/32 dev ipv6 metric 2000 proto static");
      assert.equal(await ready(), true, "a route that does not win is none of our business");
      await lab.sh(
        "rly",
        "ip -6 route del 2001::/32 dev teredo; ip -6 route add 2001::/32 dev ipv6 metric 1 proto bird",
      );
      const line = await relay.waitForLine(/Cannot restore/, START_PATIENCE);
      assert.match(
        line,
        /what=route .*leads to ipv6 rather than to teredo, by a route of proto bird, metric 1/,
      );
      await until("it is not ready", async () => !(await ready()));
      const routes = await lab.sh("rly", "ip -6 route show 2001::/32");
      assert.match(routes, /dev ipv6 proto bird metric 1 /);
      assert.match(routes, /dev teredo proto boot metric 10 |dev teredo metric 10 /);
      await lab.sh("rly", "ip -6 route del 2001::/32 dev ipv6 metric 1");
      await until("it is ready", ready);
      assert.match(relay.output(), /msg=Restored what=route/);
    },
  );

  test(
    "fights: it is left the upper hand for longer and longer, in few lines",
    OPTIONS,
    async () => {
      const before = await count(lab, "route");
      // A shell by that name: what it is known by.
      await lab.sh("rly", "cp /bin/sh /run/NetworkManager");
      const loop = "while :; do ip -6 route flush dev teredo; sleep 0.05; done";
      const rival = lab.spawn("rly", ["/run/NetworkManager", "-c", loop]);
      const line = await relay.waitForLine(/changes the interface again and again/, START_PATIENCE);
      assert.match(
        line,
        /what=route programs=NetworkManager mend="copy docs\/examples\/unmanaged\/networkmanager.conf/,
      );
      await wait(5_000);
      const lines = relay.output().split("\n").filter((it) => it.includes("what=route")).length;
      rival.kill("SIGTERM");
      await rival.result;
      const restored = await count(lab, "route") - before;
      console.log(`  ${restored} times restored, in ${lines} lines`);
      assert.ok(lines <= 12, relay.output());
      await until("the interface is whole again", () => isWhole(lab), 60_000);
    },
  );
});

describe("an interface that an administrator made to stay", () => {
  let lab: Lab;

  before(async () => {
    lab = await Lab.create({ nats: ["port-restricted"] });
    await startServer(lab, "teredo");
  });

  after(() => lab.close());

  /** Without what the kernel does of itself to one that was open while it was up. */
  const shown = () =>
    lab.sh(
      "rly",
      [
        "{ ip -d address show dev teredo; ip -6 route show dev teredo; } | grep -v -e stable-privacy \\",
        "  -e valid_lft -e 'proto kernel' | sed 's/ carrier.*//; s/qdisc [a-z_]*//; s/vnet_hdr o[nf]*//'",
      ].join("\n"),
    );
  const makers = [
    ["by itself", "ip tuntap add teredo mode tun", "one"],
    ["for a user", "ip tuntap add teredo mode tun user nobody", "one"],
    ["with several queues", "ip tuntap add teredo mode tun multi_queue", "one"],
    ["with several queues, for two workers", "ip tuntap add teredo mode tun multi_queue", "two"],
    [
      "up, with a route of its own",
      "ip tuntap add teredo mode tun; ip link set teredo mtu 1400 up; ip -6 route add 2001:db8:9::/48 dev teredo",
      "one",
    ],
    [
      "with a route of the prefix",
      "ip tuntap add teredo mode tun; ip link set teredo up; ip -6 route add 2001::/32 dev teredo",
      "one",
    ],
  ] as const;

  for (const [name, make, workers] of makers) {
    test(
      `made ${name}: it is used, and is as it was when the relay has ended`,
      OPTIONS,
      async () => {
        await lab.sh("rly", make);
        const before = await shown();
        const conf = `${BASE}workers = ${workers === "one" ? 1 : 2}\ndrain_time = 1s\n`;
        const relay = await startRelay(lab, "teredo", conf);
        const { client, address } = await startMiredoClient(lab, "cli0");
        await assertPing(lab, "host6", address);
        await client.stop();
        relay.kill("SIGTERM");
        const { status, stderr } = await relay.result;
        assert.equal(status, 0, stderr);
        // That nobody has it open any more the kernel shows a moment later.
        await until("it is as it was", async () => await shown() === before).catch(() => {});
        assert.equal(await shown(), before);
        await lab.sh("rly", "ip link delete teredo");
      },
    );
  }
});

/** Only a process with the right to make interfaces and with the descriptors can mend these. */
const DELETED = CASES.filter(({ restored }) => restored.includes("interface"));

describe("with user set", () => {
  let lab: Lab;
  let relay: LabProcess;

  before(async () => {
    lab = await Lab.create({ nats: [] });
    relay = await startRelay(lab, "teredo", `${BASE}user = nobody\n`);
    await relay.waitForLine(/kept by a process of its own/, START_PATIENCE);
  });

  after(() => lab.close());

  for (const { name, deed, restored } of CASES.filter((it) => !DELETED.includes(it))) {
    test(`interface ${name}: it is put right`, OPTIONS, async () => {
      const before = await Promise.all(restored.map((it) => count(lab, it)));
      await lab.run("rly", ["sh"], { input: deed });
      await until("all is counted", async () => {
        const after = await Promise.all(restored.map((it) => count(lab, it)));
        return after.every((it, i) => it > before[i]!);
      });
      await until("the interface is whole again", () => isWhole(lab));
    });
  }

  test("interface deleted: it says so, and ends", OPTIONS, async () => {
    await lab.sh("rly", "ip link delete teredo");
    const line = await relay.waitForLine(/Cannot restore" what=interface/, START_PATIENCE);
    assert.match(
      line,
      /problem=".* is only made at start" mend="restart the daemon"/,
    );
    const { status, stderr } = await relay.result;
    assert.equal(status, 1);
    assert.match(stderr, /Datapath failed.*The interface teredo is gone/);
  });
});
