import assert from "node:assert/strict";
import test from "node:test";
import { IPV4_LINK, IPV6_LINK } from "#src/demo/topology.ts";
import { BenchLab } from "#test/bench/bench_lab.ts";
import { CLIENTS } from "#test/bench/lab_scripts.ts";
import type { RemoteStation } from "#test/bench/remote_station.ts";
import { until } from "./programs.ts";
import {
  type Kind,
  LOAD_PORT,
  type SendCommand,
  SERVER_LOAD_PORT,
} from "#test/bench/station_contract.ts";
import { makeContact, startTunnel } from "#test/bench/tcp.ts";

/** Far below what any machine carries: each packet must arrive. */
const LOAD = { do: "send", size: 88, peers: 64, first: 0, rate: 3_200, seconds: 0.25 } as const;

/** Counts what a load is made of where it arrives, as the lab's sinks tell it, and nothing else. */
const counting = (link: string, loads: string) =>
  `nft -f - <<'RULES'
table netdev counted {
  chain arriving {
    type filter hook ingress device "${link}" priority -1
    ${loads}
  }
}
RULES
`;
const AT_CLIENTS = counting(
  IPV4_LINK,
  `udp dport 3544 @th,400,16 ${LOAD_PORT} counter
    udp dport { ${LOAD_PORT}, ${SERVER_LOAD_PORT} } counter`,
);
const AT_HOST = counting(IPV6_LINK, `udp dport ${LOAD_PORT} counter`);

async function countArriving({ load: { lab } }: BenchLab): Promise<void> {
  await lab.sh(CLIENTS, AT_CLIENTS);
  await lab.sh("host6", AT_HOST);
}

/** Where each kind of load comes from, and where it must arrive. */
function endsOf(lab: BenchLab, kind: Kind): Promise<[RemoteStation, RemoteStation]> {
  switch (kind) {
    case "up":
    case "plain-up":
      return Promise.all([lab.source("clients"), lab.host()]);
    case "down":
    case "plain-down":
      return Promise.all([lab.source("host"), lab.clients()]);
    default:
      return Promise.all([lab.serverSource(), lab.clients()]);
  }
}

/** Has a load sent, all of whose packets must arrive, and nothing else. */
async function assertArrives(lab: BenchLab, load: SendCommand): Promise<void> {
  const { kind, burst } = load;
  const [source, sink] = await endsOf(lab, kind);
  const namespace = sink === await lab.host() ? "host6" : CLIENTS;
  const arrived = async () => {
    const told = await lab.load.lab.sh(namespace, "nft list table netdev counted");
    return [...told.matchAll(/counter packets (\d+)/g)].reduce(
      (sum, [, it]) => sum + Number(it),
      0,
    );
  };
  const before = await arrived();
  const { packets } = await source.do(load);
  assert.ok(packets > 0, `${kind}, bursts of ${burst}`);
  const isThere = async () => await arrived() - before >= packets;
  await until(`all of ${packets} packets arrive, ${kind}, bursts of ${burst}`, isThere);
  assert.equal(await arrived() - before, packets, `${kind}, bursts of ${burst}`);
}

/** How the threads in these namespaces are scheduled: cores and policy. */
async function schedulingOf(lab: BenchLab, namespaces: string): Promise<Set<string>> {
  const text = await lab.load.lab.sh(
    "core",
    `for name in ${namespaces}; do
  for pid in $(ip netns pids $name); do
    [ $pid != $$ ] && [ -e /proc/$pid/exe ] || continue
    for task in /proc/$pid/task/*; do
      # The name may have blanks in it; what has ended meanwhile says nothing.
      policy=$(sed 's/.*) //' $task/stat 2>/dev/null | cut -d' ' -f39) || :
      cores=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' $task/status 2>/dev/null) || :
      [ -z "$policy" ] || [ -z "$cores" ] || echo $cores $policy
    done
  done
done`,
  );
  return new Set(text.trim().split("\n"));
}

const DAEMONS = "rly srv";
const STATIONS = "cli0 host6";
const SCHED_OTHER = 0;
const SCHED_FIFO = 1;

test("place() gives all of a lab one core, where a source sends what is carried, and back", async () => {
  const lab = await BenchLab.create({ maker: "teredo", workers: 1 });
  try {
    await countArriving(lab);
    await lab.startStations();
    await lab.settle(LOAD.peers);
    assert.deepEqual(await schedulingOf(lab, DAEMONS), new Set([`1 ${SCHED_OTHER}`]));
    assert.deepEqual(await schedulingOf(lab, STATIONS), new Set([`0 ${SCHED_OTHER}`]));

    await lab.place("together");
    const all = await schedulingOf(lab, `${DAEMONS} ${STATIONS}`);
    assert.deepEqual(all, new Set([`1 ${SCHED_FIFO}`]));
    // As many as can be sent; with a core each, most of them would be lost.
    for (const kind of ["up", "down"] as const) {
      await assertArrives(lab, { ...LOAD, kind, burst: 1, rate: 0, gives: true });
    }

    await lab.place("apart");
    assert.deepEqual(await schedulingOf(lab, DAEMONS), new Set([`1 ${SCHED_OTHER}`]));
    assert.deepEqual(await schedulingOf(lab, STATIONS), new Set([`0 ${SCHED_OTHER}`]));
  } finally {
    await lab.close();
  }
});

test("steer() has the relay's core receive on its links, and no more", async () => {
  const lab = await BenchLab.create({ workers: 1 });
  const masks = async () => {
    const read = "ip netns exec rly sh -c 'cat /sys/class/net/ipv[46]/queues/rx-*/rps_cpus'";
    return new Set((await lab.load.lab.sh("core", read)).trim().split("\n").map(Number));
  };
  try {
    await lab.steer(true);
    assert.deepEqual(await masks(), new Set([2]));
    await lab.steer(false);
    assert.deepEqual(await masks(), new Set([0]));
  } finally {
    await lab.close();
  }
});

test("Every load of the bench arrives whole, and its tunnel client is reached", async () => {
  const lab = await BenchLab.create({ maker: "teredo", workers: 1 });
  try {
    await countArriving(lab);
    await lab.greet(LOAD.peers);
    for (const kind of ["up", "down", "plain-up", "plain-down"] as const) {
      for (const burst of [16, 1]) await assertArrives(lab, { ...LOAD, kind, burst });
    }
    for (const kind of ["solicit", "bubble"] as const) {
      await assertArrives(lab, { ...LOAD, kind, burst: 1 });
    }
    await startTunnel(lab);
    await makeContact(lab);
  } finally {
    await lab.close();
  }
});
