import type { ClientConfig, ProcessConfig } from "#src/config/config.ts";
import { CLIENT_ROUTES } from "#src/datapath/homes.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { servicePrefixOf } from "#src/protocol/wire/teredo_address.ts";
import type { Host, Right } from "../../host/contract.ts";
import { isNativeAddress } from "../../host/network.ts";
import { ROOT_SERVERS_6 } from "../../host/samples.ts";
import { checkHook } from "./hook.ts";
import { checkMtu, checkPort, missingAddress } from "../address.ts";
import { checkIpv6, checkTun, forwarding } from "../ipv6.ts";
import { checkChroot, checkClock, checkPrivileges, checkUser, portNeeds } from "../process.ts";
import { type CheckResult, fail, ok, warn } from "../result.ts";
import { checkRunning, type Running } from "../running.ts";
import { wayToClients } from "../ways.ts";

/** Interface, addresses and routes; ICMPv6 errors. */
const NEEDS: readonly Right[] = ["set up interfaces", "open raw sockets"];
/** MTU of the tunnel, unless a server says another. RFC 4380 §5.2.1 */
const MTU = 1280;

/**
 * What a client asks of its machine before it starts. That there is no IPv4 at the moment, or IPv6
 * without it, keeps none from starting: it waits.
 *
 * @param running a client on this host, whose state is told rather than fought
 */
export function checkClient(host: Host, client: ClientConfig, running?: Running): CheckResult[] {
  const { interfaceName, bindAddress, bindPort, process } = client;
  return [
    running === undefined
      ? checkPrivileges(host, process, portNeeds(NEEDS, bindPort))
      : checkRunning(running),
    checkTun(host, interfaceName, running),
    checkIpv6(host),
    checkWay4(host, bindAddress),
    ...checkBound(host, client, running),
    checkServiceRoute(host, client, running),
    checkNative(host, client),
    ...(client.whenNative === "relay" && host.localNeedsForwarding ? [forwarding(host)] : []),
    checkMtu(host, MTU, bindAddress),
    ...checkHook(client.hook),
    checkClock(host),
    ...checkUser(host, process),
    ...checkChroot(host, process),
    ...checkKeeping(host, process),
  ];
}

/** Its address comes and changes as it runs: whoever gives it needs the right to, for good. */
function checkKeeping(host: Host, { user, chroot }: ProcessConfig): CheckResult[] {
  if (host.keepsApart) return [];
  const set = Object.entries({ user, chroot }).filter(([, value]) => value !== undefined);
  if (set.length === 0) return [];
  const names = set.map(([key]) => `\`${key}\``).join(" and ");
  return [
    fail(
      "keeping",
      `with ${names} nothing could give the interface its address, which a server tells later: on this ` +
        "system that takes commands of the superuser's, as long as the client runs",
      `leave out ${names}`,
    ),
  ];
}

/** Servers are somewhere on the IPv4 Internet. */
function checkWay4(host: Host, bound: number): CheckResult {
  // An address that is not here has no way of its own, which is another check's to tell.
  const way = wayToClients(host, bound !== 0 && host.takes4(bound) ? bound : 0);
  if (way !== undefined) return ok("ipv4_route", `datagrams leave by ${way.interfaceName}`);
  const missing = host.hasIpv4() ? "no IPv4 route to the Internet" : "no IPv4 address";
  return warn(
    "ipv4_route",
    `this host has ${missing}, so that the client waits for one`,
    host.words.addDefaultRoute4,
  );
}

function checkBound(
  host: Host,
  { bindAddress, bindPort }: ClientConfig,
  running?: Running,
): CheckResult[] {
  const missing = bindAddress === 0 ? undefined : missingAddress(host, bindAddress);
  if (missing !== undefined) return [missing];
  const present = bindAddress === 0
    ? []
    : [ok("address", `${formatIpv4(bindAddress)} is on this host`)];
  if (bindPort === 0) return present;
  const asked = { address: bindAddress, port: bindPort, otherwise: "choose another bind_port" };
  return [...present, checkPort(host, asked, running)];
}

/** A relay, or another client, on the same host would take what is for peers. */
function checkServiceRoute(host: Host, client: ClientConfig, running?: Running): CheckResult {
  const own = running?.interfaceName ?? client.interfaceName;
  const found = host.serviceRoute(servicePrefixOf(client.prefix), own, CLIENT_ROUTES.metric);
  return { name: "service_route", ...found };
}

const PLANS: Readonly<Record<ClientConfig["whenNative"], string>> = {
  stand_back: "the client stands back and waits",
  relay: "the client is a relay for this host alone",
  keep: "the client runs all the same",
};

/** IPv6 without the tunnel, as far as routes tell. RFC 4380 §5.5 */
function checkNative(host: Host, { interfaceName, prefix, whenNative }: ClientConfig): CheckResult {
  const way = host.way6({ destination: ROOT_SERVERS_6[0]! });
  if (way.kind !== "sent" || way.interfaceName === interfaceName) {
    return ok("native", "this host has no other IPv6");
  }
  const { source, interfaceName: by } = way;
  const isNative = source === undefined ||
    isNativeAddress(source, prefix);
  if (!isNative) return ok("native", `${by} has no global IPv6 address of its own`);
  const from = source === undefined ? "" : ` (${formatIpv6(source)})`;
  const detail = `this host has IPv6 by ${by}${from}: ${PLANS[whenNative]}`;
  if (whenNative !== "stand_back") return ok("native", detail);
  return warn("native", detail, "leave the client off, or set when_native to what it is to do");
}
