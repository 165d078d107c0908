import type { RelayConfig, Role, ServerConfig } from "#src/config/config.ts";
import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import { HEARTBEAT_LIMIT_SECONDS, type ReadinessCheck } from "#src/status/snapshot.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { servicePrefixOf } from "#src/protocol/wire/teredo_address.ts";
import { watchFirewall } from "./checks/firewall.ts";
import { needsForwarding } from "./checks/ipv6.ts";
import { failures } from "./checks/result.ts";
import type { Host, Interface } from "./host/contract.ts";

const ANY_ADDRESS = "0.0.0.0";

/** What readiness is judged by. */
export interface Served {
  readonly role: Role;
  readonly relay: RelayConfig;
  readonly server: ServerConfig;
  readonly open: OpenRole;
  readonly datapath: Datapath;
  readonly draining: boolean;
}

/** Whether the daemon can serve at this moment, point by point. */
export function readinessOf(host: Host, served: Served): ReadinessCheck[] {
  const interfaces = host.interfaces();
  const checks = [
    datapath(served),
    sockets(interfaces, served),
    serving(served),
    ...firewall(host, served),
  ];
  if (served.role === "relay") return [...checks, ...relayChecks(host, interfaces, served)];
  if (!host.serverUsesTun) return checks;
  return [...checks, ...nativeInterface(host, served), forwarding(host)];
}

const point = (name: string, ok: boolean, detail: string): ReadinessCheck => ({ name, ok, detail });

function datapath({ datapath }: Served): ReadinessCheck {
  const alive = datapath.heartbeatAge() < HEARTBEAT_LIMIT_SECONDS * 1000;
  return point("datapath", alive, alive ? "alive" : "no sign of life");
}

/** A socket outlives the address it is bound to, but nothing reaches it then. */
function sockets(interfaces: readonly Interface[], { open }: Served): ReadinessCheck {
  const present = interfaces.flatMap((it) => it.ipv4).map(formatIpv4);
  const gone = open.listening
    .map((endpoint) => endpoint.slice(0, endpoint.indexOf(":")))
    .filter((address) => address !== ANY_ADDRESS && !present.includes(address));
  if (gone.length === 0) return point("sockets", true, `UDP ${open.listening.join(", ")}`);
  return point("sockets", false, `${gone.join(", ")} is no longer on this host`);
}

/** Not ready while a filter drops what the role lives on, be it only for a while. */
function firewall(host: Host, served: Served): ReadinessCheck[] {
  const results = watchFirewall(host, served);
  const [first] = results;
  if (first === undefined) return [];
  const failed = failures(results);
  if (failed.length === 0) return [point("firewall", true, first.detail)];
  const detail = failed.map((result) => result.detail).join("; ");
  const mend = failed.map((result) => result.mend).join("; ");
  return [{ ...point("firewall", false, detail), mend }];
}

function serving({ draining }: Served): ReadinessCheck {
  return point("serving", !draining, draining ? "draining" : "accepting traffic");
}

function relayChecks(
  host: Host,
  interfaces: readonly Interface[],
  { relay, open }: Served,
): ReadinessCheck[] {
  const name = open.interfaceName ?? relay.interfaceName;
  const checks = [tunnel(host, interfaces, name), route(host, relay.prefix, name)];
  return needsForwarding(host, relay) ? [...checks, forwarding(host)] : checks;
}

/** Where a server's native packets go in. */
function nativeInterface(host: Host, { open: { nativeName: name } }: Served): ReadinessCheck[] {
  if (name === undefined) return [];
  return [disabled(host, name) ?? point("interface", true, `${name} takes native packets`)];
}

function disabled(host: Host, name: string): ReadinessCheck | undefined {
  const mend = host.disabledIpv6(name);
  return mend === undefined
    ? undefined
    : point("interface", false, `${name} has IPv6 disabled; mend: ${mend}`);
}

function tunnel(host: Host, interfaces: readonly Interface[], name: string): ReadinessCheck {
  const found = interfaces.find((it) => it.name === name);
  if (found === undefined) return point("interface", false, `${name} is gone`);
  if (!found.up) return point("interface", false, `${name} is down`);
  if (!found.hasLinkLocal) return point("interface", false, `${name} has no link-local address`);
  return disabled(host, name) ?? point("interface", true, `${name} is up and has its address`);
}

/** Where packets to 2001:: would go. */
function route(host: Host, prefix: number, name: string): ReadinessCheck {
  const actual = host.routeTo(servicePrefixOf(prefix).bytes);
  if (actual === name) return point("route", true, `the prefix leads to ${name}`);
  const detail = actual === undefined ? "the prefix leads nowhere" : `it leads to ${actual}`;
  return point("route", false, detail);
}

function forwarding(host: Host): ReadinessCheck {
  const on = host.forwards6();
  return point("forwarding", on, on ? "on" : `${host.words.forwarding} is not 1`);
}
