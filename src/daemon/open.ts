import { availableParallelism } from "node:os";
import type { Libc } from "#ffi/libc.ts";
import type { RelayConfig, ServerConfig } from "#src/config/config.ts";
import type { OpenRole } from "#src/datapath/datapath.ts";
import type { ServiceRoutes } from "#src/datapath/service_routes.ts";
import {
  openRelay as openRelayDatapath,
  openServer as openServerDatapath,
} from "#src/datapath/start.ts";
import { workersFor } from "#src/datapath/threads/workers.ts";
import { StartError } from "#src/errors.ts";
import type { PeerPattern } from "#src/protocol/peers/pattern.ts";
import type { ServerOptions } from "#src/protocol/server/contract.ts";

/**
 * Opens what a relay of this configuration works on.
 *
 * @param hostAddresses IPv4 addresses of this host, which no peer may have
 * @param debugPeer whose packets' fates are told
 * @throws StartError, SyscallError
 */
export function openRelay(
  libc: Libc,
  config: RelayConfig,
  hostAddresses: readonly number[],
  debugPeer?: PeerPattern,
): OpenRole {
  const { bindAddress, served } = config;
  return openRelayDatapath(libc, {
    interfaceName: config.interfaceName,
    bindAddress,
    bindPort: config.bindPort,
    socketBuffer: config.socketBuffer,
    offloads: config.offloads === "auto",
    workers: workersFor(config.workers, availableParallelism()),
    routes: routesOf(config),
    debugPeer,
    rules: {
      prefix: config.prefix,
      restricted: config.type === "restricted",
      refuseReserved: config.refuseReserved,
      ownAddresses: bindAddress === 0 ? hostAddresses : [bindAddress],
      // Until this host's addresses have been listed, `self` serves none.
      served: served === "any" ? undefined : served === "self" ? [] : served,
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
    },
  });
}

function routesOf(config: RelayConfig): ServiceRoutes {
  const { routeMetric: metric, announce, announceMetric, announceProtocol: protocol } = config;
  return { metric, announced: announce ? { metric: announceMetric, protocol } : undefined };
}

/** Opens what a server of this configuration works on. @throws StartError, SyscallError */
export function openServer(
  libc: Libc,
  config: ServerConfig,
  debugPeer?: PeerPattern,
): OpenRole {
  const { bindAddress } = config;
  if (bindAddress === undefined) {
    throw new StartError("the server has no address to bind", "set bind_address in [server]");
  }
  const bindAddress2 = config.bindAddress2 ?? bindAddress + 1;
  return openServerDatapath(libc, {
    bindAddress,
    bindAddress2,
    socketBuffer: config.socketBuffer,
    algorithm: config.authenticationAlgorithm,
    workers: workersFor(config.workers, availableParallelism()),
    debugPeer,
    rules: serverRules(config, bindAddress, bindAddress2),
  });
}

function serverRules(
  config: ServerConfig,
  bindAddress: number,
  bindAddress2: number,
): ServerOptions {
  const serverAddress = config.advertisedAddress ?? bindAddress;
  const secondaryAddress = config.advertisedAddress2 ?? bindAddress2;
  return {
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
