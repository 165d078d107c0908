import { HOST_IPV6, RELAY_ADDRESS } from "#src/demo/topology.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { RELAY_PORT } from "#test/load/load_lab.ts";
import { clientIpv6 } from "#test/load/plan.ts";
import { START_PATIENCE } from "#test/netns/programs.ts";
import type { BenchLab } from "./bench_lab.ts";
import { CLIENTS } from "./lab_scripts.ts";
import type { LabName, Labs } from "./labs.ts";
import { type Direction, DIRECTIONS } from "./packets.ts";
import { benchScript } from "./remote_station.ts";
import { NO_WORSE, type Results, type RowSpec, type Target, type Who } from "./results.ts";
import { TUNNEL } from "./station_contract.ts";
import type { TunnelPlan } from "./tunnel_client.ts";

/** The fast path leaves super-packets alone before it looks at anything else of them. */
const MAKERS = {
  real: ["miredo", "teredo", "fast", "kernel"],
  super: ["miredo", "teredo", "kernel"],
} as const;
const FLOWS = [1, 8] as const;
const SECONDS = 1;
const PORT = 5201;
/** What a segment carries when an IPv6 packet has 1280 bytes. */
const SEGMENT = 1280 - 40 - 20;

/** Least ratios to Miredo's rate, by direction; then those to plain forwarding. */
const TARGETS: Record<"real" | "super", Record<Direction, readonly Target[]>> = {
  real: {
    up: [{ than: "miredo", ratio: 4.5 }, { than: "kernel", ratio: 0.95 }, NO_WORSE],
    down: [{ than: "miredo", ratio: 4.2 }, { than: "kernel", ratio: 0.95 }, NO_WORSE],
  },
  super: {
    up: [{ than: "miredo", ratio: 10 }],
    down: [{ than: "miredo", ratio: 8 }],
  },
};

/** (a) TCP through the relay, and the same without a tunnel. */
export async function measureTcp(labs: Labs, results: Results): Promise<void> {
  for (const frames of ["super", "real"] as const) {
    for (const name of MAKERS[frames]) await (await labs.get(name)).setFrames(frames);
    for (const direction of DIRECTIONS) {
      for (const flows of FLOWS) {
        const specs = rowsOf(frames, direction, flows);
        for (const who of MAKERS[frames]) {
          await measureOne(labs, results, specs, who, direction, flows);
        }
      }
    }
  }
}

function rowsOf(frames: "real" | "super", direction: Direction, flows: number): RowSpec[] {
  const name = `${direction}, ${flows} flow${flows === 1 ? "" : "s"}`;
  const wireLike = frames === "real";
  return [
    {
      part: "a",
      name: `TCP, ${name}`,
      unit: "Gbit/s",
      better: "more",
      wireLike,
      targets: TARGETS[frames][direction],
    },
    {
      part: "c",
      name: `a TCP segment, ${name}`,
      unit: "us",
      better: "less",
      wireLike,
      targets: [{ than: "miredo", ratio: 0.3 }],
    },
  ];
}

async function measureOne(
  labs: Labs,
  results: Results,
  specs: readonly RowSpec[],
  who: Who,
  direction: Direction,
  flows: number,
): Promise<void> {
  const measure = async () => {
    const lab = await labs.get(who as LabName);
    await prepare(lab);
    const before = await lab.cpu("rly");
    const { bits_per_second, bytes } = await iperf(lab, direction, flows);
    const used = await lab.cpu("rly") - before;
    return [bits_per_second / 1e9, used / 1_000 / (bytes / SEGMENT)];
  };
  // Plain forwarding has no process whose time could be taken.
  const wanted = who === "kernel" ? specs.slice(0, 1) : specs;
  await results.measureAll(wanted, who, measure);
}

const prepared = new WeakSet<BenchLab>();

/** Starts what both ends run, once for each lab; then makes contact, which trust needs each time. */
async function prepare(lab: BenchLab): Promise<void> {
  const isTunnel = lab.parties.maker !== undefined;
  if (!prepared.has(lab)) {
    prepared.add(lab);
    const argv = ["iperf3", "-s", "--forceflush", "-p", `${PORT}`];
    await lab.load.lab.spawn("host6", argv).waitForLine(/listening/, START_PATIENCE);
    if (isTunnel) await startTunnel(lab);
  }
  if (isTunnel) await makeContact(lab);
}

/** Gives the clients' namespace an interface that leads through the relay to the host. */
export async function startTunnel(lab: BenchLab): Promise<void> {
  await lab.clients();
  const plan: TunnelPlan = {
    interfaceName: "teredo",
    client: TUNNEL,
    relay: RELAY_ADDRESS,
    relayPort: RELAY_PORT,
  };
  const { lab: net } = lab.load;
  const client = net.spawn(CLIENTS, benchScript("tunnel_client.ts", plan));
  await client.waitForLine(/ready/, START_PATIENCE);
  await net.sh(
    CLIENTS,
    `ip link set teredo mtu 1280 txqueuelen 1000 up
ip -6 address add ${formatIpv6(clientIpv6(TUNNEL))}/128 dev teredo nodad
ip -6 route replace 2001:db8:1::/64 dev teredo`,
  );
}

/** From the host to the tunnel's client and back. @throws Error when nothing returns */
export async function makeContact(lab: BenchLab): Promise<void> {
  const address = formatIpv6(clientIpv6(TUNNEL));
  const argv = ["ping", "-6", "-c", "1", "-w", "60", "-i", "0.5", address];
  const { status, stdout } = await lab.load.lab.run("host6", argv, { timeout: START_PATIENCE });
  if (status !== 0) throw new Error(`no contact with ${address}: ${stdout}`);
}

interface Received {
  readonly bits_per_second: number;
  readonly bytes: number;
}

async function iperf(lab: BenchLab, direction: Direction, flows: number): Promise<Received> {
  const argv = ["iperf3", "-J", "-c", HOST_IPV6, "-p", `${PORT}`, "-t", `${SECONDS}`];
  argv.push("-P", `${flows}`, ...(direction === "down" ? ["-R"] : []));
  for (let patience = 3;; patience--) {
    const { stdout, stderr } = await lab.load.lab.run(CLIENTS, argv, { timeout: 15_000 });
    const report = JSON.parse(stdout || "{}");
    const received: Received | undefined = report.end?.sum_received;
    if (received !== undefined) return received;
    const problem: string = report.error ?? stderr;
    // It may still be with the flows of the measurement before.
    if (patience === 0 || !problem.includes("busy")) throw new Error(`iperf3: ${problem}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
