import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import type { PeerRow } from "#src/protocol/peers/row.ts";
import type { Millis } from "#src/protocol/time.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { serverAddressOf, servicePrefixOf } from "#src/protocol/wire/teredo_address.ts";
import { DROP_HELP } from "#src/status/drop_help.ts";
import type { DropReason } from "#src/status/snapshot.ts";
import { type CheckResult, fail, note, ok } from "../checks/result.ts";
import type { Endpoint } from "../checks/traffic.ts";
import { mendRefusal } from "../checks/ways.ts";
import { type Host, leavesBy } from "../host/contract.ts";
import { ipv4Bytes } from "../host/samples.ts";

/** Whose packets are followed. */
export interface Followed {
  /** One as good as any, where a host was asked about. */
  readonly client: Uint8Array;
  readonly isExample: boolean;
  /** Where the client is. */
  readonly end: Endpoint;
  /** The IPv6 host that it talks to. */
  readonly native: Uint8Array;
  readonly row: PeerRow | undefined;
}

/** Where packets pass here. */
export interface Passage {
  readonly tunnel: string;
  /** Of the route into it. */
  readonly metric: number;
  /** Address that datagrams leave from; 0: any. */
  readonly bound: number;
  /** Whether this host alone is served. */
  readonly isOwn: boolean;
}

export const endText = ({ address, port }: Endpoint): string => `${formatIpv4(address)}:${port}`;

export const serverText = (client: Uint8Array): string => formatIpv4(serverAddressOf(client, 0));

export const seconds = (time: Millis): string => `${Math.round(time / 1000)} s`;

export function peerStep({ client, end, row }: Followed): CheckResult {
  const name = "peer";
  if (row === undefined) {
    return note(name, `no entry for ${formatIpv6(client)}: nothing passed in the last 300 s`);
  }
  const where = `${formatIpv6(client)} at ${endText(end)}`;
  const asked = `${row.bubblesSent} bubbles without an answer, the last ${
    seconds(row.bubbleAgo)
  } ago`;
  if (row.resolving) return note(name, `${where} is asked: ${asked}`);
  if (!row.trusted) return note(name, `${where} is not trusted: ${asked}`);
  const heard = `trusted for ${seconds(row.trustedFor)}, heard of ${seconds(row.receivedAgo)} ago`;
  return row.valid
    ? ok(name, `${where}: ${heard}`)
    : note(name, `${where}: ${heard}, which is longer than its entry is valid (30 s)`);
}

/** @param drop what the rules say to a packet for the client */
export function toClientStep(drop: Drop, { client, end, native, row }: Followed): CheckResult {
  const name = "to_client";
  const packet = `a packet from ${formatIpv6(native)} to the client`;
  if (drop === Drop.PeerUnreachable) {
    return fail(
      name,
      `${packet} is answered with ICMPv6 unreachable: the client left four bubbles unanswered that ` +
        `went by way of its server ${serverText(client)}`,
      `teredo probe ${serverText(client)}`,
    );
  }
  if (drop !== Drop.None) return dropped(name, packet, drop);
  if (row?.valid) return ok(name, `${packet} is sent to ${endText(end)} at once`);
  return note(name, `${packet} is held until the client has answered a bubble`);
}

/** @param drop what the rules say to a datagram of the client */
export function fromClientStep(drop: Drop, { end, native }: Followed): CheckResult {
  const name = "from_client";
  const packet = `a packet from ${endText(end)} to ${formatIpv6(native)}`;
  if (drop !== Drop.None) return dropped(name, packet, drop);
  return ok(name, `${packet} is passed on, once the client has answered a bubble`);
}

export function dropped(name: string, packet: string, drop: Drop): CheckResult {
  const reason = DROP_NAMES[drop] as DropReason;
  const { because, mend } = DROP_HELP[reason];
  return {
    name,
    verdict: "fail",
    detail: `${packet} is discarded (${reason}), because ${because}`,
    ...(mend === undefined ? { mend: `teredo explain ${reason}` } : { mend }),
  };
}

/** What the routes say of both directions. */
export function routeSteps(host: Host, followed: Followed, passage: Passage): CheckResult[] {
  const ipv4 = ipv4Step(host, followed, passage);
  const steps = ipv4 === undefined ? [] : [ipv4];
  if (passage.isOwn) return [...steps, inwardStep(host, followed, passage, undefined)];
  const uplink = leavesBy(host.way6({ destination: followed.native }));
  return [
    ...steps,
    inwardStep(host, followed, passage, uplink),
    outwardStep(host, followed, passage),
  ];
}

function ipv4Step(
  host: Host,
  { end, isExample }: Followed,
  { bound }: Passage,
): CheckResult | undefined {
  if (isExample) return undefined;
  const source = bound === 0 ? undefined : ipv4Bytes(bound);
  const way = host.way4({ destination: ipv4Bytes(end.address), source });
  const to = formatIpv4(end.address);
  switch (way?.kind) {
    case undefined:
      return undefined;
    case "refused":
      return fail(
        "ipv4_route",
        `datagrams to ${to} are refused: ${way.why}`,
        mendRefusal(host, way, 4, host.words.addDefaultRoute4),
      );
    case "taken":
      return note("ipv4_route", `${to} is this host itself`);
    case "sent":
      return ok("ipv4_route", `datagrams to ${to} leave by ${way.interfaceName}`);
  }
}

/** Into the tunnel. */
function inwardStep(
  host: Host,
  { client, native }: Followed,
  { tunnel, metric, isOwn }: Passage,
  uplink: string | undefined,
): CheckResult {
  const journey = isOwn
    ? { destination: client }
    : { destination: client, source: native, comesBy: uplink };
  const way = host.way6(journey);
  const packets = `packets to ${formatIpv6(client)}`;
  const add = host.words.routeInto(servicePrefixOf(readU32(client, 0)), tunnel, metric);
  if (way.kind === "refused") {
    return fail("route", `${packets} are refused: ${way.why}`, mendRefusal(host, way, 6, add));
  }
  if (way.kind === "sent" && way.interfaceName === tunnel) {
    return ok("route", `${packets} lead to ${tunnel}`);
  }
  const where = way.kind === "sent"
    ? `lead to ${way.interfaceName}`
    : "are taken for this host's own";
  return fail("route", `${packets} ${where}`, host.words.showRoute(formatIpv6(client)));
}

/** Out of it. */
function outwardStep(
  host: Host,
  { client, native }: Followed,
  { tunnel }: Passage,
): CheckResult {
  const way = host.way6({ destination: native, source: client, comesBy: tunnel });
  const packets = `packets from the client to ${formatIpv6(native)}`;
  if (way.kind === "taken") return ok("ipv6_route", `${packets} are for this host itself`);
  if (way.kind === "refused") {
    const mend = mendRefusal(host, way, 6, host.words.addDefaultRoute);
    return fail("ipv6_route", `${packets} are refused: ${way.why}`, mend);
  }
  if (way.interfaceName !== tunnel) {
    return ok("ipv6_route", `${packets} leave by ${way.interfaceName}`);
  }
  return fail(
    "ipv6_route",
    `${packets} leave by ${tunnel} again`,
    host.words.showRoute(formatIpv6(native)),
  );
}
