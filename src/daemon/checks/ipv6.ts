import type { RelayConfig } from "#src/config/config.ts";
import { formatIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { servicePrefixOf } from "#src/protocol/wire/teredo_address.ts";
import { type CheckResult, fail, ok } from "./result.ts";
import { nameOf, type Running } from "./running.ts";
import type { Host } from "../host/contract.ts";

/** @param wanted name of the interface; empty: any */
export function checkTun(host: Host, wanted: string, running?: Running): CheckResult {
  if (running !== undefined && running.interfaceName === wanted) {
    return ok("tun", `${wanted} is of ${nameOf(running)}`);
  }
  return { name: "tun", ...host.tun(wanted) };
}

export function checkIpv6(host: Host): CheckResult {
  return { name: "ipv6", ...host.ipv6() };
}

/** The way of a server's packets to the IPv6 Internet, where it has to be made. */
export function checkServerWay(host: Host): CheckResult[] {
  return host.serverUsesTun
    ? [checkTun(host, ""), forwarding(host), ...advertisedRoutes(host)]
    : [];
}

/** For what a relay serves. */
export function checkForwarding(host: Host, relay: RelayConfig): CheckResult[] {
  if (!needsForwarding(host, relay)) return [];
  return [forwarding(host), ...advertisedRoutes(host)];
}

/**
 * A relay that serves this host alone hands packets to it and forwards none, RFC 4380 §5.5; some
 * systems want forwarding for that too.
 */
export function needsForwarding(host: Host, { served }: RelayConfig): boolean {
  return served !== "self" || host.localNeedsForwarding;
}

export function forwarding(host: Host): CheckResult {
  if (host.forwards6()) return ok("forwarding", "IPv6 is forwarded");
  return fail("forwarding", "the kernel does not forward IPv6 packets", host.words.forward);
}

/** A host that forwards may ignore router advertisements: the default route of one then runs out. */
function advertisedRoutes(host: Host): CheckResult[] {
  const routes = host.defaultRoutes6().filter((route) => route.fromAdvertisement);
  return routes.map(({ interfaceName }) => {
    const loss = host.losesAdvertisedRoute(interfaceName);
    if (loss === undefined) {
      return ok("accept_ra", `${interfaceName} keeps its advertised default route`);
    }
    return fail(
      "accept_ra",
      `${interfaceName} will lose its IPv6 default route: it came by router advertisement, which ` +
        `a forwarding host ignores ${loss.problem}`,
      loss.mend,
    );
  });
}

/** Whether a second route can say that the relay is ready. */
export function checkAnnouncement(host: Host, relay: RelayConfig): CheckResult[] {
  if (!relay.announce) return [];
  const { announceMetric: metric, announceProtocol: protocol } = relay;
  if (!host.hasMetrics) {
    return [fail(
      "announce",
      "a prefix has one route on this system, which can say no more than where packets go",
      "write `announce = no`; `teredo announce openbgpd` prints what asks /readyz",
    )];
  }
  const prefix = formatIpv6Prefix(servicePrefixOf(relay.prefix));
  return [ok("announce", `${prefix} by a route of metric ${metric}, proto ${protocol}`)];
}

/** Whether packets to clients will enter the relay's interface. */
export function checkServiceRoute(host: Host, relay: RelayConfig, running?: Running): CheckResult {
  const prefix = servicePrefixOf(relay.prefix);
  const own = running?.interfaceName ?? relay.interfaceName;
  return { name: "service_route", ...host.serviceRoute(prefix, own, relay.routeMetric) };
}
