import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { selfCommand } from "#src/demo/self.ts";
import type { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { SERVER_ADDRESS } from "#src/demo/topology.ts";

/** Whose program plays a role. */
export type Maker = "miredo" | "teredo";

export const RELAY_PORT = 3545;
export const START_PATIENCE = 120_000;

/** Our program: the binary that `TEREDO_BIN` names, or the source on this runtime. */
export function teredo(...args: string[]): string[] {
  const named = process.env["TEREDO_BIN"];
  // Commands of a namespace begin elsewhere.
  const binary = named && resolve(named);
  return [...(binary ? [binary] : selfCommand()), ...args];
}

/** A program of this folder, on the runtime that this test runs on. */
export function script(name: string, ...args: string[]): string[] {
  const file = fileURLToPath(new URL(`./${name}`, import.meta.url));
  const flags = "deno" in process.versions ? ["run", "-A", "--no-check"] : [];
  return [process.execPath, ...flags, file, ...args];
}

export function wait(milliseconds: number): Promise<void> {
  return new Promise((end) => setTimeout(end, milliseconds));
}

/** Writes into the lab's own /run and returns the path. */
export async function writeFile(lab: Lab, name: string, text: string): Promise<string> {
  const path = `/run/${name}`;
  const { status, stderr } = await lab.run("core", ["tee", path], { input: text });
  if (status !== 0) throw new Error(stderr);
  return path;
}

/** The same file for either maker: ours is a drop-in. */
const SERVER_CONF = `ServerBindAddress ${SERVER_ADDRESS}\n`;
const RELAY_CONF = `RelayType relay\nInterfaceName teredo\nBindPort ${RELAY_PORT}\n`;

/** Flags for our daemons, so that the same tests run with other offloads and workers. */
const RELAY_FLAGS = flagsIn("TEREDO_RELAY_FLAGS");
const SERVER_FLAGS = flagsIn("TEREDO_SERVER_FLAGS");

/** Whether these programs are others by what was asked for, if anything was. */
export function isAsked(makers: { readonly server: Maker; readonly relay: Maker }): boolean {
  if (RELAY_FLAGS.length + SERVER_FLAGS.length === 0) return true;
  return (makers.relay === "teredo" && RELAY_FLAGS.length > 0) ||
    (makers.server === "teredo" && SERVER_FLAGS.length > 0);
}

function flagsIn(variable: string): string[] {
  return (process.env[variable] ?? "").split(" ").filter((it) => it !== "");
}

export async function startServer(
  lab: Lab,
  maker: Maker,
  conf = SERVER_CONF,
  namespace = "srv",
): Promise<LabProcess> {
  const file = await writeFile(lab, `${namespace}-server.conf`, conf);
  if (maker === "miredo") return startMiredo(lab, namespace, "miredo-server", file, "3544");
  const daemon = lab.spawn(namespace, teredo("server", "-c", file, ...SERVER_FLAGS));
  await untilReady(lab, namespace, 9544, daemon);
  return daemon;
}

/** What a relay leaves to its successor: one folder for a lab. */
const LEGACY = "/run/teredo-relay/peers";

/** A relay that knows nobody, whatever was there before it. */
export async function startRelay(
  lab: Lab,
  maker: Maker,
  conf = RELAY_CONF,
  namespace = "rly",
): Promise<LabProcess> {
  await lab.sh(namespace, `rm -f ${LEGACY}`);
  return await startSuccessor(lab, maker, conf, namespace);
}

/** A relay that may go on where one before it ended. */
export async function startSuccessor(
  lab: Lab,
  maker: Maker,
  conf = RELAY_CONF,
  namespace = "rly",
): Promise<LabProcess> {
  const file = await writeFile(lab, `${namespace}-relay.conf`, conf);
  if (maker === "miredo") return startMiredo(lab, namespace, "miredo", file, `${RELAY_PORT}`);
  const daemon = lab.spawn(namespace, teredo("relay", "-c", file, ...RELAY_FLAGS));
  await untilReady(lab, namespace, 9545, daemon);
  return daemon;
}

/** Miredo says nothing when it is ready: its UDP port does. */
async function startMiredo(
  lab: Lab,
  namespace: string,
  program: string,
  file: string,
  port: string,
): Promise<LabProcess> {
  const pidFile = `/run/${namespace}-${program}.pid`;
  const daemon = lab.spawn(namespace, [program, "-f", "-u", "miredo", "-p", pidFile, "-c", file]);
  const listens = `ss -Hlun sport = :${port}`;
  await until(`${program} listens`, async () => {
    if (daemon.ended) throw new Error(`${program} ended:\n${daemon.output()}`);
    return (await lab.sh(namespace, listens)) !== "";
  });
  return daemon;
}

/** Waits until `GET /readyz` of one of our daemons says 200. */
export async function untilReady(
  lab: Lab,
  namespace: string,
  port: number,
  daemon: LabProcess,
): Promise<void> {
  const url = `http://127.0.0.1:${port}/readyz`;
  const end = performance.now() + START_PATIENCE;
  let ready = false;
  while (!ready && !daemon.ended && performance.now() < end) {
    const asked = get(lab, namespace, url).then((body) => body !== undefined);
    ready = await Promise.race([asked, daemon.result.then(() => false)]);
  }
  if (!ready) throw new Error(`${daemon.argv.join(" ")} is not ready:\n${daemon.output()}`);
}

/** The body behind a URL inside a namespace, once it answers with success; undefined if never. */
export async function get(lab: Lab, namespace: string, url: string): Promise<string | undefined> {
  const { status, stdout } = await lab.run(namespace, teredo("demo", "--inside", url));
  return status === 0 ? stdout : undefined;
}

/** One value of our relay's or server's `/metrics`; 0 when the line is not there. */
export async function metric(
  lab: Lab,
  namespace: string,
  port: number,
  line: string,
): Promise<number> {
  const text = await get(lab, namespace, `http://127.0.0.1:${port}/metrics`) ?? "";
  const found = text.split("\n").find((it) => it.startsWith(`${line} `));
  return found === undefined ? 0 : Number(found.slice(line.length + 1));
}

/** Asks again and again until the answer is yes. @throws Error when patience ends */
export async function until(
  what: string,
  ask: () => Promise<boolean>,
  patience = START_PATIENCE,
  every = 50,
): Promise<void> {
  const deadline = performance.now() + patience;
  while (!await ask()) {
    if (performance.now() > deadline) throw new Error(`Not within ${patience} ms: ${what}`);
    await wait(every);
  }
}

/** Miredo's client, once its tunnel has an address. */
export async function startMiredoClient(
  lab: Lab,
  namespace: string,
  server = SERVER_ADDRESS,
): Promise<{ client: LabProcess; address: string }> {
  const conf = `InterfaceName teredo\nServerAddress ${server}\n`;
  const file = await writeFile(lab, `${namespace}.conf`, conf);
  const pidFile = `/run/${namespace}-miredo.pid`;
  const argv = ["miredo", "-f", "-u", "miredo", "-p", pidFile, "-c", file];
  const client = lab.spawn(namespace, argv);
  await client.waitForLine(/address: /, START_PATIENCE);
  const line = await client.waitForLine(/address: /, 0);
  const address = /address: ([0-9a-f:]+)/.exec(line)![1]!;
  // The hook that configures the interface has run by then, its default route last.
  await until(
    `${namespace} has a default route`,
    async () => (await lab.sh(namespace, "ip -6 route show default")) !== "",
  );
  return { client, address };
}
