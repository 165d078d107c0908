import { StartError } from "#src/errors.ts";
import { Lab } from "./lab.ts";
import type { LabProcess } from "./lab_process.ts";
import type { NatKind } from "./nat.ts";
import { selfCommand } from "./self.ts";
import { missingForLab } from "./tools.ts";
import { drawing, howToEnter, LOOK_FURTHER, nameOf } from "./text.ts";
import {
  HOST_IPV6,
  RELAY_ADDRESS,
  SECONDARY_ADDRESS,
  SERVER_ADDRESS,
  type Site,
} from "./topology.ts";
import { watchLinks } from "./watch.ts";

export interface DemoOptions {
  /** The NAT in front of the client; default: port-restricted, which most homes have. */
  readonly nat?: NatKind | undefined;
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

const RELAY_PORT = 3545;
const SERVER_STATUS = "http://127.0.0.1:9544";
const RELAY_STATUS = "http://127.0.0.1:9545";
/** A daemon that has not said it is ready by then never will. */
const START_PATIENCE = 15_000;
const PINGS = 4;

/**
 * Builds the network of `topology.ts`, runs our server, relay and probe in it, and shows what passes.
 *
 * @returns 0 when the host answered every ping; 1 otherwise
 */
export async function runDemo(options: DemoOptions, io: DemoIo): Promise<number> {
  if (options.inside === "watch") return await watchLinks(nameOf);
  if (options.inside !== undefined) return await fetchInside(options.inside, io);
  const missing = missingForLab();
  if (missing.length > 0) return complain(missing.join("\n"), io);

  const interrupt = onInterrupt();
  let lab: Lab | undefined;
  try {
    lab = await createLab(options.nat ?? "port-restricted");
    const shown = show(lab, (text) => !interrupt.came && io.stdout.write(`${text}\n`));
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

async function createLab(nat: NatKind): Promise<Lab> {
  try {
    return await Lab.create({ nats: [nat] });
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `The lab needs network namespaces, which this system refused (${problem})`,
      process.getuid?.() === 0
        ? "in a container give it CAP_SYS_ADMIN and CAP_NET_ADMIN"
        : "run as root, or allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1 " +
          "kernel.apparmor_restrict_unprivileged_userns=0",
    );
  }
}

type Say = (text: string) => void;

async function show(lab: Lab, say: Say): Promise<number> {
  const site = lab.sites[0]!;
  say(drawing(site));
  await startDaemons(lab, say);
  await startWatching(lab, say);
  const answered = await probe(lab, site, say);
  await showStatus(lab, say);
  say(LOOK_FURTHER);
  return answered ? 0 : 1;
}

async function startDaemons(lab: Lab, say: Say): Promise<void> {
  const self = selfCommand();
  const server = lab.spawn("srv", [...self, "server", "-c", await serverFile(lab)]);
  const relay = lab.spawn("rly", [...self, "relay", "-c", await relayFile(lab)]);
  await Promise.all([
    untilReady(lab, "srv", SERVER_STATUS, server),
    untilReady(lab, "rly", RELAY_STATUS, relay),
  ]);
  say(`teredo server waits on ${SERVER_ADDRESS} and ${SECONDARY_ADDRESS}, UDP port 3544`);
  say(`teredo relay carries 2001::/32 from ${RELAY_ADDRESS}, UDP port ${RELAY_PORT}`);
}

function serverFile(lab: Lab): Promise<string> {
  return writeFile(lab, "server.ini", `[server]\nbind_address = ${SERVER_ADDRESS}\n`);
}

function relayFile(lab: Lab): Promise<string> {
  return writeFile(lab, "relay.ini", `[relay]\nbind_port = ${RELAY_PORT}\n`);
}

/** Into the lab's own /run, which nobody else sees. */
async function writeFile(lab: Lab, name: string, text: string): Promise<string> {
  const path = `/run/${name}`;
  await lab.run("core", ["tee", path], { input: text });
  return path;
}

async function untilReady(
  lab: Lab,
  namespace: string,
  status: string,
  daemon: LabProcess,
): Promise<void> {
  const asked = get(lab, namespace, `${status}/readyz`);
  const ended = daemon.result.then(() => undefined);
  if (await Promise.race([asked, ended]) !== undefined) return;
  throw new StartError(`${daemon.argv.join(" ")} did not start:\n${daemon.output()}`);
}

/** The body behind a URL that only a namespace can reach; undefined when it never succeeds. */
async function get(lab: Lab, namespace: string, url: string): Promise<string | undefined> {
  const { status, stdout } = await lab.run(namespace, [...selfCommand(), "demo", "--inside", url]);
  return status === 0 ? stdout : undefined;
}

async function startWatching(lab: Lab, say: Say): Promise<void> {
  const watch = lab.spawn("core", [...selfCommand(), "demo", "--inside", "watch"]);
  await watch.waitForLine(/^watching$/, START_PATIENCE);
  watch.onLine((line) => line !== "" && say(`  ${line}`));
}

async function probe(lab: Lab, site: Site, say: Say): Promise<boolean> {
  say(`\nA client behind the NAT qualifies and pings ${HOST_IPV6}; what passes is indented:\n`);
  const argv = ["probe", SERVER_ADDRESS, "--ping", HOST_IPV6, "--count", `${PINGS}`];
  const client = lab.spawn(site.client, [...selfCommand(), ...argv]);
  client.onLine((line) => line !== "" && say(line));
  const { status, stdout } = await client.result;
  return status === 0 && stdout.includes(`${PINGS} of ${PINGS}`);
}

/** What was counted at all; what describes the process or its set-up is left out. */
const COUNTERS = /^teredo_(udp|ipv6|bubbles|peers|packets|drops)_.*(total|_total\{.*\}) [^0]/;

/** The relay's own account of what was just seen. */
async function showStatus(lab: Lab, say: Say): Promise<void> {
  const metrics = await get(lab, "rly", `${RELAY_STATUS}/metrics`) ?? "";
  say(`\nThe relay counted, by ${RELAY_STATUS}/metrics (without what is zero):\n`);
  const counted = metrics.split("\n").filter((line) => COUNTERS.test(line));
  for (const line of counted) say(`  ${line}`);
}

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
