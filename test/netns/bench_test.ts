import assert from "node:assert/strict";
import test from "node:test";
import { BenchLab } from "#test/bench/bench_lab.ts";
import type { RemoteStation } from "#test/bench/remote_station.ts";
import { wait } from "./programs.ts";
import type { Kind, SendCommand } from "#test/bench/station_contract.ts";
import { makeContact, startTunnel } from "#test/bench/tcp.ts";

/** Far below what any machine carries: each packet must arrive. */
const LOAD = { do: "send", size: 88, peers: 64, first: 0, rate: 3_200, seconds: 0.25 } as const;
/** Of other kinds on the same link: neighbours that look for each other, the greetings' answers. */
const STRAY = 20;

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

async function assertArrives(lab: BenchLab, kind: Kind, burst: number): Promise<void> {
  const [source, sink] = await endsOf(lab, kind);
  const load: SendCommand = { ...LOAD, kind, burst };
  const counting = sink.do({ do: "count", after: 0, seconds: LOAD.seconds + 0.5 });
  await wait(100); // it has begun
  const sent = await source.do(load);
  const { packets } = await counting;
  assert.equal(sent.packets, LOAD.rate * LOAD.seconds, `${kind}, bursts of ${burst}`);
  const surplus = packets - sent.packets;
  assert.ok(surplus >= 0 && surplus <= STRAY, `${kind}, bursts of ${burst}: ${packets} arrived`);
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
    await lab.startStations();
    await lab.settle(LOAD.peers);
    assert.deepEqual(await schedulingOf(lab, DAEMONS), new Set([`1 ${SCHED_OTHER}`]));
    assert.deepEqual(await schedulingOf(lab, STATIONS), new Set([`0 ${SCHED_OTHER}`]));

    await lab.place("together");
    const all = await schedulingOf(lab, `${DAEMONS} ${STATIONS}`);
    assert.deepEqual(all, new Set([`1 ${SCHED_FIFO}`]));
    for (const kind of ["up", "down"] as const) await assertCarriesAll(lab, kind);

    await lab.place("apart");
    assert.deepEqual(await schedulingOf(lab, DAEMONS), new Set([`1 ${SCHED_OTHER}`]));
    assert.deepEqual(await schedulingOf(lab, STATIONS), new Set([`0 ${SCHED_OTHER}`]));
  } finally {
    await lab.close();
  }
});

/** Of as many as can be sent; with a core each, most of them would be lost. */
async function assertCarriesAll(lab: BenchLab, kind: "up" | "down"): Promise<void> {
  const [source, sink] = await endsOf(lab, kind);
  const counting = sink.do({ do: "count", after: 0, seconds: LOAD.seconds + 0.5 });
  await wait(100); // it has begun
  const sent = await source.do({ ...LOAD, kind, burst: 1, rate: 0, gives: true });
  const { packets } = await counting;
  const surplus = packets - sent.packets;
  assert.ok(surplus >= 0 && surplus <= STRAY, `${kind}: ${packets} of ${sent.packets} arrived`);
}

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
    await lab.greet(LOAD.peers);
    for (const kind of ["up", "down", "plain-up", "plain-down"] as const) {
      for (const burst of [16, 1]) await assertArrives(lab, kind, burst);
    }
    for (const kind of ["solicit", "bubble"] as const) await assertArrives(lab, kind, 1);
    await startTunnel(lab);
    await makeContact(lab);
  } finally {
    await lab.close();
  }
});
