import type { ClientConfig } from "#src/config/config.ts";
import type { ClientRules } from "#src/datapath/datapath.ts";
import type { ServerAddresses } from "#src/protocol/client/contract.ts";
import type { Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { Standpoint } from "./standpoint.ts";
import type { Mapping } from "./state_file.ts";

/** Until a server's advertisement tells another one. RFC 4380 §5.2.1 */
export const FIRST_MTU = 1280;

/**
 * What a client's datapath goes by.
 *
 * @param servers those whose addresses are known
 * @param checkHost 16 bytes of the native host that is asked now and then
 * @param remembered by which the last run had its address
 * @param relayedFor this host's own addresses, where it is to be a relay for them
 * @param isQuiet whether it is to say nothing, beside IPv6 of another kind: C-01, H-08
 */
export function clientRules(
  config: ClientConfig,
  { ownAddresses, subnets, localAddress }: Standpoint,
  servers: readonly ServerAddresses[],
  checkHost: Uint8Array | undefined,
  remembered: Mapping | undefined,
  relayedFor: readonly Ipv6Prefix[] | undefined,
  isQuiet = false,
): ClientRules {
  const { extensions, secret, bindAddress } = config;
  const has = (name: ClientConfig["extensions"][number]) => extensions.includes(name);
  return {
    prefix: config.prefix,
    refuseReserved: config.refuseReserved,
    ownAddresses: bindAddress === 0 ? ownAddresses : [bindAddress],
    localAddress: bindAddress === 0 ? localAddress : bindAddress,
    subnets,
    servers: servers.map(({ primary, secondary }) => ({ primary, secondary })),
    quiet: isQuiet,
    serverOrder: config.serverOrder,
    refresh: config.refresh,
    extensions: {
      symmetric: has("sns"),
      portPreserving: has("pp"),
      sequential: has("ss"),
      hairpin: has("hairpin"),
      loadReduction: has("slr"),
    },
    localDiscovery: config.localDiscovery,
    checkHost,
    maxPeers: config.maxPeers,
    holdPackets: config.holdPackets,
    holdBytes: config.holdBytes,
    holdAge: config.holdAge,
    holdMemory: config.holdMemory,
    mtu: FIRST_MTU,
    icmpRate: config.icmpRate,
    icmpBurst: config.icmpBurst,
    remembered,
    relayedFor,
    identity: secret === undefined ? undefined : {
      clientId: new TextEncoder().encode(secret.clientId),
      key: secret.key,
      algorithm: config.authenticationAlgorithm,
    },
  };
}
