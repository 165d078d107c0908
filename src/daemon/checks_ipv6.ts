import type { RelayConfig } from "#src/config/config.ts";
import { deviceProblem } from "#src/datapath/linux/tun_problems.ts";
import { formatIpv6Prefix, IPV6_LENGTH, type Ipv6Prefix } from "#src/protocol/ipv6.ts";
import { servicePrefixOf } from "#src/protocol/teredo_address.ts";
import { type CheckResult, fail, ok, warn } from "./check.ts";
import type { Host, Route6 } from "./host.ts";

const ALL = "net/ipv6/conf/all";
const DEFAULT: Ipv6Prefix = { bytes: new Uint8Array(IPV6_LENGTH), length: 0 };

export function checkTun(host: Host): CheckResult {
  const errno = host.openTunDevice();
  if (errno === 0) return ok("tun", "/dev/net/tun opens");
  const { problem, mend = "modprobe tun" } = deviceProblem(errno);
  return fail("tun", problem, mend);
}

export function checkIpv6(host: Host): CheckResult {
  const all = host.sysctl(`${ALL}/disable_ipv6`);
  if (all === undefined) {
    return fail("ipv6", "the kernel has no IPv6", "boot without ipv6.disable=1; modprobe ipv6");
  }
  // New interfaces, so the tunnel, take after `default`.
  for (const name of ["all", "default"]) {
    if (host.sysctl(`net/ipv6/conf/${name}/disable_ipv6`) === "1") {
      const key = `net.ipv6.conf.${name}.disable_ipv6`;
      return fail("ipv6", `IPv6 is switched off by ${key}=1`, `sysctl -w ${key}=0`);
    }
  }
  return ok("ipv6", "IPv6 is on");
}

/** A relay that serves this host alone hands packets to it and forwards none. RFC 4380 §5.5 */
export function checkForwarding(host: Host, relay: RelayConfig): CheckResult[] {
  if (relay.served === "self") return [];
  return [forwarding(host), ...advertisedRoutes(host)];
}

function forwarding(host: Host): CheckResult {
  if (host.sysctl(`${ALL}/forwarding`) === "1") return ok("forwarding", "IPv6 is forwarded");
  return fail(
    "forwarding",
    "the kernel does not forward IPv6 packets",
    "sysctl -w net.ipv6.conf.all.forwarding=1",
  );
}

/**
 * A host that forwards ignores router advertisements unless accept_ra is 2, so that the default
 * route which came by one runs out. With 0 it is a network manager that heeds them.
 */
function advertisedRoutes(host: Host): CheckResult[] {
  const routes = defaultRoutes(host).filter((route) => route.fromAdvertisement);
  return routes.map(({ interfaceName }) => {
    if (host.sysctl(`net/ipv6/conf/${interfaceName}/accept_ra`) !== "1") {
      return ok("accept_ra", `${interfaceName} keeps its advertised default route`);
    }
    return fail(
      "accept_ra",
      `${interfaceName} will lose its IPv6 default route: it came by router advertisement, which ` +
        "a forwarding host ignores unless accept_ra is 2",
      `sysctl -w net.ipv6.conf.${interfaceName.replaceAll(".", "/")}.accept_ra=2`,
    );
  });
}

export function checkDefaultRoute(host: Host): CheckResult {
  const [route] = defaultRoutes(host);
  if (route !== undefined) return ok("ipv6_route", `default dev ${route.interfaceName}`);
  return warn(
    "ipv6_route",
    "there is no IPv6 default route, so only networks with a route of their own are reachable",
    "ip -6 route add default via ROUTER dev INTERFACE",
  );
}

function defaultRoutes(host: Host): Route6[] {
  return host.routesOf(DEFAULT).filter((route) => !route.rejects);
}

/** Whether another interface already has the service prefix. */
export function checkServiceRoute(host: Host, relay: RelayConfig): CheckResult {
  const prefix = servicePrefixOf(relay.prefix);
  const text = formatIpv6Prefix(prefix);
  const other = host.routesOf(prefix).find((route) => route.interfaceName !== relay.interfaceName);
  if (other === undefined) return ok("service_route", `nothing else has ${text}`);
  const owner = other.rejects ? "refused by a route" : `routed to ${other.interfaceName}`;
  return fail(
    "service_route",
    `${text} is already ${owner}, perhaps by another Teredo relay or client`,
    `systemctl stop miredo, or ${other.removal}`,
  );
}
