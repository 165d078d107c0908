import type { NetworkWatch } from "#src/daemon/host/network.ts";
import type { ClientConfig, RelayConfig, ServerConfig } from "#src/config/config.ts";
import { loadConfig } from "#src/config/load.ts";
import type { Host, Interface, Refusal, Way } from "#src/daemon/host/contract.ts";
import {
  CAPABILITIES,
  type Capability,
  linuxAdvertisedRoute,
  linuxForwards6,
  linuxIpv6,
  linuxRights,
  linuxTun,
  linuxWorkers,
} from "#src/daemon/host/linux/answers.ts";
import { LINUX_HOST_WORDS } from "#src/daemon/host/linux/words.ts";
import { ipv4Bytes } from "#src/daemon/host/samples.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { isTeredo, SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";

/** 198.51.100.1 and the next, which this host has. */
export const PRIMARY_ADDRESS = parseIpv4("198.51.100.1")!;

export const UPLINK: Interface = {
  name: "eth0",
  up: true,
  loopback: false,
  mtu: 1500,
  ipv4: [PRIMARY_ADDRESS, PRIMARY_ADDRESS + 1],
};

const VARIABLES: Readonly<Record<string, string>> = {
  "net/ipv6/conf/all/disable_ipv6": "0",
  "net/ipv6/conf/default/disable_ipv6": "0",
  "net/ipv6/conf/all/forwarding": "1",
  "net/ipv6/conf/eth0/accept_ra": "2",
};

/** What Linux would say, in its own terms, and what a host makes of anything. */
export interface Facts extends Partial<Host> {
  /** Below /proc/sys, over those of a host that is fit. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
  readonly capabilities?: readonly Capability[];
  /** Error numbers; 0: it works. */
  readonly openTunDevice?: number;
  readonly loadSteering?: (workers: number) => number;
}

export const EVERY_CAPABILITY = Object.keys(CAPABILITIES) as Capability[];

/** A Linux machine fit for both roles, except for `facts`. */
export function fakeHost(facts: Facts = {}): Host {
  const { variables, capabilities, openTunDevice, loadSteering, ...answers } = facts;
  const all: Facts["variables"] = { ...VARIABLES, ...variables };
  const sysctl = (path: string) => all[path];
  const held = new Set(capabilities ?? EVERY_CAPABILITY);
  let revision = 0;
  return {
    words: LINUX_HOST_WORDS,
    oneWorker: undefined,
    serverUsesTun: false,
    localNeedsForwarding: false,
    keepsApart: true,
    hasMetrics: true,
    mostMtu: 65_535,
    rights: (needed) => linuxRights(held, needed),
    tun: () => linuxTun(openTunDevice ?? 0),
    ipv6: () => linuxIpv6(sysctl),
    forwards6: () => linuxForwards6(sysctl),
    losesAdvertisedRoute: (interfaceName) => linuxAdvertisedRoute(sysctl, interfaceName),
    cores: () => 2,
    refusesWorkers: (count) => linuxWorkers(loadSteering?.(count) ?? 0),
    refusesFastPath: () => undefined,
    interfaces: () => [UPLINK],
    device: () => ({ up: true, hasCarrier: true, mtu: UPLINK.mtu, hasLinkLocal: true }),
    disabledIpv6: () => undefined,
    takes4: () => true,
    hasIpv4: () => true,
    way4: () => sentBy(UPLINK.name, ipv4Bytes(PRIMARY_ADDRESS)),
    way6: ({ destination }) =>
      isTeredo(destination, 0, SERVICE_PREFIX)
        ? sentBy("teredo")
        : sentBy(UPLINK.name, parseIpv6("2001:db8::1")!),
    decidingRoute6: () => undefined,
    defaultRoutes6: () => [{ interfaceName: "eth0", fromAdvertisement: false }],
    serviceRoute: () => ({ verdict: "ok", detail: "nothing else has 2001::/32" }),
    returnPath: () => undefined,
    feasible: (mend) => mend,
    interfaceManagers: () => [],
    filters: () => undefined,
    watchFilters: () => undefined,
    refusesUdp: () => undefined,
    udpOwner: () => undefined,
    user: () => undefined,
    isDirectory: () => true,
    revision: () => revision += 1,
    watchNetwork: () => NO_NETWORK,
    processUse: () => ({ residentBytes: 50_000_000 }),
    year: () => 2026,
    instance: () => undefined,
    ...answers,
  };
}

const NO_NETWORK: NetworkWatch = {
  hasChanged: () => true,
  look: () => ({ ipv4: [], localAddress: undefined, way: "", nativeIpv6: undefined }),
  close: () => {},
};

export const sentBy = (interfaceName: string, source?: Uint8Array): Way => ({
  kind: "sent",
  interfaceName,
  source,
  gateway: undefined,
  mtu: undefined,
});
export const REFUSED: Way = { kind: "refused", why: "no route leads there", isSaid: false };

export const IN_USE: Refusal = { code: "EADDRINUSE", text: "EADDRINUSE (Address already in use)" };
export const NOT_HERE: Refusal = {
  code: "EADDRNOTAVAIL",
  text: "EADDRNOTAVAIL (Cannot assign requested address)",
};

/** A configuration file that sets nothing. */
export const emptyFile = () => ({
  bytes: new TextEncoder().encode("[relay]\n[server]\n[client]\n"),
  mode: 0o644,
});

export function relayConfig(changes: Partial<RelayConfig> = {}): RelayConfig {
  return {
    ...loadConfig("relay", { path: "r.ini", readFile: emptyFile }).config.relay,
    ...changes,
  };
}

export function clientConfig(changes: Partial<ClientConfig> = {}): ClientConfig {
  const overrides = { "client.servers": "192.0.2.1" };
  const { config } = loadConfig("client", { path: "c.ini", readFile: emptyFile, overrides });
  return { ...config.client, ...changes };
}

export function serverConfig(changes: Partial<ServerConfig> = {}): ServerConfig {
  const overrides = { "server.bind_address": "198.51.100.1" };
  const { config } = loadConfig("server", { path: "s.ini", readFile: emptyFile, overrides });
  return { ...config.server, ...changes };
}
