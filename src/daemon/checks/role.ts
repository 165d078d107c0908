import type { Config, RelayConfig, Role, ServerConfig } from "#src/config/config.ts";
import type { Host, Right } from "../host/contract.ts";
import { checkClient } from "./client/mod.ts";
import type { CheckResult } from "./result.ts";
import { checkMtu, checkRelayAddress, checkServerAddresses } from "./address.ts";
import {
  checkAnnouncement,
  checkForwarding,
  checkIpv6,
  checkServerWay,
  checkServiceRoute,
  checkTun,
} from "./ipv6.ts";
import {
  checkChroot,
  checkClock,
  checkPrivileges,
  checkUser,
  checkWorkers,
  portNeeds,
} from "./process.ts";
import { checkRunning, type Running } from "./running.ts";
import { checkClientsWay, checkIcmpSource } from "./ways.ts";

/** Interface and route; ICMPv6 errors. */
const RELAY_NEEDS: readonly Right[] = ["set up interfaces", "open raw sockets"];
/** Native packets. */
const SERVER_NEEDS: readonly Right[] = ["open raw sockets"];

type Configured = Pick<Config, "relay" | "server" | "client">;

/**
 * What `teredo check ROLE` shows and what a daemon asks of its machine before it starts.
 *
 * @param running a daemon of the role on this host; a daemon that starts tolerates none
 */
export function checkRole(
  host: Host,
  role: Role,
  config: Configured,
  running?: Running,
): CheckResult[] {
  return CHECKS[role](host, config, running).map((result) =>
    result.mend === undefined ? result : { ...result, mend: host.feasible(result.mend) }
  );
}

const CHECKS: Readonly<
  Record<Role, (host: Host, config: Configured, running?: Running) => CheckResult[]>
> = {
  relay: (host, { relay }, running) => checkRelay(host, relay, running),
  server: (host, { server }, running) => checkServer(host, server, running),
  client: (host, { client }, running) => checkClient(host, client, running),
};

/** @param running a relay on this host, whose state is told rather than fought */
export function checkRelay(host: Host, relay: RelayConfig, running?: Running): CheckResult[] {
  return [
    running === undefined
      ? checkPrivileges(host, relay.process, portNeeds(RELAY_NEEDS, relay.bindPort))
      : checkRunning(running),
    checkTun(host, relay.interfaceName, running),
    checkIpv6(host),
    ...checkForwarding(host, relay),
    ...checkClientsWay(host, { ...relay, comesBy: relay.interfaceName }),
    ...checkIcmpSource(host, relay.served),
    checkServiceRoute(host, relay, running),
    ...checkAnnouncement(host, relay),
    ...checkRelayAddress(host, relay, running),
    checkMtu(host, relay.interfaceMtu, relay.bindAddress, host.mostMtu),
    ...checkWorkers(host, relay.workers),
    checkClock(host),
    ...checkUser(host, relay.process),
    ...checkChroot(host, relay.process),
  ];
}

/** @param running as for {@link checkRelay} */
export function checkServer(host: Host, server: ServerConfig, running?: Running): CheckResult[] {
  return [
    running === undefined
      ? checkPrivileges(host, server.process, SERVER_NEEDS)
      : checkRunning(running),
    checkIpv6(host),
    ...checkServerWay(host),
    ...checkClientsWay(host, { prefix: server.prefix, served: "any", comesBy: undefined }),
    ...checkIcmpSource(host, "any"),
    ...checkServerAddresses(host, server, running),
    checkMtu(host, server.interfaceMtu, server.bindAddress ?? 0),
    checkClock(host),
    ...checkUser(host, server.process),
    ...checkChroot(host, server.process),
  ];
}
