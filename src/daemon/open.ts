import { availableParallelism } from "node:os";
import type { Libc } from "#ffi/libc.ts";
import type { ClientConfig, RelayConfig, ServerConfig } from "#src/config/config.ts";
import type { FastPathWish, ServerFastPathWish } from "#src/datapath/fast_path.ts";
import type { Inherited } from "#src/datapath/kept.ts";
import type { ClientRules, OpenRole, RelayRules, ServerRules } from "#src/datapath/datapath.ts";
import type { ServiceRoutes } from "#src/datapath/service_routes.ts";
import { type GivenSockets, openClient as openClientDatapath } from "#src/datapath/start/client.ts";
import { openRelay as openRelayDatapath } from "#src/datapath/start/relay.ts";
import { openServer as openServerDatapath } from "#src/datapath/start/server.ts";
import { workersFor } from "#src/datapath/threads/workers.ts";
import { StartError } from "#src/errors.ts";
import type { Host } from "./host/contract.ts";
import { servedPrefixes } from "./served.ts";

/**
 * Opens what a relay of this configuration works on.
 *
 * @param hostAddresses IPv4 addresses of this host, which no peer may have
 * @param record whether packets are recorded
 * @param inherited what the relay before this one has left open
 * @param fastPath undefined: there is to be none
 * @throws StartError, SyscallError
 */
export function openRelay(
  libc: Libc,
  config: RelayConfig,
  hostAddresses: readonly number[],
  record: boolean,
  inherited?: Inherited,
  fastPath?: FastPathWish,
): OpenRole {
  return openRelayDatapath(libc, {
    interfaceName: config.interfaceName,
    bindAddress: config.bindAddress,
    bindPort: config.bindPort,
    socketBuffer: config.socketBuffer,
    offloads: config.offloads === "auto",
    workers: workersFor(config.workers, availableParallelism()),
    routes: routesOf(config),
    inherited,
    record,
    ...(fastPath === undefined ? {} : { fastPath }),
    rules: relayRules(config, hostAddresses),
  });
}

function routesOf(config: RelayConfig): ServiceRoutes {
  const { routeMetric: metric, announce, announceMetric, announceProtocol: protocol } = config;
  return { metric, announced: announce ? { metric: announceMetric, protocol } : undefined };
}

/** What a relay of this configuration goes by, where nothing has to be opened again. */
export function relayRules(config: RelayConfig, hostAddresses: readonly number[]): RelayRules {
  const { bindAddress } = config;
  return {
    prefix: config.prefix,
    restricted: config.type === "restricted",
    refuseReserved: config.refuseReserved,
    ownAddresses: bindAddress === 0 ? hostAddresses : [bindAddress],
    served: servedPrefixes(config),
    maxPeers: config.maxPeers,
    holdPackets: config.holdPackets,
    holdBytes: config.holdBytes,
    holdAge: config.holdAge,
    holdMemory: config.holdMemory,
    mtu: config.interfaceMtu,
    icmpRate: config.icmpRate,
    icmpBurst: config.icmpBurst,
    challengeRate: config.challengeRate,
    newPeerRate: config.newPeerRate,
    bubbleRate: config.bubbleRate,
    addressBubbleRate: config.addressBubbleRate,
  };
}

/**
 * Opens what a server of this configuration works on.
 *
 * @param record whether packets are recorded
 * @param fastPath undefined: there is to be none
 * @throws StartError, SyscallError
 */
export function openServer(
  libc: Libc,
  config: ServerConfig,
  record: boolean,
  fastPath?: ServerFastPathWish,
): OpenRole {
  return openServerDatapath(libc, {
    ...boundOf(config),
    socketBuffer: config.socketBuffer,
    workers: workersFor(config.workers, availableParallelism()),
    record,
    ...(fastPath === undefined ? {} : { fastPath }),
    rules: serverRules(config),
  });
}

/**
 * Opens what a client of this configuration works on.
 *
 * @param bindPort 0: the kernel picks
 * @param sockets those that another network namespace has lent it
 * @throws StartError, SyscallError
 */
export function openClient(
  libc: Libc,
  config: ClientConfig,
  bindPort: number,
  record: boolean,
  rules: ClientRules,
  sockets?: GivenSockets,
): OpenRole {
  return openClientDatapath(libc, {
    interfaceName: config.interfaceName,
    bindAddress: config.bindAddress,
    bindPort,
    socketBuffer: config.socketBuffer,
    offloads: config.offloads === "auto",
    home: { metric: config.routeMetric, sourceRouting: config.sourceRouting },
    // Of another namespace there would be no use in it.
    discovery: config.localDiscovery && sockets === undefined,
    sockets,
    record,
    rules,
  });
}

/** IPv4 addresses of this host, which no peer may have. */
export function addressesOf(host: Host): number[] {
  return host.interfaces().flatMap(({ ipv4 }) => ipv4);
}

function boundOf({ bindAddress, bindAddress2 }: ServerConfig) {
  if (bindAddress === undefined) {
    throw new StartError("the server has no address to bind", "set bind_address in [server]");
  }
  return { bindAddress, bindAddress2: bindAddress2 ?? bindAddress + 1 };
}

/** The same of a server. @throws StartError */
export function serverRules(config: ServerConfig): ServerRules {
  const { bindAddress, bindAddress2 } = boundOf(config);
  const serverAddress = config.advertisedAddress ?? bindAddress;
  const secondaryAddress = config.advertisedAddress2 ?? bindAddress2;
  return {
    algorithm: config.authenticationAlgorithm,
    prefix: config.prefix,
    serverAddress,
    secondaryAddress,
    ownAddresses: [...new Set([bindAddress, bindAddress2, serverAddress, secondaryAddress])],
    mtu: config.interfaceMtu,
    refuseReserved: config.refuseReserved,
    requireAuthentication: config.requireAuthentication,
    secrets: config.secrets.map((secret) => ({
      clientId: new TextEncoder().encode(secret.clientId),
      key: secret.key,
      valid: secret.valid,
    })),
    solicitationRate: config.solicitationRate,
    solicitationBurst: config.solicitationBurst,
    forwardRate: config.forwardRate,
    icmpMaxLength: config.icmpMaxLength,
  };
}
