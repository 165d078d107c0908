import type { ClientOptions, ClientStatus } from "./contract.ts";
import { HOMES_MAX, NO_HOME } from "./servers/homes.ts";
import { mtuOf } from "./servers/mtu.ts";
import type { Qualification } from "./servers/qualification.ts";

/** What a client has to tell of itself, in objects of the caller's own. */
export function statusOf(options: ClientOptions, qualification: Qualification): ClientStatus {
  const { state, changedAt, current, nat, homes, refresh, refreshAt, servers } = qualification;
  const deprecated: Uint8Array[] = [];
  for (let home = 0; home < HOMES_MAX; home++) {
    if (homes.isDeprecated(home)) deprecated.push(homes.bytes(home).slice());
  }
  const { mappedAddress: address, mappedPort: port, isPortPreserving, filtering } = nat;
  return {
    state,
    address: homes.current === NO_HOME ? undefined : homes.bytes(homes.current).slice(),
    deprecated,
    server: current?.status(),
    standbys: servers.all.filter((it) => it !== current).map((it) => it.status()),
    mapped: port === 0 ? undefined : { address, port },
    mtu: mtuOf(options, current),
    nat: nat.kind(options.servicePort, options.ownAddresses),
    filtering,
    portPreserving: isPortPreserving,
    native: current?.native ?? "unknown",
    refresh: refresh.interval,
    refreshAt: refreshAt === Infinity ? undefined : refreshAt,
    changedAt,
  };
}
