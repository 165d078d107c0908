import process from "node:process";
import { fileURLToPath } from "node:url";
import { CLIENTS } from "#test/bench/lab_scripts.ts";
import {
  HOST_IPV6,
  IPV4_LINK,
  IPV6_LINK,
  RELAY_ADDRESS,
  SERVER_ADDRESS,
} from "#src/demo/topology.ts";
import type { Lab } from "#src/demo/lab.ts";
import { childrenOf } from "#src/demo/lab_process.ts";
import { RELAY_PORT } from "#test/load/load_lab.ts";
import { startSuccessor, wait, writeFile } from "#test/netns/programs.ts";
import type { Prng } from "#test/sim/prng.ts";
import type { Attacked } from "../attack/attacker_main.ts";
import type { AttackPlan } from "../attack/barrage.ts";
import { HttpFlood } from "../attack/http.ts";
import { nodeCommand } from "../parties/command.ts";

/** What is done to a relay that runs, by name. Each is over when it returns. */
export type EventName = keyof typeof ACTIONS;

/** Its limits are off: the clients are one network, and all one server's. */
export const RELAY_CONFIGURATION = `[relay]
interface_name = teredo
bind_port = ${RELAY_PORT}
new_peer_rate = 0
bubble_rate = 0
address_bubble_rate = 0
`;

const RELAY_FILE = "rly-relay.conf";
const pid = `$(pgrep -o -f 'teredo relay')`;
const signal = (name: string) => (lab: Lab) => lab.sh("rly", `kill -${name} ${pid}`);
const DRAINED_MS = 3_000;
const DOWN_SECONDS = 1;
const STOPPED_SECONDS = 1;
const JUNK_SECONDS = 2;
const FLOOD_MS = 3_000;

const ACTIONS = {
  reload: signal("HUP"),
  "reload with other limits": async (lab: Lab) => {
    await writeFile(lab, RELAY_FILE, `${RELAY_CONFIGURATION}icmp_rate = 20\nhold_age = 20s\n`);
    await signal("HUP")(lab);
    await wait(DRAINED_MS);
    await writeFile(lab, RELAY_FILE, RELAY_CONFIGURATION);
    await signal("HUP")(lab);
  },
  "drain and serve again": async (lab: Lab) => {
    await signal("USR1")(lab);
    await wait(DRAINED_MS);
    await signal("USR1")(lab);
  },
  "stopped for a second": async (lab: Lab) => {
    await lab.sh("rly", `kill -STOP ${pid}; sleep ${STOPPED_SECONDS}; kill -CONT ${pid}`);
    // Whoever entered the namespace for it has stopped as well, and would see no end of it.
    for (const child of childrenOf(process.pid)) process.kill(child, "SIGCONT");
  },
  "IPv6 link down for a second": (lab: Lab) =>
    lab.sh(
      "core",
      `ip link set rly-${IPV6_LINK} down; sleep ${DOWN_SECONDS}; ip link set rly-${IPV6_LINK} up`,
    ),
  "interface's address removed": (lab: Lab) => lab.sh("rly", "ip -6 address flush dev teredo"),
  "junk at line rate": junk,
  "flood of the pages": async (lab: Lab) => {
    const flood = await HttpFlood.start(lab, []);
    await wait(FLOOD_MS);
    await flood.end();
  },
  restart: async (lab: Lab) => {
    await lab.sh(
      "rly",
      `old=${pid}; kill -TERM $old; while [ -e /proc/$old ]; do sleep 0.02; done`,
    );
    await startSuccessor(lab, "teredo", RELAY_CONFIGURATION);
  },
  "kill -9 and start": async (lab: Lab) => {
    await lab.sh(
      "rly",
      `old=${pid}; kill -KILL $old; while [ -e /proc/$old ]; do sleep 0.02; done`,
    );
    await startSuccessor(lab, "teredo", RELAY_CONFIGURATION);
  },
} as const;

/** Those that end the relay: seldom, so that what grows in one has the time to. */
export const ENDS: readonly EventName[] = ["restart", "kill -9 and start"];
const OTHERS = (Object.keys(ACTIONS) as EventName[]).filter((name) => !ENDS.includes(name));

/** Events in the order of a seed: each of the others once, then again in another order. */
export class Deck {
  readonly #random: Prng;
  #left: EventName[] = [];

  constructor(random: Prng) {
    this.#random = random;
  }

  draw(): EventName {
    if (this.#left.length === 0) this.#left = [...OTHERS];
    return this.#left.splice(this.#random.below(this.#left.length), 1)[0]!;
  }
}

/** @returns datagrams that it sent to the relay */
export async function happen(lab: Lab, name: EventName): Promise<number> {
  const did = await ACTIONS[name](lab);
  return typeof did === "number" ? did : 0;
}

async function junk(lab: Lab): Promise<number> {
  const file = fileURLToPath(new URL("../attack/attacker_main.ts", import.meta.url));
  const ethernet = async (namespace: string) =>
    /link\/ether (\S+)/.exec(await lab.sh(namespace, `ip -o link show ${IPV4_LINK}`))![1]!;
  const plan: AttackPlan = {
    arm: "strangers",
    seed: 1,
    seconds: JUNK_SECONDS,
    link: `rly-${IPV4_LINK}`,
    from: await ethernet(CLIENTS),
    to: await ethernet("rly"),
    relay: RELAY_ADDRESS,
    relayPort: RELAY_PORT,
    server: SERVER_ADDRESS,
    host: HOST_IPV6,
  };
  const { stdout } = await lab.run("core", nodeCommand(file, plan, ["chrt", "--idle", "0"]));
  return (JSON.parse(stdout) as Attacked).packets;
}
