import { readFileSync, statSync } from "node:fs";
import { STATUS_PORT } from "#src/config/assemble.ts";
import type { Config, Role, StatusConfig } from "#src/config/config.ts";
import type { Running } from "#src/daemon/checks/running.ts";
import type { Host } from "#src/daemon/host/contract.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import type { StatusDocument } from "#src/status/document.ts";
import { controlPath } from "#src/daemon/runtime_folder.ts";
import { fetchStatus } from "./client.ts";
import { NoStatus } from "./no_status.ts";
import { type Place, socketPlace, tcpPlace } from "./place.ts";

/** A daemon that runs, and whether it was found at its TCP port. */
export interface FoundRunning {
  readonly running: Running;
  readonly answersTcp: boolean;
}

/**
 * Looks for a daemon of this role and configuration on this host.
 *
 * Its status pages say that they are its own, which any local program could: who has the UDP port
 * must not contradict. Where none answers, whoever has the port is it if the pid file says so, or its
 * name.
 */
export async function findRunning(
  host: Host,
  role: Role,
  config: Config,
): Promise<FoundRunning | undefined> {
  const places = placesOf(role, config.status);
  // Somebody answers at the TCP port, and wants a token.
  let isLocked = false;
  for (let place = places.shift(); place !== undefined; place = places.shift()) {
    const found = await fetchStatus(place).catch((error: Error) => error);
    const running = answering(host, role, found instanceof Error ? undefined : found);
    if (running !== undefined) return { running, answersTcp: "host" in place || isLocked };
    if (!(found instanceof NoStatus) || !found.isLocked) continue;
    isLocked = true;
    const control = controlPath(role, config.status);
    if (control !== undefined) places.push(socketPlace(control));
  }
  const running = silent(host, role, config);
  return running === undefined ? undefined : { running, answersTcp: isLocked };
}

function placesOf(role: Role, { enabled, address, port, socket }: StatusConfig): Place[] {
  if (!enabled) return [];
  return [
    ...(port === 0 ? [] : [tcpPlace(address, port ?? STATUS_PORT[role])]),
    ...(socket === undefined ? [] : [socketPlace(socket)]),
  ];
}

function answering(host: Host, role: Role, found: StatusDocument | undefined): Running | undefined {
  if (found === undefined || found.role !== role) return undefined;
  const { pid } = found.process;
  const port = Number(found.listening[0]?.split(":")[1]);
  const owner = host.udpOwner(port);
  if (owner !== undefined && owner.pid !== pid) return undefined;
  const { program_version: version, ready, checks, listening } = found;
  return {
    role,
    pid,
    interfaceName: found.interface_name,
    listening,
    state: { version, ready, checks },
  };
}

function silent(host: Host, role: Role, config: Config): Running | undefined {
  const { port, bound, interfaceName } = PLACES[role](config);
  const owner = port === 0 ? undefined : host.udpOwner(port);
  if (owner === undefined) return undefined;
  const { pidFile } = config[role].process;
  const isOurs = owner.name === "teredo" || (pidFile !== undefined && pidIn(pidFile) === owner.pid);
  if (!isOurs) return undefined;
  const isThere = interfaceName !== undefined && host.device(interfaceName) !== undefined;
  return {
    role,
    pid: owner.pid,
    interfaceName: isThere ? interfaceName : undefined,
    listening: bound.map((address) => `${formatIpv4(address)}:${port}`),
    state: undefined,
  };
}

/** Where a daemon of a configuration would be. */
interface Bound {
  readonly port: number;
  readonly bound: readonly number[];
  readonly interfaceName: string | undefined;
}

const PLACES: Readonly<Record<Role, (config: Config) => Bound>> = {
  relay: ({ relay }) => tunnelled(relay),
  server: ({ server: { bindAddress = 0, bindAddress2 = bindAddress + 1 } }) => ({
    port: TEREDO_PORT,
    bound: [bindAddress, bindAddress2],
    interfaceName: undefined,
  }),
  client: ({ client }) => tunnelled(client),
};

function tunnelled(
  { bindAddress, bindPort, interfaceName }: Config["relay" | "client"],
): Bound {
  return { port: bindPort, bound: [bindAddress], interfaceName };
}

function pidIn(path: string): number | undefined {
  try {
    // A FIFO would keep whoever reads it waiting.
    if (!statSync(path).isFile()) return undefined;
    const text = readFileSync(path, "utf8").trim();
    return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}
