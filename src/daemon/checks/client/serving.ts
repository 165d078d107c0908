import type { ClientConfig } from "#src/config/config.ts";
import { formatIpv6, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { CLIENT_STATE_HELP } from "#src/status/client_state_help.ts";
import { CLIENT_STATE_TEXT, nativeText } from "#src/status/client_text.ts";
import type { ClientView } from "#src/status/snapshot.ts";
import type { Errands } from "../../client/errands/process.ts";
import type { Host } from "../../host/contract.ts";
import { ROOT_SERVERS_6 } from "../../host/samples.ts";
import { forwarding } from "../ipv6.ts";
import { type CheckResult, fail, note, ok } from "../result.ts";
import { someClient } from "../traffic.ts";

/** The check of a client that fails while no server has given it an address. */
export const QUALIFIED = "qualified";

/** What its servers make of a client. Beside native IPv6 it has nothing to do, which is as it should be. */
export function checkTold(view: ClientView | undefined): CheckResult[] {
  if (view === undefined) return [fail(QUALIFIED, "it is starting", "wait a moment")];
  const { state, server, native, lastChange } = view;
  const text = CLIENT_STATE_TEXT[state];
  switch (state) {
    case "qualified":
    case "failing":
      return [ok(QUALIFIED, `${text}: ${view.address}, by ${server?.name}`), checkNative(native)];
    case "dormant":
    case "relay":
      return [ok(QUALIFIED, text)];
    case "no_ipv4": {
      const why = lastChange === undefined ? "" : `: ${lastChange.reason}`;
      return [fail(QUALIFIED, text + why, lastChange?.mend ?? mendOf(state))];
    }
    default:
      return [fail(QUALIFIED, text, mendOf(state))];
  }
}

const mendOf = (state: ClientView["state"]) => CLIENT_STATE_HELP[state].mend ?? "wait a moment";

/** Native hosts that are silent leave other clients: it is told, and serves no less for it. */
function checkNative(native: ClientView["native"]): CheckResult {
  if (native !== "unreachable") return ok("native", nativeText({ native }));
  const told = `${nativeText({ native })} by way of this server`;
  return note("native", `${told}: other clients may be reached; \`teredo netcheck\` tells more`);
}

/** From within the sandbox no process is started again: it takes whoever starts the daemon. */
export function checkErrands(errands: Pick<Errands, "gone"> | undefined): CheckResult[] {
  if (errands === undefined) return [];
  const { gone } = errands;
  if (gone === undefined) return [ok("errands", "what is to be looked up or run, is")];
  return [fail("errands", gone, "restart the daemon")];
}

/** Whether the kernel has what the client has set up. @param name of the interface */
export function checkHome(
  host: Host,
  { defaultRoute, sourceRouting, prefix }: ClientConfig,
  name: string,
  view: ClientView | undefined,
): CheckResult[] {
  if (view?.state === "relay") return checkRelaying(host, prefix, name);
  const address = parseIpv6(view?.address ?? "");
  const isUsed = view?.state === "qualified" || view?.state === "failing";
  if (address === undefined || !isUsed) return [];
  return [
    checkAddress(host, address, name, view.address!),
    ...(defaultRoute ? [checkDefaultRoute(host, name)] : []),
    ...(sourceRouting && host.hasMetrics ? [checkSourceRule(host, address, name)] : []),
  ];
}

/** Of a host that is relayed for: its packets to clients have to come here, and theirs to reach it. */
function checkRelaying(host: Host, prefix: number, name: string): CheckResult[] {
  const peer = someClient(prefix);
  const way = host.way6({ destination: peer });
  const leads = way.kind === "sent" && way.interfaceName === name;
  const route = leads ? ok("route", `Teredo clients are by ${name}`) : fail(
    "route",
    `packets to Teredo clients do not lead to ${name}`,
    host.words.showRoute(formatIpv6(peer)),
  );
  return host.localNeedsForwarding ? [route, forwarding(host)] : [route];
}

function checkAddress(host: Host, address: Uint8Array, name: string, text: string): CheckResult {
  if (host.way6({ destination: address }).kind === "taken") {
    return ok("address", `${name} has ${text}`);
  }
  return fail("address", `${name} does not have ${text}`, host.words.showRoute(text));
}

/** Another way is no fault: native IPv6 comes first, whose route has a lower metric. */
function checkDefaultRoute(host: Host, name: string): CheckResult {
  const way = host.way6({ destination: ROOT_SERVERS_6[0]! });
  if (way.kind === "sent") {
    const by = way.interfaceName;
    return ok("route", `the IPv6 Internet is by ${by}${by === name ? "" : ", which comes first"}`);
  }
  const why = way.kind === "refused" ? way.why : "it is this host";
  return fail("route", `there is no way to the IPv6 Internet: ${why}`, host.words.showRoute("::"));
}

/** What leaves by our address has to leave by our interface, whatever other way there is. */
function checkSourceRule(host: Host, source: Uint8Array, name: string): CheckResult {
  const way = host.way6({ destination: ROOT_SERVERS_6[0]!, source });
  if (way.kind === "sent" && way.interfaceName === name) {
    return ok("source_rule", `what has our address leaves by ${name}`);
  }
  const where = way.kind === "sent" ? `by ${way.interfaceName}` : "by no interface";
  return fail("source_rule", `what has our address leaves ${where}`, "ip -6 rule");
}
