import type { ToldStatus } from "#src/datapath/client/news.ts";
import type { ServerStatus } from "#src/protocol/client/contract.ts";
import { WAYS } from "#src/protocol/client/peers/ways.ts";
import type { ChosenServer } from "#src/protocol/client/servers/choose.ts";
import type { Millis } from "#src/protocol/time.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { ClientStateName, ClientView, ServerView } from "#src/status/snapshot.ts";
import { FIRST_MTU } from "./rules.ts";

/** What is known of a client besides what its datapath tells. */
export interface Surroundings {
  readonly state: ClientStateName;
  readonly since: Date;
  /** Native IPv6 that it is about to stand back for. */
  readonly leaving: string | undefined;
  readonly lastChange: ClientView["lastChange"] | undefined;
  readonly servers: readonly ChosenServer[];
  readonly unresolved: ClientView["unresolved"];
  readonly localAddress: number;
  readonly localPort: number;
  /** As configured. */
  readonly refresh: Millis;
}

export function viewOf(status: ToldStatus | undefined, around: Surroundings): ClientView {
  const { state, servers, localAddress, localPort, leaving, lastChange } = around;
  const hasServer = status?.server !== undefined;
  const viewed = (server: ServerStatus) => serverView(server, servers);
  return {
    state,
    since: around.since,
    ...(status?.address === undefined ? {} : { address: formatIpv6(status.address) }),
    // While it stands back, the interface has none.
    deprecated: state === "dormant" || state === "relay"
      ? []
      : status?.deprecated.map((it) => formatIpv6(it)) ?? [],
    ...(status?.server === undefined ? {} : { server: viewed(status.server) }),
    standbys: status?.standbys.map(viewed) ?? [],
    unresolved: around.unresolved,
    ...(hasServer && status!.mapped !== undefined
      ? { mapped: endpoint(status!.mapped.address, status!.mapped.port) }
      : {}),
    ...(localAddress === 0 ? {} : { local: endpoint(localAddress, localPort) }),
    // Without a server nobody sees which NAT it is that there is now.
    nat: hasServer ? status!.nat : "unknown",
    filtering: hasServer ? status!.filtering : "unknown",
    portPreserving: hasServer && status!.portPreserving,
    portMapping: "none",
    mtu: status?.mtu ?? FIRST_MTU,
    refresh: {
      intervalSeconds: (status?.refresh ?? around.refresh) / 1_000,
      ...(status?.refreshAt === undefined ? {} : { next: new Date(status.refreshAt) }),
    },
    native: status?.native ?? "unknown",
    ...(leaving === undefined ? {} : { leaving }),
    ...(lastChange === undefined ? {} : { lastChange }),
    randomPorts: status?.randomPorts ?? 0,
    peers: WAYS.map((way, i) => ({ ...way, count: status?.ways[i] ?? 0 })),
  };
}

function serverView(server: ServerStatus, servers: readonly ChosenServer[]): ServerView {
  const { primary, secondary, live, rtt, native, keyRefused } = server;
  const name = servers.find((it) => it.primary === primary)?.name ?? formatIpv4(primary);
  return {
    name,
    primary: formatIpv4(primary),
    secondary: formatIpv4(secondary),
    live,
    ...(rtt === 0 ? {} : { rttSeconds: rtt / 1_000 }),
    native,
    keyRefused,
  };
}

const endpoint = (address: number, port: number) => `${formatIpv4(address)}:${port}`;
