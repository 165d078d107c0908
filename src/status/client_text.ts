import type { ClientDocument, NatWord, ServerDocument } from "./client_document.ts";
import type { ClientStateName } from "./snapshot.ts";
import { count, millis } from "./units.ts";

/** What a client's state means, in few words. */
export const CLIENT_STATE_TEXT: Readonly<Record<ClientStateName, string>> = {
  resolving: "Looking up its servers",
  probing: "Asking its servers",
  qualified: "Qualified",
  failing: "Qualified by a silent server",
  offline: "Offline",
  dormant: "Dormant beside native IPv6",
  relay: "A relay for this host beside native IPv6",
  no_ipv4: "Without IPv4",
};

const NAT_TEXT: Readonly<Record<NatWord, string>> = {
  none: "no NAT",
  firewall: "a firewall and no NAT",
  cone: "a cone NAT",
  restricted: "a restricted NAT",
  symmetric_port: "a NAT that is symmetric by port",
  symmetric_address: "a NAT that is symmetric by address",
  unknown: "a NAT of unknown kind",
};

const NATIVE_TEXT: Readonly<Record<ClientDocument["native"], string>> = {
  unknown: "whether native hosts answer is not known",
  ok: "native hosts answer",
  unreachable: "native hosts do not answer",
};

/** Of a NAT whose name does not say it. */
const FILTERING_TEXT: Readonly<Record<ClientDocument["filtering"], readonly string[]>> = {
  unknown: [],
  endpoint_independent: ["which lets strangers in"],
  dependent: ["which keeps strangers out"],
};

type NatFacts = Pick<ClientDocument, "nat" | "filtering" | "port_preserving" | "port_mapping">;

/** `a restricted NAT that keeps ports, port asked for by pcp`. RFC 6081 §3.1 */
export function natText({ nat, filtering, port_preserving, port_mapping }: NatFacts): string {
  const isUnsure = nat === "restricted" && filtering === "unknown";
  const kept = port_preserving && nat !== "none" && nat !== "firewall" ? " that keeps ports" : "";
  return [
    `${isUnsure ? "a cone or restricted NAT" : NAT_TEXT[nat]}${kept}`,
    ...(nat.startsWith("symmetric") ? FILTERING_TEXT[filtering] : []),
    ...(port_mapping === "none" ? [] : [`port asked for by ${port_mapping}`]),
  ].join(", ");
}

/** What is known of the way out by IPv4: a NAT that nobody saw, and half a mapping, say nothing. */
export function outsideTexts(
  { local, mapped, ...client }: NatFacts & Pick<ClientDocument, "local" | "mapped">,
): readonly string[] {
  const isSeen = client.nat !== "unknown" || client.port_mapping !== "none";
  return [
    ...(isSeen ? [natText(client)] : []),
    ...(local === undefined || mapped === undefined ? [] : [`${local} is seen as ${mapped}`]),
  ];
}

/** Of a client that leaves the way to native IPv6. */
export const leavingText = (leaving: string): string =>
  `${leaving} takes new connections; those by the tunnel have a minute, then it stands back`;

export const nativeText = ({ native }: Pick<ClientDocument, "native">): string =>
  NATIVE_TEXT[native];

type Reached = ClientDocument["peers"][number];

const PATH_TEXT: Readonly<Record<Reached["path"], string>> = {
  none: "not reached",
  direct: "directly",
  symmetric: "behind a symmetric NAT",
  random_port: "by a random port",
  alternate: "behind our own NAT",
  local: "on our link",
};

/** `2 clients behind a symmetric NAT` */
export function reachedText({ kind, path, count: many }: Reached): string {
  const name = kind === "native" ? "native host" : "client";
  const way = kind === "native" && path === "direct" ? "by a relay" : PATH_TEXT[path];
  return `${count(many)} ${name}${many === 1 ? "" : "s"} ${way}`;
}

/** `23 ms, native hosts answer` */
export function serverText(server: ServerDocument): string {
  const { live, rtt_seconds, key_refused, native } = server;
  const rtt = rtt_seconds === undefined ? [] : [millis(1_000 * rtt_seconds)];
  return [
    ...(live ? rtt : ["silent"]),
    ...(key_refused ? ["refuses our key"] : []),
    ...(native === "unknown" ? [] : [NATIVE_TEXT[native]]),
  ].join(", ") || "answers";
}

/** A server's name with its address, where the name is no address. */
export const serverName = ({ name, primary }: ServerDocument): string =>
  name === primary ? name : `${name} (${primary})`;
