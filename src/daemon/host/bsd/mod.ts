import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, networkInterfaces } from "node:os";
import process from "node:process";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { type Run, runCommand } from "#src/datapath/bsd/commands.ts";
import { bsdKernel } from "#src/datapath/bsd/kernel.ts";
import { BsdNeighbourDiscovery } from "#src/datapath/bsd/nd6.ts";
import { type FoundRoute, Routes } from "#src/datapath/bsd/routing/socket.ts";
import { ROUTE, waysOf } from "#src/datapath/bsd/routing/ways.ts";
import { rivalProblem } from "#src/datapath/bsd/tun/interface.ts";
import {
  formatIpv6Prefix,
  IPV6_LENGTH,
  type Ipv6Prefix,
  isLinkLocal,
} from "#src/protocol/wire/ipv6.ts";
import type { ProcessUse } from "#src/status/snapshot.ts";
import { BsdForwarding } from "./forwarding.ts";
import { BsdInterfaces, type ListInterfaces } from "./interfaces.ts";
import { BsdNetworkWatch } from "./network.ts";
import { parseFstat, parseRoute, parseSockstat, type RouteText } from "./texts.ts";
import { bsdTun, sysctlText } from "./tun.ts";
import { Ways4 } from "./ways.ts";
import { hostWordsOf } from "./words.ts";
import type { Finding } from "../../checks/result.ts";
import type { Host, Problem, Rights, Way } from "../contract.ts";
import { isDirectory, refusesUdp } from "../parts.ts";
import { NO_FAST_PATH } from "#src/datapath/fast_path.ts";
import { findUser } from "../passwd.ts";

/** What is asked of the machine by other ways than libc. */
export interface Around {
  readonly run: Run;
  readonly networkInterfaces: ListInterfaces;
  readonly cores: () => number;
  /** The effective user of this process. */
  readonly uid: () => number;
  readonly exists: (path: string) => boolean;
  /** What a file says; nothing when it cannot be read. */
  readonly textOf: (path: string) => string;
  readonly isDirectory: (path: string) => boolean;
  readonly processUse: () => ProcessUse;
  readonly year: () => number;
}

const DEFAULT: Ipv6Prefix = { bytes: new Uint8Array(IPV6_LENGTH), length: 0 };

const THIS_MACHINE: Around = {
  run: runCommand,
  networkInterfaces,
  cores: availableParallelism,
  uid: () => process.geteuid?.() ?? -1,
  exists: existsSync,
  textOf,
  isDirectory,
  processUse: () => ({ residentBytes: process.memoryUsage.rss() }),
  year: () => new Date().getUTCFullYear(),
};

/**
 * A machine with FreeBSD, OpenBSD, NetBSD or DragonFly BSD. It changes nothing.
 *
 * What readiness asks again and again starts no process and takes no privilege: interfaces, the route to
 * an address, forwarding. The rest is asked at start, of the commands that operators use.
 *
 * @throws SyscallError when there is no socket to be had
 */
export function bsdHost(libc: Libc, around: Around = THIS_MACHINE): Host {
  const { run, textOf } = around;
  const { oneWorker } = bsdKernel(libc, run);
  const arena = new Arena(libc, 8192);
  const interfaces = new BsdInterfaces(libc, arena, around.networkInterfaces);
  const neighbours = new BsdNeighbourDiscovery(libc, arena);
  const forwarding = new BsdForwarding(libc, arena);
  const routes = new Routes(libc, arena);
  const ways4 = new Ways4((to) => shownWay4(run, to));
  let revision = 0;
  return {
    words: hostWordsOf(libc),
    oneWorker,
    serverUsesTun: true,
    // ip6_input_if() of OpenBSD; the others take what is for any address of theirs.
    localNeedsForwarding: libc.layout.system === "OpenBSD",
    keepsApart: false,
    hasMetrics: false,
    mostMtu: waysOf(libc).mostMtu,
    rights: () => rightsOf(around.uid()),
    tun: (wanted) => bsdTun({ libc, run, exists: around.exists, wanted }),
    ipv6: () => ipv6Of(forwarding),
    // OpenBSD's 2 forwards what comes through IPsec alone.
    forwards6: () => forwarding.read() === 1,
    losesAdvertisedRoute: () => advertisedLoss(libc, run),
    cores: around.cores,
    refusesWorkers: () => undefined,
    refusesFastPath: () => NO_FAST_PATH,
    interfaces: () => interfaces.read(),
    disabledIpv6: (name) =>
      neighbours.isDisabled(name) ? `ifconfig ${name} inet6 -ifdisabled` : undefined,
    device: (name) => interfaces.device(name),
    takes4: (address) => interfaces.read().some(({ ipv4 }) => ipv4.includes(address)),
    hasIpv4: () => interfaces.addresses().ipv4.length > 0,
    way4: ({ destination }) => ways4.to(destination),
    way6: ({ destination }) => way6(interfaces, routes, destination),
    decidingRoute6: () => undefined,
    defaultRoutes6: () => defaultRoutes6(libc, run, interfaces, routes),
    serviceRoute: (prefix, own) => serviceRoute(interfaces, routes, prefix, own),
    returnPath: () => undefined,
    feasible: (mend) => mend,
    interfaceManagers: () => [],
    filters: () => undefined,
    watchFilters: () => undefined,
    refusesUdp: (address, port) => refusesUdp(libc, address, port),
    udpOwner: (port) => udpOwner(libc, run, port),
    user: (name) => findUser(textOf("/etc/passwd"), textOf("/etc/group"), name),
    isDirectory: around.isDirectory,
    revision: () => revision += 1,
    watchNetwork: (prefix) => new BsdNetworkWatch(libc, around.networkInterfaces, prefix),
    processUse: around.processUse,
    year: around.year,
    instance: () => undefined,
  };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** There is nothing between all and none. */
function rightsOf(uid: number): Rights {
  const wanted = ["root privileges"];
  return { wanted, missing: uid === 0 ? [] : wanted };
}

function ipv6Of(forwarding: BsdForwarding): Finding {
  if (forwarding.read() !== undefined) return { verdict: "ok", detail: "IPv6 is on" };
  const mend = "boot a kernel that was built with `options INET6`, as GENERIC is";
  return { verdict: "fail", detail: "the kernel has no IPv6", mend };
}

const RFC6204 = "net.inet6.ip6.rfc6204w3";

/** FreeBSD and DragonFly BSD: that of a kernel which heeds advertisements itself. nd6_ra_input() */
function advertisedLoss(libc: Libc, run: Run): Problem | undefined {
  if (libc.layout.system !== "FreeBSD") {
    return { problem: "on this system", mend: hostWordsOf(libc).addDefaultRoute };
  }
  if (sysctlText(run, RFC6204) === "1") return undefined;
  return { problem: `unless ${RFC6204} is 1`, mend: `sysctl ${RFC6204}=1` };
}

function shownRoute(run: Run, ...to: readonly string[]): RouteText | undefined {
  return parseRoute(run([ROUTE, "-n", "get", ...to]).stdout);
}

const NO_ROUTE: Way = { kind: "refused", why: "no route leads there", isSaid: false };
const sent = (interfaceName: string, source?: Uint8Array): Way => ({
  kind: "sent",
  interfaceName,
  source,
  gateway: undefined,
  mtu: undefined,
});

function shownWay4(run: Run, to: string): Way | undefined {
  const { status, stdout } = run([ROUTE, "-n", "get", to]);
  if (status < 0) return undefined;
  const route = parseRoute(stdout);
  return route === undefined ? NO_ROUTE : sent(route.interfaceName);
}

/** The source is only as good as an address of this host that is not link-local, if there is one. */
function way6(interfaces: BsdInterfaces, routes: Routes, destination: Uint8Array): Way {
  const { interfaceName, rejects } = routes.to(destination) ?? {};
  if (rejects) return { kind: "refused", why: "a route says reject", isSaid: true };
  if (interfaceName === undefined) return NO_ROUTE;
  const { ipv6 } = interfaces.addresses();
  return sent(interfaceName, ipv6.find((it) => !isLinkLocal(it, 0)) ?? ipv6[0]);
}

function defaultRoutes6(libc: Libc, run: Run, interfaces: BsdInterfaces, routes: Routes) {
  const route = routes.of(DEFAULT);
  if (route === undefined || isDead(route, interfaces)) return [];
  const { interfaceName = "", rejects } = route;
  return rejects ? [] : [{ interfaceName, fromAdvertisement: isAdvertised(libc, run) }];
}

/** A BSD has one route of a prefix: whoever has it, has all. */
function serviceRoute(
  interfaces: BsdInterfaces,
  routes: Routes,
  prefix: Ipv6Prefix,
  own: string,
): Finding {
  const route = routes.of(prefix);
  const isOwn = route !== undefined && !route.rejects && route.interfaceName === own;
  if (route === undefined || isOwn || isDead(route, interfaces)) {
    return { verdict: "ok", detail: `nothing else has ${formatIpv6Prefix(prefix)}` };
  }
  const { problem, mend } = rivalProblem(prefix, route);
  return { verdict: "fail", detail: problem, mend };
}

/** Into an interface that is down: what a relay that was killed has left. The next one takes it away. */
function isDead({ rejects, interfaceName = "" }: FoundRoute, interfaces: BsdInterfaces): boolean {
  return !rejects && !interfaces.isUp(interfaceName);
}

/**
 * Elsewhere it is a daemon that heeds advertisements, whether or not packets are forwarded: slaacd(8),
 * dhcpcd(8).
 */
function isAdvertised(libc: Libc, run: Run): boolean {
  const { system } = libc.layout;
  if (system !== "FreeBSD" && system !== "DragonFly BSD") return false;
  // defrouter_addreq() sets the first of these flags and none of the others.
  const flags = shownRoute(run, "-inet6", "default")?.flags ?? [];
  return flags.includes("GATEWAY") && !flags.some((flag) => /^(STATIC|PROTO\d)$/.test(flag));
}

function udpOwner(libc: Libc, run: Run, port: number): ReturnType<Host["udpOwner"]> {
  const { system } = libc.layout;
  if (system === "OpenBSD") return parseFstat(run(["/usr/bin/fstat"]).stdout, port);
  // NetBSD's alone prints the names of ports unless it is told not to.
  const numeric = system === "NetBSD" ? ["-n"] : [];
  return parseSockstat(run(["/usr/bin/sockstat", "-4", "-l", ...numeric]).stdout, port);
}
