import { execFileSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { metric } from "#test/netns/programs.ts";
import type { BenchLab } from "./bench_lab.ts";
import type { Labs } from "./labs.ts";
import { capacity, type Direction, DIRECTIONS, type Spread } from "./packets.ts";
import { NO_WORSE, OURS, type Ours, type Results, type RowSpec } from "./results.ts";

/** As many as the table has room for by default; the clients of the rates are among them. */
const PEERS = 2 ** 20;
const NEW_PEERS_A_SECOND = 40_000;
const REPEATS = 3;
const PEERS_REPORT: string = fileURLToPath(new URL("../load/peers_report.ts", import.meta.url));
const MEBIBYTE = 1024 * 1024;
const WARM: Spread = { size: 88, peers: 10_000, burst: 1 };
/** By one process, so that what they themselves cost is little. */
const VIEWERS = [
  "curl",
  ...["--parallel", "--parallel-max", "50", "--no-buffer", "--silent", "--output", "/dev/null"],
  "http://127.0.0.1:9545/events#[1-50]",
];
/** One after the other, which takes some seconds: each prints how long its answer took. */
const ASK_HEALTH = [
  "curl",
  ...["--silent", "--output", "/dev/null", "--write-out", "%{time_total}\n", "--rate", "100/s"],
  "http://127.0.0.1:9545/healthz#[1-300]",
];
/** Until all of them are let in, or are not. */
const SETTLED = 2_000;
const SPREADS: readonly (readonly [Spread, name: string])[] = [
  [{ size: 88, peers: 1, burst: 16 }, "1 peer, bursts of 16"],
  [{ size: 88, peers: 64, burst: 1 }, "64 peers, scattered"],
];

/**
 * (f) what the relay carries with a million peers, and what they cost: in a process that does nothing
 * but that, and in a relay.
 */
export async function measureMillion(labs: Labs, results: Results): Promise<void> {
  await measureTable(results);
  await measureRelay(labs, results);
}

/** What `peers_report.ts` says of the rules alone. */
async function measureTable(results: Results): Promise<void> {
  const report = JSON.parse(
    execFileSync(process.execPath, [PEERS_REPORT], { encoding: "utf8", timeout: 600_000 }),
  );
  const less = (name: string, unit: string, most?: number) =>
    ({ ...row(name, unit), better: "less", ...(most ? { most } : {}) }) as const;
  const memory = less("the rules alone: memory by peer", "bytes", 160);
  await results.add(memory, "teredo", report.bytesPerPeer);
  for (const [call, milliseconds] of Object.entries<number>(report.longestMs)) {
    await results.add(less(`the rules alone: longest ${call}`, "ms", 5), "teredo", milliseconds);
  }
  for (const [peers, nanoseconds] of Object.entries<number>(report.nsPerLookup)) {
    const among = Number(peers).toLocaleString("en");
    await results.add(less(`the rules alone: lookup among ${among}`, "ns"), "teredo", nanoseconds);
  }
}

/** How much the peers take, then rates against those of another relay with few of them. */
async function measureRelay(labs: Labs, results: Results): Promise<void> {
  for (const who of OURS) await measureMemory(await labs.get(`${who}-full`), who, results);
  for (const direction of DIRECTIONS) {
    for (const [spread, name] of SPREADS) {
      for (let i = 0; i < REPEATS; i++) {
        for (const who of OURS) await measureRate(labs, who, results, direction, spread, name);
      }
    }
  }
  await measureViewers(await labs.get("teredo-full"), results);
}

async function measureMemory(full: BenchLab, who: Ours, results: Results): Promise<void> {
  // Code is compiled and buffers are touched by then: what comes on top are the peers.
  for (const direction of DIRECTIONS) await capacity(full, direction, WARM);
  const before = (await full.load.usage("rly")).memory;
  await results.measure(row("new peers taken up and trusted", "1000/s"), who, async () => {
    return PEERS / await full.fill(PEERS, NEW_PEERS_A_SECOND) / 1_000;
  });
  const after = (await full.load.usage("rly")).memory;
  const peers = await metric(full.load.lab, "rly", 9545, "teredo_peers");
  await results.add(row("peers in the table", "1000"), who, peers / 1_000);
  const memory = { ...row("relay, resident memory with them", "MiB"), better: "less" } as const;
  await results.add(memory, who, after / MEBIBYTE);
  const each = {
    ...row("more memory than with 10,000, by peer", "bytes"),
    better: "less",
    most: 160,
  };
  await results.add(each as RowSpec, who, (after - before) / (peers - WARM.peers));
}

async function measureRate(
  labs: Labs,
  who: Ours,
  results: Results,
  direction: Direction,
  spread: Spread,
  name: string,
): Promise<void> {
  const what = `${direction}, ${name}`;
  const specs: RowSpec[] = [
    { ...row(`rate to that with few peers, ${what}`, "x"), least: 0.9 },
    { ...row(`rate, ${what}`, "1000/s"), wireLike: true, targets: [NO_WORSE] },
  ];
  await results.measureAll(specs, who, async () => {
    const [few, full] = await Promise.all([labs.get(who), labs.get(`${who}-full`)]);
    await Promise.all([few.settle(spread.peers), full.settle(spread.peers)]);
    const fewRate = await capacity(few, direction, spread);
    const { value } = await capacity(full, direction, spread);
    return [value / fewRate.value, value];
  });
}

/** What it costs that many look on: as many as are let in, by events; the others are turned away. */
async function measureViewers(full: BenchLab, results: Results): Promise<void> {
  const { lab } = full.load;
  const pause = {
    ...row("slowest of 300 answers of /healthz while 50 look on", "ms"),
    better: "less",
    most: 50,
  } as const;
  for (let i = 0; i < REPEATS; i++) {
    const viewers = lab.spawn("rly", VIEWERS);
    await new Promise((resolve) => setTimeout(resolve, SETTLED));
    const { stdout } = await lab.run("rly", ASK_HEALTH);
    await viewers.stop();
    const seconds = stdout.trim().split("\n").map(Number);
    await results.add(pause, "teredo", 1_000 * Math.max(...seconds));
  }
  for (const direction of DIRECTIONS) {
    for (const [spread, name] of SPREADS) {
      const spec = row(`rate while 50 look on to that without, ${direction}, ${name}`, "x");
      for (let i = 0; i < REPEATS; i++) {
        await results.measure({ ...spec, least: 0.97 }, "teredo", async () => {
          const alone = await capacity(full, direction, spread);
          const viewers = full.load.lab.spawn("rly", VIEWERS);
          await new Promise((resolve) => setTimeout(resolve, SETTLED));
          const watched = await capacity(full, direction, spread);
          await viewers.stop();
          return watched.value / alone.value;
        });
      }
    }
  }
}

function row(name: string, unit: string): RowSpec {
  return { part: "f", name, unit, better: "more", ...(unit === "x" ? { wireLike: true } : {}) };
}
