import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { IPV4_LINK } from "#src/demo/topology.ts";
import type { StatusDocument } from "#src/status/document.ts";
import type { Lack } from "./old_kernel.ts";
import {
  get,
  script,
  START_PATIENCE,
  startMiredoClient,
  startServer,
  teredo,
  until,
  untilReady,
  wait,
  writeFile,
} from "./programs.ts";
import { assertPing, ping } from "./traffic.ts";

/** How a relay has its fast path, tells of it, and gives it up. */

const OPTIONS = { timeout: 600_000 };
/** So many that a few which come the slow way are few among them. */
const FIRST = { count: 5 };
const PINGS = { count: 150, more: ["-i", "0.02"] };

/** What of the host's own filters sees datagrams, and what sees packets that it forwards. */
const COUNTERS = `flush ruleset
table inet counted {
  chain input {
    type filter hook input priority 0
    udp dport 3545 counter accept
  }
  chain output {
    type filter hook output priority 0
    udp sport 3545 counter accept
  }
  chain forward {
    type filter hook forward priority 0
    iifname teredo counter accept
    oifname teredo counter accept
  }
}`;

const LIMIT = `flush ruleset
table inet limited {
  chain input {
    type filter hook input priority 0
    udp dport 3545 limit rate 1000/second accept
  }
}`;

let lab: Lab;
let relay: LabProcess | undefined;
let client: string;

before(async () => {
  lab = await Lab.create({ nats: ["port-restricted"], checksums: true });
  await startServer(lab, "teredo");
  client = (await startMiredoClient(lab, "cli0")).address;
});

after(() => lab.close());

async function startRelay(settings: string, lacks: readonly Lack[] = []): Promise<LabProcess> {
  await relay?.stop();
  await lab.sh("rly", "rm -f /run/teredo-relay/peers");
  const file = await writeFile(lab, "fast.ini", `[relay]\n${settings}\n`);
  const argv = teredo("relay", "-c", file);
  relay = lab.spawn(
    "rly",
    lacks.length === 0 ? argv : script("old_kernel.ts", lacks.join(","), ...argv),
  );
  await untilReady(lab, "rly", 9545, relay);
  return relay;
}

async function status(port = 9545): Promise<StatusDocument> {
  return JSON.parse((await get(lab, "rly", `http://127.0.0.1:${port}/status`))!);
}

/** When nothing is counted any more: what passed in the kernel is taken in once a second. */
async function settled(port = 9545): Promise<StatusDocument> {
  let last = await status(port);
  await until("nothing is counted any more", async () => {
    const before = last;
    await wait(1_500);
    last = await status(port);
    const { counters } = last;
    return counters.ipv6_sent_packets === before.counters.ipv6_sent_packets &&
      counters.udp_sent_datagrams === before.counters.udp_sent_datagrams;
  });
  return last;
}

const nft = (rules: string) => lab.sh("rly", `nft -f - <<'RULES'\n${rules}\nRULES`);

/** Until it says so, as the filters are looked at again and again. */
async function untilState(state: "on" | "off"): Promise<string | undefined> {
  await until(`the fast path is ${state}`, async () => (await status()).fast_path?.state === state);
  return (await status()).fast_path!.reason;
}

async function programs(name: string): Promise<string> {
  const { stdout } = await lab.run("rly", script("attached_programs.ts", name));
  return stdout.trim();
}

/** Packets that each rule of {@link COUNTERS} has counted. */
async function counted(): Promise<readonly number[]> {
  const listed = await lab.sh("rly", "nft list table inet counted");
  return [...listed.matchAll(/counter packets (\d+)/g)].map(([, count]) => Number(count));
}

async function interfacePackets(): Promise<readonly number[]> {
  const [{ stats64 }] = JSON.parse(await lab.sh("rly", "ip -s -j link show teredo"));
  return [stats64.rx.packets, stats64.tx.packets];
}

test("Relay: packets in the kernel are counted once, by all who count", OPTIONS, async () => {
  await nft(COUNTERS);
  await startRelay("");
  assert.equal(await untilState("on"), undefined);
  await assertPing(lab, "host6", client, FIRST);
  const before = await settled();
  const [filters, own] = [await counted(), await interfacePackets()];
  const all = await assertPing(lab, "host6", client, PINGS);
  const { counters, drops, fast_path: fastPath } = await settled();
  const grown = (...names: (keyof StatusDocument["counters"])[]) =>
    names.reduce((sum, name) => sum + counters[name] - before.counters[name], 0);
  assert.equal(grown("ipv6_sent_packets"), all);
  assert.equal(grown("ipv6_received_packets") - grown("link_messages"), all);
  assert.equal(grown("udp_received_datagrams") - grown("bubbles_received"), all);
  const bubbles = grown("bubbles_sent_direct", "bubbles_sent_indirect");
  assert.equal(grown("udp_sent_datagrams") - bubbles, all);
  assert.deepEqual(Object.values(drops).filter((count) => count > 0), []);

  // A lease may have ended before they came, and what comes before the next one goes the slow way.
  const most = 0.5 * all;
  for (const way of ["up", "down"] as const) {
    const passed = fastPath!.packets[way] - before.fast_path!.packets[way];
    assert.ok(passed > most && passed <= all, `${passed} ${way}`);
  }
  // The host's own filters see the others, and so do the interface's counters; FORWARD sees all.
  const [input, output, up, down] = (await counted()).map((count, i) => count - filters[i]!);
  assert.ok(input! < all - most && output! < all - most, `${input} ${output}`);
  assert.equal(up, all);
  assert.ok(down! >= all, `${down}`);
  const [rx, tx] = (await interfacePackets()).map((count, i) => count - own[i]!);
  assert.ok(rx! < all - most && tx! < all - most, `${rx} ${tx}`);
  // It ends with what passes.
  await until("the lease is told of", async () => {
    await assertPing(lab, "host6", client, { count: 1 });
    const { stdout } = await lab.run("rly", teredo("status"));
    return /^ {2}fast path {2}on, 1 lease, \d+ % of packets$/m.test(stdout);
  });
});

test(
  "Relay: a rule that would miss packets ends the fast path, until it is gone",
  OPTIONS,
  async () => {
    await nft("flush ruleset");
    const started = await startRelay("");
    await untilState("on");
    await nft(LIMIT);
    assert.match(
      (await untilState("off"))!,
      /^something would miss packets: "limit" of the rule with handle \d+ in chain input/,
    );
    assert.deepEqual([await programs(IPV4_LINK), await programs("teredo")], ["0 0", "0 0"]);
    await assertPing(lab, "host6", client);
    await nft("flush ruleset");
    await untilState("on");
    assert.deepEqual([await programs(IPV4_LINK), await programs("teredo")], ["1 0", "0 1"]);
    await assertPing(lab, "host6", client);
    assert.equal(started.output().match(/msg="Fast path on"/g)?.length, 2, started.output());
  },
);

test("Relay: fast_path = on passes such a rule by, and says so", OPTIONS, async () => {
  await nft(LIMIT);
  const started = await startRelay("fast_path = on");
  assert.match((await untilState("on"))!, /^past what sees packets: "limit"/);
  assert.match(started.output(), /msg="Fast path on" reason="past what sees packets/);
  await nft("flush ruleset");
});

test("Relay: what its addresses and routes become, packets go on", OPTIONS, async () => {
  await startRelay("");
  await untilState("on");
  await assertPing(lab, "host6", client);
  const changes = [
    `ip addr add 198.51.100.77/24 dev ${IPV4_LINK}`,
    `ip route add 203.0.113.0/24 via 198.51.100.1`,
    `ip addr del 198.51.100.77/24 dev ${IPV4_LINK}`,
    `ip link set ${IPV4_LINK} mtu 1400`,
    `ip link set ${IPV4_LINK} mtu 1500`,
  ];
  for (const change of changes) {
    await lab.sh("rly", change);
    await assertPing(lab, "host6", client, { count: 10, more: ["-i", "0.05"] });
  }
  assert.equal((await status()).fast_path!.state, "on");
});

test(
  "Relay: the programs are at an interface that was deleted and made again",
  OPTIONS,
  async () => {
    const started = await startRelay("");
    await untilState("on");
    await assertPing(lab, "host6", client, PINGS);
    await lab.sh("rly", "ip link del teredo");
    await started.waitForLine(/msg=Restored what=route/, START_PATIENCE);
    await untilState("on");
    await until("the new one has its program", async () => await programs("teredo") === "0 1");
    await assertPing(lab, "host6", client, PINGS);
    const { packets } = (await settled()).fast_path!;
    await assertPing(lab, "host6", client, PINGS);
    await until("the kernel carries them", async () => {
      const { up, down } = (await status()).fast_path!.packets;
      return up > packets.up && down > packets.down;
    });
  },
);

/** Has a few pings pass, and tells what each of two relays carried of them in the kernel. */
async function passedBoth(): Promise<readonly number[]> {
  const both = async () =>
    await Promise.all(
      [9545, 9546].map(async (port) => (await settled(port)).fast_path!.packets.up),
    );
  const before = await both();
  await assertPing(lab, "host6", client);
  await assertPing(lab, "host6", client, PINGS);
  return (await both()).map((count, i) => count - before[i]!);
}

test(
  "Relay: of two on one host each has its own clients, ports and programs",
  OPTIONS,
  async () => {
    await startRelay("");
    await untilState("on");
    await assertPing(lab, "host6", client);
    const file = await writeFile(
      lab,
      "other.ini",
      "[relay]\nbind_port = 4545\ninterface_name = other\nroute_metric = 5\n" +
        "[status]\nport = 9546\ncontrol = no\n",
    );
    const other = lab.spawn("rly", teredo("relay", "-c", file));
    await untilReady(lab, "rly", 9546, other);
    assert.equal((await status(9546)).fast_path!.state, "on");
    const attached = await Promise.all([IPV4_LINK, "teredo", "other"].map(programs));
    assert.deepEqual(attached, ["2 0", "0 1", "0 1"]);
    // The route of the lower metric leads to the other one.
    const [ours, theirs] = await passedBoth();
    assert.ok(ours === 0 && theirs! > 0, `${ours} ${theirs}`);
    await other.stop();
    assert.equal(await programs(IPV4_LINK), "1 0");
    await assertPing(lab, "host6", client);
    await assertPing(lab, "host6", client, PINGS);
    await until("ours carries them again", async () => (await status()).fast_path!.packets.up > 0);
  },
);

test("Relay: what it serves after a reload the programs serve", OPTIONS, async () => {
  await startRelay("");
  await untilState("on");
  await assertPing(lab, "host6", client, PINGS);
  const many = Array.from({ length: 9 }, (_, i) => `2001:db8:${i + 1}::/48`).join(", ");
  for (
    const [served, reason] of [
      ["2001:db8:1::/48", undefined],
      [many, "served has 9 prefixes, more than 8"],
      ["2001:db8:9::/48", undefined],
    ] as const
  ) {
    await writeFile(lab, "fast.ini", `[relay]\nserved = ${served}\n`);
    await lab.run("rly", teredo("reload", "relay"));
    assert.equal(await untilState(reason === undefined ? "on" : "off"), reason);
    const isServed = served.includes("2001:db8:1::/48");
    if (isServed) await assertPing(lab, "host6", client, PINGS);
  }
  // Not even what the kernel carried a moment ago.
  assert.match(await ping(lab, "host6", client), / 100% packet loss/);
});

test("Relay: killed, it leaves no program behind", OPTIONS, async () => {
  await startRelay("");
  await untilState("on");
  assert.equal(await programs(IPV4_LINK), "1 0");
  const { pid } = (await status()).process;
  await lab.sh("rly", `kill -9 ${pid}`);
  await relay!.result;
  assert.equal(await programs(IPV4_LINK), "0 0");
});

const withUser: readonly [settings: string, state: "on" | "off", reason: RegExp | undefined][] = [
  ["user = nobody", "off", /cannot look at nftables: that takes CAP_NET_ADMIN/],
  ["user = nobody\nfast_path = on", "on", /cannot look at nftables: that takes CAP_NET_ADMIN/],
];

for (const [settings, state, reason] of withUser) {
  test(
    `Relay: with its rights given up (${settings.replace("\n", ", ")}) the fast path is ${state}`,
    OPTIONS,
    async () => {
      await startRelay(settings);
      assert.match((await untilState(state))!, reason!);
      await assertPing(lab, "host6", client, { count: 20, more: ["-i", "0.05"] });
      if (state === "off") return;
      // It follows the host all the same.
      await lab.sh(
        "rly",
        "ip link add more type veth peer name far && ip addr add 192.0.2.1/24 dev more && ip link set more up",
      );
      await until("the new interface is attached to", async () => await programs("more") === "1 0");
      await lab.sh("rly", "ip link del more");
      await assertPing(lab, "host6", client);
      assert.ok((await status()).fast_path!.packets.up > 0);
    },
  );
}

const old: readonly [lacks: Lack, reason: RegExp][] = [
  ["TCX", /^the kernel has no TCX; Linux 6\.6 has$/],
  ["bpf", /^loading programs takes CAP_BPF and CAP_NET_ADMIN$/],
];

for (const [lack, reason] of old) {
  test(
    `Relay: on a kernel without ${lack} it carries every packet itself, and says why`,
    OPTIONS,
    async () => {
      const started = await startRelay("fast_path = on", [lack]);
      assert.match((await untilState("off"))!, reason);
      await relay!.waitForLine(/level=warn msg="Fast path off" reason=/, START_PATIENCE);
      await assertPing(lab, "host6", client);
      assert.equal(started.output().match(/msg="Fast path/g)?.length, 1);
    },
  );
}
