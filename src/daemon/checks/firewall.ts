import type { Config, Role } from "#src/config/config.ts";
import type { Host } from "../host/contract.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import type { Filtered, FilterReport, Traffic } from "../host/traffic.ts";
import { type CheckResult, fail, note, ok, warn } from "./result.ts";
import { clientTraffic } from "./client/traffic.ts";
import { type Endpoint, relayTraffic, serverTraffic } from "./traffic.ts";

const NAME = "firewall";
/** Of the interface, where the kernel is to choose one. */
const TUNNEL = "teredo";

export type Configured = Pick<Config, "relay" | "server" | "client">;

/**
 * Whether packet filters let through what a role lives on.
 *
 * No part of what a daemon asks before it starts: a filter may be set up after it, and is looked at
 * again and again while it serves.
 */
export function checkFirewall(host: Host, role: Role, configured: Configured): CheckResult[] {
  return resultsOf(filterReport(host, role, configured));
}

/** What the filters do to the traffic of a daemon that is to start. */
export function filterReport(
  host: Host,
  role: Role,
  configured: Configured,
): FilterReport | undefined {
  return host.filters(() => TRAFFIC[role](host, configured));
}

/** Where a daemon is, as far as that is known. */
interface Place {
  readonly bound?: Endpoint;
  readonly interfaceName?: string | undefined;
}

/** What each role lives on. */
const TRAFFIC: Readonly<
  Record<Role, (host: Host, config: Configured, place?: Place) => readonly Traffic[]>
> = {
  relay: (host, { relay }, { bound, interfaceName } = {}) =>
    relayTraffic(host, relay, interfaceName ?? (relay.interfaceName || TUNNEL), bound),
  server: (host, { server }) => serverTraffic(host, server),
  client: (host, { client }, { bound } = {}) => clientTraffic(host, client, bound),
};

/** What one that serves is judged by, again and again. */
export interface Serving extends Configured {
  readonly role: Role;
  readonly open: {
    /** `A.B.C.D:PORT` */
    readonly listening: readonly string[];
    readonly interfaceName?: string | undefined;
  };
}

/** The same for a daemon that serves. */
export function watchFirewall(host: Host, serving: Serving): CheckResult[] {
  return resultsOf(filtersOf(host, serving));
}

/** What the filters do to the traffic of a daemon that serves. */
export function filtersOf(host: Host, serving: Serving): FilterReport | undefined {
  const { role, open: { listening: [endpoint = ""], interfaceName } } = serving;
  return host.watchFilters(() => {
    const [text = "", port] = endpoint.split(":");
    const address = parseIpv4(text);
    const bound = address === undefined ? {} : { bound: { address, port: Number(port) } };
    return TRAFFIC[role](host, serving, { ...bound, interfaceName });
  });
}

/** The same for some traffic. */
export function checkTraffic(host: Host, traffic: () => readonly Traffic[]): CheckResult[] {
  return resultsOf(host.filters(traffic));
}

/** One result for each rule that stops something. */
function resultsOf(report: FilterReport | undefined): CheckResult[] {
  if (report === undefined) return [];
  const { filtered, seen, unseen } = report;
  const results = grouped(filtered).map(resultOf);
  const notSeen = unseen.map((reason) => note(NAME, `cannot look at ${reason}`));
  if (results.length > 0 || seen.length === 0) return [...results, ...notSeen];
  return [ok(NAME, `${seen.join(" and ")} let everything needed pass`), ...notSeen];
}

/** What is stopped at one place, and mended by one command, together. */
function grouped(filtered: readonly Filtered[]): Filtered[][] {
  const groups = new Map<string, Filtered[]>();
  for (const one of filtered) {
    const key = `${one.by} ${one.mend} ${one.certain}`;
    groups.set(key, [...groups.get(key) ?? [], one]);
  }
  return [...groups.values()];
}

function resultOf(group: readonly Filtered[]): CheckResult {
  const [{ certain, doubt, by, mend }] = group as readonly [Filtered];
  const subjects = group.map(subjectOf).join(", ");
  if (!certain) {
    const why = doubt === undefined ? "" : `, where "${doubt}" is not understood`;
    return warn(NAME, `${subjects} may be dropped by ${by}${why}`, mend);
  }
  const isFatal = group.some((one) => one.traffic.needed && isWhole(one));
  return (isFatal ? fail : warn)(NAME, `${subjects} are dropped by ${by}`, mend);
}

function isWhole({ packets, traffic }: Filtered): boolean {
  return packets.length === traffic.packets.length;
}

function subjectOf(one: Filtered): string {
  const { subject } = one.traffic;
  if (isWhole(one)) return subject;
  const some = [...new Set(one.packets.map(({ what }) => what))];
  return `${subject} (${some.join(", ")})`;
}
