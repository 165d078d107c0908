import type { RelayConfig } from "#src/config/config.ts";
import { deviceProblem } from "#src/datapath/tun_problems.ts";
import { readU32 } from "#src/protocol/bytes.ts";
import { type CheckResult, fail, ok, warn } from "./check.ts";
import type { Host, Route6 } from "./host.ts";
import { describeRoute } from "./linux_proc.ts";

const ALL = "net/ipv6/conf/all";

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
 * route which came by one runs out. Routes that a network manager made of one are not concerned.
 */
function advertisedRoutes(host: Host): CheckResult[] {
  const routes = defaultRoutes(host).filter((route) => route.fromAdvertisement);
  return routes.map(({ interfaceName }) => {
    if (host.sysctl(`net/ipv6/conf/${interfaceName}/accept_ra`) === "2") {
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
  return host.routes6().filter((route) => route.prefix.length === 0 && !route.rejects);
}

/** Whether another interface already has the service prefix, or a part of it. */
export function checkServiceRoute(host: Host, relay: RelayConfig): CheckResult {
  const others = host.routes6().filter((route) =>
    route.prefix.length >= 32 && readU32(route.prefix.bytes, 0) === relay.prefix &&
    route.interfaceName !== relay.interfaceName
  );
  const owner = others.find((route) => route.prefix.length === 32);
  if (owner !== undefined) {
    const route = describeRoute(owner);
    return fail(
      "service_route",
      `the Teredo prefix is already routed: ${route}`,
      `stop the program that did it (e.g. systemctl stop miredo), or ip -6 route del ${route}`,
    );
  }
  const [part] = others.filter((route) => route.prefix.length < 128);
  if (part !== undefined) {
    const route = describeRoute(part);
    return warn(
      "service_route",
      `a part of the Teredo prefix is routed elsewhere: ${route}`,
      `ip -6 route del ${route}`,
    );
  }
  return ok("service_route", "nothing else has the Teredo prefix");
}
