import { namespacesRefused } from "#src/errors.ts";
import { Lab } from "./lab.ts";
import { showClients } from "./clients.ts";
import type { NatKind } from "./nat.ts";
import { selfCommand } from "./self.ts";
import { missingForLab } from "./tools.ts";
import {
  counted,
  RELAY_STATUS,
  type Say,
  START_PATIENCE,
  startDaemons,
  startWatching,
} from "./stage.ts";
import { drawing, howToEnter, LOOK_FURTHER, namer } from "./text.ts";
import { HOST_IPV6, SERVER_ADDRESS, type Site } from "./topology.ts";
import { watchLinks } from "./watch.ts";

export interface DemoOptions {
  /** The NAT in front of the client, or of each; default: port-restricted, which most homes have. */
  readonly nat?: readonly NatKind[] | undefined;
  /** So many clients that find each other, in place of one that finds a host. */
  readonly clients?: number | undefined;
  /** Leave the network up until Ctrl-C, to look around in. */
  readonly keep?: boolean | undefined;
  /**
   * For the demo's own use, in a namespace of the lab: `watch` prints what passes the bridges, a URL
   * is fetched and printed as soon as it answers with success.
   */
  readonly inside?: string | undefined;
}

export interface DemoIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/** Behind NATs that a client without RFC 6081 does not get through. */
const NATS_OF_CLIENTS: readonly NatKind[] = ["port-restricted", "port-preserving"];
const PINGS = 4;

/**
 * Builds the network of `topology.ts`, runs our server, our relay and clients in it, and shows what passes.
 *
 * @returns 0 when every ping was answered; 1 otherwise
 */
export async function runDemo(options: DemoOptions, io: DemoIo): Promise<number> {
  if (options.inside === "watch") return await watchLinks(namer(options.clients ?? 1));
  if (options.inside !== undefined) return await fetchInside(options.inside, io);
  const missing = missingForLab();
  if (missing.length > 0) return complain(missing.join("\n"), io);

  const interrupt = onInterrupt();
  let lab: Lab | undefined;
  try {
    const { nat = NATS_OF_CLIENTS, clients } = options;
    lab = await createLab(Array.from({ length: clients ?? 1 }, (_, i) => nat[i % nat.length]!));
    const shown = show(
      lab,
      clients !== undefined,
      (text) => !interrupt.came && io.stdout.write(`${text}\n`),
    );
    const status = await Promise.race([shown, interrupt.promise.then(() => 1)]);
    if (options.keep && !interrupt.came) {
      io.stdout.write(howToEnter(lab));
      await interrupt.promise;
    }
    return status;
  } catch (error) {
    return complain(error instanceof Error ? error.message : String(error), io);
  } finally {
    await lab?.close();
    if (lab !== undefined) io.stdout.write("The network is gone; nothing is left behind.\n");
  }
}

function complain(problem: string, io: DemoIo): number {
  io.stderr.write(`${problem}\n`);
  return 1;
}

interface Interrupt {
  came: boolean;
  readonly promise: Promise<void>;
}

/** The first Ctrl-C or SIGTERM. */
function onInterrupt(): Interrupt {
  const { promise, resolve } = Promise.withResolvers<void>();
  const interrupt = { came: false, promise };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      interrupt.came = true;
      resolve();
    });
  }
  return interrupt;
}

async function createLab(nats: readonly NatKind[]): Promise<Lab> {
  try {
    return await Lab.create({ nats });
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw namespacesRefused("The lab", problem, process.getuid?.() === 0);
  }
}

async function show(lab: Lab, isOfClients: boolean, say: Say): Promise<number> {
  say(drawing(lab.sites));
  await startDaemons(lab, say);
  await startWatching(lab, say);
  const answered = isOfClients ? await showClients(lab, say) : await showProbe(lab, say);
  say(LOOK_FURTHER);
  return answered ? 0 : 1;
}

async function showProbe(lab: Lab, say: Say): Promise<boolean> {
  const answered = await probe(lab, lab.sites[0]!, say);
  say(`\nThe relay counted, by ${RELAY_STATUS}/metrics (without what is zero):\n`);
  for (const line of await counted(lab, "rly", RELAY_STATUS, COUNTERS)) say(`  ${line}`);
  return answered;
}

async function probe(lab: Lab, site: Site, say: Say): Promise<boolean> {
  say(`\nA client behind the NAT qualifies and pings ${HOST_IPV6}; what passes is indented:\n`);
  const argv = ["probe", SERVER_ADDRESS, "--ping", HOST_IPV6, "--count", `${PINGS}`];
  const client = lab.spawn(site.client, [...selfCommand(), ...argv]);
  client.onLine((line) => line !== "" && say(line));
  const { status, stdout } = await client.result;
  return status === 0 && stdout.includes(`${PINGS} of ${PINGS}`);
}

/** What the relay counted at all. */
const COUNTERS = /^teredo_(udp|ipv6|bubbles|peers|packets|drops)_.*(total|_total\{.*\}) [^0]/;

async function fetchInside(url: string, io: DemoIo): Promise<number> {
  const deadline = performance.now() + START_PATIENCE;
  while (performance.now() < deadline) {
    try {
      const response = await fetch(url);
      const body = await response.text();
      if (response.ok) {
        io.stdout.write(body);
        return 0;
      }
    } catch {
      // Nobody listens yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return complain(`${url} did not answer`, io);
}
