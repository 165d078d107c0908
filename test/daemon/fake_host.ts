import type { RelayConfig, ServerConfig } from "#src/config/config.ts";
import { loadConfig } from "#src/config/load.ts";
import { CAPABILITIES, type Capability, type Host, type Interface } from "#src/daemon/host.ts";
import { parseIpv4 } from "#src/protocol/ipv4.ts";

/** 198.51.100.1 and the next, which this host has. */
export const PRIMARY_ADDRESS = parseIpv4("198.51.100.1")!;

export const UPLINK: Interface = {
  name: "eth0",
  up: true,
  loopback: false,
  mtu: 1500,
  ipv4: [PRIMARY_ADDRESS, PRIMARY_ADDRESS + 1],
  hasLinkLocal: true,
};

const VARIABLES: Readonly<Record<string, string>> = {
  "net/ipv6/conf/all/disable_ipv6": "0",
  "net/ipv6/conf/default/disable_ipv6": "0",
  "net/ipv6/conf/all/forwarding": "1",
  "net/ipv6/conf/eth0/accept_ra": "2",
};

export interface Facts extends Partial<Host> {
  /** Over those of a host that is fit. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
}

/** A machine fit for both roles, except for `facts`. */
export function fakeHost({ variables = {}, ...facts }: Facts = {}): Host {
  const all = { ...VARIABLES, ...variables };
  return {
    platform: "linux",
    capabilities: () => new Set(Object.keys(CAPABILITIES) as Capability[]),
    openTunDevice: () => 0,
    cores: () => 2,
    loadSteering: () => 0,
    sysctl: (path) => all[path],
    interfaces: () => [UPLINK],
    defaultInterface4: () => "eth0",
    routesOf: (prefix) =>
      prefix.length > 0 ? [] : [{
        interfaceName: "eth0",
        fromAdvertisement: false,
        rejects: false,
        removal: "",
      }],
    routeTo: () => "teredo",
    bindUdp: () => 0,
    udpOwner: () => undefined,
    user: () => undefined,
    isDirectory: () => true,
    residentMemory: () => 50_000_000,
    year: () => 2026,
    ...facts,
  };
}

/** A configuration file without a line. */
export const emptyFile = () => ({ bytes: new Uint8Array(), mode: 0o644 });

export function relayConfig(changes: Partial<RelayConfig> = {}): RelayConfig {
  return {
    ...loadConfig("relay", { path: "r.ini", readFile: emptyFile }).config.relay,
    ...changes,
  };
}

export function serverConfig(changes: Partial<ServerConfig> = {}): ServerConfig {
  const overrides = { "server.bind_address": "198.51.100.1" };
  const { config } = loadConfig("server", { path: "s.ini", readFile: emptyFile, overrides });
  return { ...config.server, ...changes };
}
