import { fileURLToPath } from "node:url";
import { CLIENTS } from "#test/bench/lab_scripts.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import {
  HOST_IPV6,
  IPV4_LINK,
  IPV6_LINK,
  RELAY_ADDRESS,
  SERVER_ADDRESS,
} from "#src/demo/topology.ts";
import { type Exchange, LoadLab, RELAY_PORT } from "#test/load/load_lab.ts";
import { GENERATOR_NETWORK } from "#test/load/plan.ts";
import { introduce } from "#test/netns/hostile.ts";
import { type Maker, START_PATIENCE, startRelay, startServer, wait } from "#test/netns/programs.ts";
import type { Attacked } from "./attacker_main.ts";
import type { Arm, AttackPlan } from "./barrage.ts";
import { HttpFlood } from "./http.ts";
import type { Asked } from "../parties/asker_main.ts";
import type { NewcomersPlan, NewcomersTold } from "../parties/newcomers.ts";
import { nodeCommand } from "../parties/command.ts";

/** Honest flows, and packets of all of them in a second, each way. */
export const FLOWS = 1_000;
export const FLOW_RATE = 5_000;
/** New clients a second that are measured; and those of the attacker, which come and are gone. */
export const NEWCOMERS_RATE = 20;
export const CHURN_RATE = 500;
/** Which of the generator's addresses are whose, behind the flows' own. */
const NEWCOMERS_FIRST = 100_000;
const CHURN_FIRST = 200_000;
const CHURN_ADDRESSES = 65_536;
/** The flows are greeted in peace. */
const GREETING_MS = 3_000;
/** The core of everything that sends; and that of the daemons alone. */
const SENDERS_CPU = "0";
const DAEMONS_CPU = "1";
const PIN = ["taskset", "-c", SENDERS_CPU];
/** An attacker takes all that is left of the senders' core, so that honest senders keep their pace. */
const ATTACKER = [...PIN, "chrt", "--idle", "0"];

export interface Battle {
  /** Of the flows, and for how many of them the attack went on. */
  readonly seconds: number;
  readonly attacked: number;
  readonly flows: Exchange;
  readonly newcomers: NewcomersTold;
  readonly joinTimes: readonly number[];
  readonly churn: NewcomersTold;
  readonly attack: Readonly<Record<Arm, Attacked>>;
  /** Of the relay's pages, while they are flooded. Nobody serves pages but us. */
  readonly pages?: Asked;
  /** Most resident memory, in MiB. */
  readonly memory: { readonly relay: number; readonly server: number };
  /** Packets that the kernel threw away as the relay had not taken those before: at its socket, and TUN. */
  readonly overflows: { readonly socket: number; readonly tun: number };
  readonly ended: readonly string[];
}

/** All arms at once against one maker's relay and server, while honest clients go on. */
export async function fight(maker: Maker, seconds: number, seed: number): Promise<Battle> {
  const load = await LoadLab.create(true);
  try {
    const { lab } = load;
    await lab.sh("core", exposing(lab.sites[0]!.publicAddress));
    await introduce(lab, ["srv", "rly", "host6", CLIENTS]);
    await load.makeWireLike();
    const daemons = [
      await startServer(lab, maker),
      await startRelay(lab, maker, relayConfiguration(maker)),
    ];
    for (const name of ["rly", "srv"]) await load.prefer(name);
    await lab.sh("core", pinning());
    const begun = performance.now();
    const flows = load.exchange(
      { clients: FLOWS, up: FLOW_RATE, down: FLOW_RATE, seconds, burst: 1 },
      PIN,
    );
    flows.catch(() => {});
    await wait(GREETING_MS);
    // Before the arms: of what those leave of a core it would take long to start.
    const churn = newcomers(load, { ...CHURN, seconds: seconds - GREETING_MS / 1_000 }, ATTACKER);
    await churn.waitForLine(/listening/, START_PATIENCE);
    const attacked = seconds - (performance.now() - begun) / 1_000;
    // A little longer than the flows, which have begun some time after they were started.
    const raging = attacked + 2;
    const arms = await startArms(load, raging, seed);
    const honest = newcomers(load, { ...HONEST, seconds: raging - 2 }, PIN);
    const flood = maker === "teredo" ? await HttpFlood.start(lab, ATTACKER) : undefined;
    const asker = flood && ask(load, raging - 2);
    const memory = await watchMemory(load, raging);
    await flood?.end();
    const pages = asker && JSON.parse((await asker.result).stdout) as Asked;
    const told = await toldBy(honest);
    return {
      seconds,
      attacked,
      flows: await flows,
      newcomers: told.at(-1)!,
      joinTimes: told.flatMap(({ joinTimes }) => joinTimes),
      churn: (await toldBy(churn)).at(-1)!,
      attack: await attackedBy(arms),
      ...(pages === undefined ? {} : { pages }),
      memory,
      overflows: await overflowsOf(load),
      ended: daemons.filter(({ ended }) => ended).map(({ argv }) => argv.join(" ")),
    };
  } finally {
    await load.close();
  }
}

/**
 * As it is by default, but for one limit: the flows' clients are all one server's, and greeted at once.
 */
function relayConfiguration(maker: Maker): string {
  return maker === "miredo"
    ? `RelayType relay\nInterfaceName teredo\nBindPort ${RELAY_PORT}\n`
    : `[relay]\ninterface_name = teredo\nbind_port = ${RELAY_PORT}\naddress_bubble_rate = 5000\n`;
}

const COMMON = { pulse: 0, server: SERVER_ADDRESS, host: HOST_IPV6 } as const;
const HONEST: Omit<NewcomersPlan, "seconds"> = {
  ...COMMON,
  port: 5_001,
  first: NEWCOMERS_FIRST,
  addresses: CHURN_ADDRESSES,
  rate: NEWCOMERS_RATE,
  qualifies: true,
};
const CHURN: Omit<NewcomersPlan, "seconds"> = {
  ...COMMON,
  port: 5_002,
  first: CHURN_FIRST,
  addresses: CHURN_ADDRESSES,
  rate: CHURN_RATE,
  qualifies: false,
};

function newcomers(load: LoadLab, plan: NewcomersPlan, pin: readonly string[]): LabProcess {
  const file = new URL("../parties/newcomers_main.ts", import.meta.url);
  return load.lab.spawn(CLIENTS, nodeCommand(fileURLToPath(file), plan, pin));
}

function ask({ lab }: LoadLab, seconds: number): LabProcess {
  const file = fileURLToPath(new URL("../parties/asker_main.ts", import.meta.url));
  const plan = { url: "http://127.0.0.1:9545", seconds };
  return lab.spawn("rly", nodeCommand(file, plan, PIN));
}

async function toldBy(process: LabProcess): Promise<NewcomersTold[]> {
  const { status, stdout, stderr } = await process.result;
  if (status !== 0) throw new Error(`newcomers: ${stderr}`);
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

type Arms = Readonly<Record<Arm, LabProcess>>;

async function startArms({ lab }: LoadLab, seconds: number, seed: number): Promise<Arms> {
  const file = fileURLToPath(new URL("attacker_main.ts", import.meta.url));
  const ethernet = async (namespace: string, link: string) =>
    /link\/ether (\S+)/.exec(await lab.sh(namespace, `ip -o link show ${link}`))![1]!;
  const start = async (arm: Arm, from: string, to: string, link: string) => {
    const plan: AttackPlan = {
      arm,
      seed,
      seconds,
      link: `${to}-${link}`,
      from: await ethernet(from, link),
      to: await ethernet(to, link),
      relay: RELAY_ADDRESS,
      relayPort: RELAY_PORT,
      server: SERVER_ADDRESS,
      host: HOST_IPV6,
    };
    return lab.spawn("core", nodeCommand(file, plan, ATTACKER));
  };
  return {
    strangers: await start("strangers", CLIENTS, "rly", IPV4_LINK),
    scan: await start("scan", "host6", "rly", IPV6_LINK),
    solicitations: await start("solicitations", CLIENTS, "srv", IPV4_LINK),
  };
}

async function attackedBy(arms: Arms): Promise<Record<Arm, Attacked>> {
  const told = async ([arm, process]: [string, LabProcess]) => {
    const { status, stdout, stderr } = await process.result;
    if (status !== 0) throw new Error(`${arm}: ${stderr}`);
    return [arm, JSON.parse(stdout)];
  };
  return Object.fromEntries(await Promise.all(Object.entries(arms).map(told)));
}

async function overflowsOf({ lab }: LoadLab): Promise<Battle["overflows"]> {
  const lines = (await lab.sh("rly", "cat /proc/net/snmp")).split("\n");
  const [names, values] = lines.filter((line) => line.startsWith("Udp: "))
    .map((line) => line.split(" "));
  const [link] = JSON.parse(await lab.sh("rly", "ip -s -j link show teredo"));
  return {
    socket: Number(values![names!.indexOf("RcvbufErrors")]),
    tun: link.stats64.tx.dropped,
  };
}

/** Looks once a second. @returns the most that each had, in MiB */
async function watchMemory(load: LoadLab, seconds: number): Promise<Battle["memory"]> {
  const most = { relay: 0, server: 0 };
  const end = performance.now() + 1_000 * seconds;
  while (performance.now() < end) {
    for (
      const [who, program] of [["relay", "miredo|teredo relay"], ["server", "server"]] as const
    ) {
      const text = await load.lab.sh("core", memoryScript(program));
      most[who] = Math.max(most[who], Number(text) / 1_024);
    }
    await wait(1_000);
  }
  return most;
}

/** Of the largest process of that command line in the lab, in KiB. */
function memoryScript(program: string): string {
  const namespace = program.includes("relay") ? "rly" : "srv";
  return `for pid in $(ip netns pids ${namespace}); do
  grep -qE 'teredo|miredo' /proc/$pid/comm 2>/dev/null || continue
  sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$pid/status 2>/dev/null || :
done | sort -n | tail -1\n`;
}

/**
 * Whatever the daemons send to anybody leaves by the clients' link, and ends where it arrives: the cost
 * is theirs, the answer nobody's.
 */
function exposing(gateway: string): string {
  return `for name in rly srv; do
  ip -n $name route add default via ${gateway}
  nsenter --net=/run/netns/$name sh -c 'for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$file; done'
done
nsenter --net=/run/netns/${CLIENTS} nft -f - <<'RULES'
table netdev nobody {
  chain arriving {
    type filter hook ingress device "${IPV4_LINK}" priority 0
    ip daddr != { ${GENERATOR_NETWORK}, 198.51.100.0/24 } drop
  }
}
RULES
`;
}

/** All threads of the daemons on one core of their own. */
function pinning(): string {
  return `for name in rly srv; do
  for pid in $(ip netns pids $name); do taskset -apc ${DAEMONS_CPU} $pid >/dev/null || :; done
done
`;
}
