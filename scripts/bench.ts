/**
 * Our relay and server against Miredo's: `bench.ts ROUNDS`. Run it by scripts/bench.
 *
 * Each round builds a lab for each maker in turn, so that a machine's moods meet both; a row is the
 * median of the rounds, a ratio is ours to Miredo's.
 */
import { cpus, release } from "node:os";
import process from "node:process";
import { HOST_IPV6 } from "#src/demo/topology.ts";
import { type Exchange, LoadLab } from "#test/load/load_lab.ts";
import {
  type Maker,
  startMiredoClient,
  startRelay,
  startServer,
  wait,
} from "#test/netns/programs.ts";

const CLIENTS = 256;
/** Packets a second at which processor time is compared: both carry them without loss. */
const COMPARED_RATE = 40_000;
const COMPARED_SECONDS = 5;
const SOLICITATION_RATE = 30_000;
const SOURCES = 1_000;
/** Rates between which the highest one is looked for, in steps of about 3 %. */
const SLOWEST = 30_000;
const FASTEST = 300_000;
const SEARCH_STEPS = 6;
const SEARCH_SECONDS = 3;
/** Loss that still counts as carried. */
const LOSS = 0.005;
const TCP_SECONDS = 5;
const IPERF_PORT = 5201;

/** The relay has one core for itself; the generator, and what the kernel does for it, the other. */
const GENERATOR_CPU = ["taskset", "-c", "0"];
const DAEMON_CPU = 1;

type Direction = "up" | "down";
const DIRECTIONS: readonly Direction[] = ["up", "down"];

interface Row {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
}

async function pin(load: LoadLab, namespace: string): Promise<void> {
  await load.prefer(namespace);
  await load.lab.sh(
    namespace,
    `for pid in $(ip netns pids ${namespace}); do
  taskset -apc ${DAEMON_CPU} $pid >/dev/null 2>&1 || :
done`,
  );
}

function run(
  load: LoadLab,
  direction: Direction,
  rate: number,
  seconds: number,
): Promise<Exchange> {
  const rates = direction === "up" ? { up: rate, down: 0 } : { up: 0, down: rate };
  return load.exchange({ clients: CLIENTS, ...rates, seconds }, GENERATOR_CPU);
}

/** Share of what was to be sent at this rate that arrived; a generator too slow counts as loss. */
function carried(exchange: Exchange, direction: Direction): number {
  const [sender, receiver] = direction === "up"
    ? [exchange.clients, exchange.host]
    : [exchange.host, exchange.clients];
  const stretched = Math.max(1, sender.sendSeconds / SEARCH_SECONDS);
  return receiver.received / receiver.expected / stretched;
}

/** The highest rate carried, in thousand packets a second; by halving the interval of rates. */
async function highestRate(load: LoadLab, direction: Direction): Promise<number> {
  let low = Math.log(SLOWEST);
  let high = Math.log(FASTEST);
  for (let i = 0; i < SEARCH_STEPS; i++) {
    const middle = (low + high) / 2;
    const exchange = await run(load, direction, Math.round(Math.exp(middle)), SEARCH_SECONDS);
    if (carried(exchange, direction) >= 1 - LOSS) low = middle;
    else high = middle;
    await wait(500);
  }
  return Math.exp(low) / 1_000;
}

/** Microseconds of the relay's core for each packet carried, at a rate that both manage. */
async function timePerPacket(load: LoadLab, direction: Direction): Promise<number> {
  const before = await load.usage("rly");
  const exchange = await run(load, direction, COMPARED_RATE, COMPARED_SECONDS);
  const after = await load.usage("rly");
  const packets = exchange.clients.received + exchange.host.received;
  return (after.cpu - before.cpu) / 1_000 / packets;
}

async function measurePackets(maker: Maker): Promise<Row[]> {
  const load = await LoadLab.create();
  try {
    await startRelay(load.lab, maker);
    await pin(load, "rly");
    const rows: Row[] = [];
    for (const direction of DIRECTIONS) {
      await run(load, direction, COMPARED_RATE, 2); // so that nobody is measured cold
      const time = await timePerPacket(load, direction);
      rows.push({ name: `relay time per packet, ${direction}`, unit: "us", value: time });
      const rate = await highestRate(load, direction);
      rows.push({ name: `highest rate, ${direction}`, unit: "1000/s", value: rate });
    }
    return rows;
  } finally {
    await load.close();
  }
}

interface IperfReport {
  readonly error?: string;
  readonly end: {
    readonly sum_received: { readonly bits_per_second: number; readonly bytes: number };
  };
}

async function measureTcp(maker: Maker): Promise<Row[]> {
  const load = await LoadLab.create();
  try {
    await load.makeWireLike();
    await startServer(load.lab, "miredo");
    await startRelay(load.lab, maker);
    await startMiredoClient(load.lab, "cli0");
    const server = load.lab.spawn("host6", ["iperf3", "-s", "--forceflush", "-p", `${IPERF_PORT}`]);
    await server.waitForLine(/listening/, 10_000);
    const rows: Row[] = [];
    for (const direction of DIRECTIONS) {
      const before = await load.usage("rly");
      const received = await iperf(load, direction);
      const after = await load.usage("rly");
      const perGigabyte = (after.cpu - before.cpu) / 1e9 / (received.bytes / 1e9);
      rows.push(
        { name: `TCP, ${direction}`, unit: "Mbit/s", value: received.bits_per_second / 1e6 },
        { name: `relay time per GB of TCP, ${direction}`, unit: "s", value: perGigabyte },
      );
    }
    return rows;
  } finally {
    await load.close();
  }
}

async function iperf(
  load: LoadLab,
  direction: Direction,
): Promise<IperfReport["end"]["sum_received"]> {
  const argv = ["iperf3", "-J", "-c", HOST_IPV6, "-p", `${IPERF_PORT}`, "-t", `${TCP_SECONDS}`];
  if (direction === "down") argv.push("-R");
  const { stdout, stderr } = await load.lab.run("cli0", argv);
  const report = JSON.parse(stdout || "{}") as Partial<IperfReport>;
  if (report.end?.sum_received === undefined) {
    throw new Error(`iperf3 ${direction}: ${report.error ?? stderr}`);
  }
  return report.end.sum_received;
}

async function measureServer(maker: Maker): Promise<Row[]> {
  const load = await LoadLab.create();
  try {
    await startServer(load.lab, maker);
    await pin(load, "srv");
    const plan = { rate: SOLICITATION_RATE, seconds: COMPARED_SECONDS, sources: SOURCES };
    await load.solicit(plan, GENERATOR_CPU); // so that nobody is measured cold
    const before = await load.usage("srv");
    const { received } = await load.solicit(plan, GENERATOR_CPU);
    const after = await load.usage("srv");
    const value = (after.cpu - before.cpu) / 1_000 / received;
    return [{ name: "server time per solicitation", unit: "us", value }];
  } finally {
    await load.close();
  }
}

async function measure(maker: Maker): Promise<Row[]> {
  return [
    ...await measurePackets(maker),
    ...await measureTcp(maker),
    ...await measureServer(maker),
  ];
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function print(miredo: readonly Row[][], teredo: readonly Row[][]): void {
  const values = (rounds: readonly Row[][], name: string) =>
    rounds.map((rows) => rows.find((row) => row.name === name)!.value);
  console.log("| | unit | Miredo | teredo | ratio |");
  console.log("|---|---|---|---|---|");
  for (const { name, unit } of miredo[0]!) {
    const [theirs, ours] = [values(miredo, name), values(teredo, name)];
    const ratio = median(ours.map((value, round) => value / theirs[round]!));
    console.log(`| ${name} | ${unit} | ${text(theirs)} | ${text(ours)} | ${ratio.toFixed(2)} |`);
  }
}

/** Median, and the range where there were several rounds. */
function text(values: readonly number[]): string {
  const one = (value: number) => value >= 100 ? value.toFixed(0) : value.toFixed(2);
  if (values.length === 1) return one(values[0]!);
  return `${one(median(values))} [${one(Math.min(...values))}-${one(Math.max(...values))}]`;
}

const rounds = Number(process.argv[2]);
const results: Record<Maker, Row[][]> = { miredo: [], teredo: [] };
for (let round = 1; round <= rounds; round++) {
  for (const maker of ["miredo", "teredo"] as const) {
    console.error(`round ${round} of ${rounds}: ${maker}`);
    const rows = await measure(maker);
    for (const { name, unit, value } of rows) {
      console.error(`  ${name}: ${value.toFixed(2)} ${unit}`);
    }
    results[maker].push(rows);
  }
}
console.log(`${cpus().length} x ${cpus()[0]!.model}, Linux ${release()}\n`);
print(results.miredo, results.teredo);
