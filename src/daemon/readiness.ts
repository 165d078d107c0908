import type { Config, RelayConfig, Role } from "#src/config/config.ts";
import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6, formatIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { servicePrefixOf } from "#src/protocol/wire/teredo_address.ts";
import {
  type ClientView,
  HEARTBEAT_LIMIT_SECONDS,
  type ReadinessCheck,
} from "#src/status/snapshot.ts";
import { anyAddress, missingAddress } from "./checks/address.ts";
import { checkErrands, checkHome, checkTold } from "./checks/client/serving.ts";
import { watchFirewall } from "./checks/firewall.ts";
import { forwarding, needsForwarding } from "./checks/ipv6.ts";
import { type CheckResult, fail, failures, ok } from "./checks/result.ts";
import { checkClientsWay, mendRefusal } from "./checks/ways.ts";
import type { Errands } from "./client/errands/process.ts";
import { Due } from "./due.ts";
import type { Host, Journey } from "./host/contract.ts";
import { clientAddress, ROOT_SERVERS_6 } from "./host/samples.ts";

const SERVICE_PREFIX_LENGTH = 32;

/** What readiness is judged by. */
export interface Served extends Pick<Config, "relay" | "server" | "client"> {
  readonly role: Role;
  readonly open: OpenRole;
  readonly datapath: Datapath;
  readonly draining: boolean;
  /** What a client was told. */
  readonly view?: ClientView | undefined;
  /** Who does a client's errands; undefined: nobody, as there are none. */
  readonly errands?: Pick<Errands, "gone"> | undefined;
}

/**
 * Whether the daemon can serve at this moment, point by point. Each is a check, in the words of `teredo
 * check`, of what costs the same however many interfaces and routes there are. The host is asked again
 * where its kernel has told of a change.
 */
export class Readiness {
  readonly #host: Host;
  readonly #due: Due;
  #points: readonly CheckResult[] = [];
  /** What a client's points rest on besides. */
  #told = "";

  constructor(host: Host) {
    this.#host = host;
    this.#due = new Due(host);
  }

  look(served: Served): ReadinessCheck[] {
    const { role, view } = served;
    const told = view === undefined ? "" : `${view.state} ${view.address}`;
    const isTold = told !== this.#told;
    this.#told = told;
    if (this.#due.isDue(served[role]) || isTold) this.#points = hostPoints(this.#host, served);
    return together(this.#host, served, this.#points);
  }
}

/** With what is asked of the process itself. */
function together(host: Host, served: Served, points: readonly CheckResult[]): ReadinessCheck[] {
  const [sockets, ...others] = points;
  const told = served.role === "client"
    ? [...checkTold(served.view), ...checkErrands(served.errands)]
    : [];
  const all = [datapath(served), sockets!, serving(served.draining), ...told, ...others];
  return all.map(({ name, verdict, detail, mend }) => {
    const isOk = verdict !== "fail";
    return {
      name,
      ok: isOk,
      detail,
      ...(isOk || mend === undefined ? {} : { mend: host.feasible(mend) }),
    };
  });
}

function hostPoints(host: Host, served: Served): CheckResult[] {
  const points = [sockets(host, served), ...firewall(host, served)];
  return [...points, ...ROLE_POINTS[served.role](host, served)];
}

const ROLE_POINTS: Readonly<Record<Role, (host: Host, served: Served) => readonly CheckResult[]>> =
  {
    relay: relayPoints,
    server: serverPoints,
    client: clientPoints,
  };

function serverPoints(host: Host, served: Served): CheckResult[] {
  const way = { prefix: served.server.prefix, served: "any", comesBy: undefined } as const;
  if (!host.serverUsesTun) return checkClientsWay(host, way);
  return [...nativeInterface(host, served), forwarding(host), ...checkClientsWay(host, way)];
}

function clientPoints(host: Host, { client, open, view }: Served): CheckResult[] {
  const name = open.interfaceName ?? client.interfaceName;
  return [tunnel(host, name), ...checkHome(host, client, name, view)];
}

function datapath({ datapath }: Served): CheckResult {
  if (datapath.heartbeatAge() < HEARTBEAT_LIMIT_SECONDS * 1000) return ok("datapath", "alive");
  return fail(
    "datapath",
    "no sign of life",
    "restart the daemon, as a watchdog of its service does",
  );
}

/** A socket outlives the address it is bound to, but nothing reaches it then. */
function sockets(host: Host, { open, role }: Served): CheckResult {
  if (open.isLent) return ok("sockets", `UDP ${open.listening.join(", ")}, lent from outside`);
  const bound = open.listening.map((endpoint) => parseIpv4(endpoint.split(":")[0]!)!);
  const missing = [...new Set(bound)]
    .map((address) => address === 0 ? anyAddress(host, role) : missingAddress(host, address))
    .filter((result) => result !== undefined);
  if (missing.length === 0) return ok("sockets", `UDP ${open.listening.join(", ")}`);
  return fail(
    "sockets",
    missing.map(({ detail }) => detail).join("; "),
    missing.map(({ mend }) => mend).join("; "),
  );
}

/** Not ready while a filter drops what the role lives on, be it only for a while. */
function firewall(host: Host, served: Served): CheckResult[] {
  const results = watchFirewall(host, served);
  const [first] = results;
  if (first === undefined) return [];
  const failed = failures(results);
  if (failed.length === 0) return [ok("firewall", first.detail)];
  const detail = failed.map((result) => result.detail).join("; ");
  return [fail("firewall", detail, failed.map(({ mend }) => mend).join("; "))];
}

/** The check that fails because somebody wants it so. */
export const SERVING = "serving";

function serving(draining: boolean): CheckResult {
  return draining
    ? { name: SERVING, verdict: "fail", detail: "draining" }
    : ok(SERVING, "accepting traffic");
}

/** The same, but for whether the daemon drains, which takes no look at the host. */
export function drained(checks: readonly ReadinessCheck[], draining: boolean): ReadinessCheck[] {
  const { detail, verdict } = serving(draining);
  const own = { name: SERVING, ok: verdict === "ok", detail };
  return checks.map((check) => check.name === SERVING ? own : check);
}

function relayPoints(host: Host, { relay, open }: Served): CheckResult[] {
  const name = open.interfaceName ?? relay.interfaceName;
  const points = [tunnel(host, name), route(host, relay, name)];
  if (!needsForwarding(host, relay)) return points;
  return [...points, forwarding(host), ...checkClientsWay(host, { ...relay, comesBy: name })];
}

/** Where a server's native packets go in. */
function nativeInterface(host: Host, { open: { nativeName: name } }: Served): CheckResult[] {
  if (name === undefined) return [];
  return [disabled(host, name) ?? ok("interface", `${name} takes native packets`)];
}

function disabled(host: Host, name: string): CheckResult | undefined {
  const mend = host.disabledIpv6(name);
  return mend === undefined ? undefined : fail("interface", `${name} has IPv6 disabled`, mend);
}

function tunnel(host: Host, name: string): CheckResult {
  const { words } = host;
  const found = host.device(name);
  if (found === undefined) return fail("interface", `${name} is gone`, "restart the daemon");
  if (!found.up) return fail("interface", `${name} is down`, words.linkUp(name));
  if (!found.hasCarrier) {
    return fail(
      "interface",
      `${name} has no carrier, so that nothing passes`,
      words.giveCarrier(name),
    );
  }
  const off = disabled(host, name);
  if (off !== undefined) return off;
  if (found.hasLinkLocal) return ok("interface", `${name} is up and has its address`);
  return fail("interface", `${name} has no link-local address`, words.addLinkLocal(name));
}

/** Where packets to clients go: this host's own, and those that come in to be forwarded. */
function route(host: Host, relay: RelayConfig, name: string): CheckResult {
  const prefix = servicePrefixOf(relay.prefix);
  const destination = clientAddress(relay.prefix);
  const text = formatIpv6Prefix(prefix);
  for (const comesBy of [undefined, ...uplinkOf(host, relay)]) {
    const source = comesBy === undefined ? undefined : ROOT_SERVERS_6[0]!;
    const journey = { destination, source, comesBy };
    const way = host.way6(journey);
    if (way.kind === "sent" && way.interfaceName === name) continue;
    const packets = comesBy === undefined ? text : `what comes in by ${comesBy} for ${text}`;
    const add = host.words.routeInto(prefix, name, relay.routeMetric);
    if (way.kind === "refused") {
      const mend = mendRefusal(host, way, 6, add);
      return fail("route", `${packets} is refused: ${way.why}`, mend);
    }
    const where = way.kind === "sent" ? `leads to ${way.interfaceName}` : "is for this host";
    return elsewhere(host, `${packets} ${where}`, journey, add);
  }
  return ok("route", `${text} leads to ${name}`);
}

/** The interface to the IPv6 Internet, as far as what comes in by it is to be forwarded. */
function uplinkOf(host: Host, relay: RelayConfig): string[] {
  if (!needsForwarding(host, relay)) return [];
  const way = host.way6({ destination: ROOT_SERVERS_6[0]! });
  return way.kind === "sent" ? [way.interfaceName] : [];
}

/** Our route is missing, or another one wins. */
function elsewhere(host: Host, detail: string, journey: Journey, add: string): CheckResult {
  const found = host.decidingRoute6(journey);
  if (found === undefined || found.length < SERVICE_PREFIX_LENGTH) {
    return fail("route", detail, add);
  }
  const show = host.words.showRoute(formatIpv6(journey.destination));
  const mend = `take the other route away, or let it have a higher metric; \`${show}\` shows it`;
  return fail("route", `${detail} (${found.description})`, mend);
}
