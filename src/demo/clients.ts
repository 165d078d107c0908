import type { Lab } from "./lab.ts";
import { selfCommand } from "./self.ts";
import { counted, get, type Say, START_PATIENCE, untilReady, writeFile } from "./stage.ts";
import { SERVER_ADDRESS, type Site } from "./topology.ts";

/** Clients behind NATs of their own that find each other. RFC 4380 §5.2.6, RFC 6081 */

const STATUS = "http://127.0.0.1:9546";
const PINGS = 4;
/** Counters of what passed and of what it took. */
const COUNTERS = /^teredo_(udp|ipv6|bubbles|client_\w+|drops)_.*(total|_total\{.*\}) [^0]/;

/** Starts all clients, one after the other; the first one then pings the others. @returns whether all answered */
export async function showClients(lab: Lab, say: Say): Promise<boolean> {
  const addresses: string[] = [];
  for (const [i, site] of lab.sites.entries()) {
    say(`\nclient${i + 1} asks the server for an address; what passes is indented:\n`);
    addresses.push(await qualify(lab, site, say));
  }
  let answered = true;
  for (const [i, address] of addresses.entries()) {
    if (i === 0) continue;
    say(`\nclient1 pings client${i + 1}, and neither has heard of the other:\n`);
    if (!await ping(lab, lab.sites[0]!, address, say)) answered = false;
  }
  say(`\nclient1 counted, by ${STATUS}/metrics (without what is zero):\n`);
  for (const line of await counted(lab, lab.sites[0]!.client, STATUS, COUNTERS)) say(`  ${line}`);
  return answered;
}

/** What it needs of `GET /status`. */
interface Status {
  readonly client?: {
    readonly address?: string;
    readonly mapped?: string;
    readonly local?: string;
    readonly nat: string;
  };
}

/** @returns the client's Teredo address */
async function qualify(lab: Lab, site: Site, say: Say): Promise<string> {
  const { client: name } = site;
  // All of the lab shares one /run.
  const folder = `/run/${name}`;
  const lines = [`servers = ${SERVER_ADDRESS}`, `state_file = ${folder}/state.json`];
  const file = await writeFile(lab, `${name}.ini`, `[client]\n${lines.join("\n")}\n`);
  await lab.sh(name, `mkdir -p ${folder}`);
  const argv = ["env", `RUNTIME_DIRECTORY=${folder}`, ...selfCommand(), "client", "-c", file];
  await untilReady(lab, name, STATUS, lab.spawn(name, argv));
  const text = await get(lab, name, `${STATUS}/status`);
  const { client } = JSON.parse(text ?? "{}") as Status;
  if (client?.address === undefined) throw new Error(`${name} has no address: ${text}`);
  say(`seen as ${client.mapped}, NAT: ${client.nat.replaceAll("_", " ")}`);
  say(`Teredo address ${client.address}`);
  return client.address;
}

async function ping(lab: Lab, site: Site, address: string, say: Say): Promise<boolean> {
  const patience = `${START_PATIENCE / 1_000}`;
  // With -w it goes on until it has as many answers: -W is for the first one alone.
  const argv = ["ping", "-6", "-n", "-i", "0.5", "-c", `${PINGS}`, "-w", patience, address];
  const pinging = lab.spawn(site.client, argv);
  // One line for each answer, and for each that has none.
  pinging.onLine((line) => /icmp_seq=|packet loss/.test(line) && say(line));
  const { stdout } = await pinging.result;
  return unansweredIn(stdout, PINGS).length === 0;
}

/** Which of the first `count` packets of ping(8) have no answer in what it printed. */
export function unansweredIn(printed: string, count: number): number[] {
  const answers = printed.matchAll(/icmp_seq=(\d+) .*time=/g);
  const answered = new Set([...answers].map(([, sequence]) => Number(sequence)));
  return Array.from({ length: count }, (_, i) => i + 1).filter((it) => !answered.has(it));
}
