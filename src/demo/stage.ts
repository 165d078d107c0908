import { StartError } from "#src/errors.ts";
import type { Lab } from "./lab.ts";
import type { LabProcess } from "./lab_process.ts";
import { selfCommand } from "./self.ts";
import { RELAY_ADDRESS, SECONDARY_ADDRESS, SERVER_ADDRESS } from "./topology.ts";

/** What every story of the demo needs: a server, a relay, and somebody who watches the links. */

export type Say = (text: string) => void;

const RELAY_PORT = 3545;
const SERVER_STATUS = "http://127.0.0.1:9544";
export const RELAY_STATUS = "http://127.0.0.1:9545";
/** A daemon that has not said it is ready by then never will. */
export const START_PATIENCE = 60_000;

export async function startDaemons(lab: Lab, say: Say): Promise<void> {
  const self = selfCommand();
  const serverFile = await writeFile(
    lab,
    "server.ini",
    `[server]\nbind_address = ${SERVER_ADDRESS}\n`,
  );
  const relayFile = await writeFile(lab, "relay.ini", `[relay]\nbind_port = ${RELAY_PORT}\n`);
  const server = lab.spawn("srv", [...self, "server", "-c", serverFile]);
  const relay = lab.spawn("rly", [...self, "relay", "-c", relayFile]);
  await Promise.all([
    untilReady(lab, "srv", SERVER_STATUS, server),
    untilReady(lab, "rly", RELAY_STATUS, relay),
  ]);
  say(`teredo server waits on ${SERVER_ADDRESS} and ${SECONDARY_ADDRESS}, UDP port 3544`);
  say(`teredo relay carries 2001::/32 from ${RELAY_ADDRESS}, UDP port ${RELAY_PORT}`);
}

/** Into the lab's own /run, which nobody else sees. */
export async function writeFile(lab: Lab, name: string, text: string): Promise<string> {
  const path = `/run/${name}`;
  await lab.run("core", ["tee", path], { input: text });
  return path;
}

/** @throws StartError with what it said */
export async function untilReady(
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
export async function get(lab: Lab, namespace: string, url: string): Promise<string | undefined> {
  const { status, stdout } = await lab.run(namespace, [...selfCommand(), "demo", "--inside", url]);
  return status === 0 ? stdout : undefined;
}

/** What passes the links is said, indented, from now on. */
export async function startWatching(lab: Lab, say: Say): Promise<void> {
  const { length } = lab.sites;
  const clients = length > 1 ? ["--clients", `${length}`] : []; // one alone has no number
  const argv = [...selfCommand(), "demo", "--inside", "watch", ...clients];
  const watch = lab.spawn("core", argv);
  await watch.waitForLine(/^watching$/, START_PATIENCE);
  watch.onLine((line) => line !== "" && say(`  ${line}`));
}

/** Lines of `/metrics`; what describes the process or its set-up is left out, and what is zero. */
export async function counted(
  lab: Lab,
  namespace: string,
  status: string,
  names: RegExp,
): Promise<string[]> {
  const metrics = await get(lab, namespace, `${status}/metrics`) ?? "";
  return metrics.split("\n").filter((line) => names.test(line));
}
