import type { ClientConfig } from "#src/config/config.ts";
import type { OpenRole } from "#src/datapath/datapath.ts";
import type { PeerAsker } from "#src/datapath/peers/asker.ts";
import { Question } from "#src/datapath/peers/questions.ts";
import { WAYS } from "#src/protocol/client/peers/ways.ts";
import { Drop } from "#src/protocol/drops.ts";
import type { PeerRow } from "#src/protocol/peers/row.ts";
import { IPV6_LENGTH } from "#src/protocol/wire/ipv6.ts";
import { formatIpv6, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { serverAddressOf } from "#src/protocol/wire/teredo_address.ts";
import type { WhyDocument } from "#src/status/peers_document.ts";
import type { ClientView, ReadinessCheck } from "#src/status/snapshot.ts";
import { type CheckResult, fail, note, ok } from "../checks/result.ts";
import type { Endpoint } from "../checks/traffic.ts";
import { mendRefusal } from "../checks/ways.ts";
import type { Host, Way } from "../host/contract.ts";
import { ipv4Bytes } from "../host/samples.ts";
import { hostPrefixes } from "../served.ts";
import { whyDocument } from "./document.ts";
import type { PeerBook } from "./page.ts";
import { onlyOf } from "./parameters.ts";
import { dropped, endText, seconds, serverText } from "./steps.ts";
import { clientAt, endOf, likeliest, parseSubject, type Subject } from "./subject.ts";
import { packetOf, unready } from "./why.ts";

/** Peers of one mapping that are looked at. */
const MOST_PEERS = 64;

/** What a client that serves is asked by. */
export interface AskedOfClient {
  readonly host: Host;
  readonly client: ClientConfig;
  readonly open: OpenRole;
  readonly book: PeerBook;
  readonly rules: PeerAsker;
  readonly checks: readonly ReadinessCheck[];
  readonly view: ClientView | undefined;
  /** Of this host without the tunnel; those that it has, unless named. */
  readonly own?: typeof hostPrefixes;
}

/** Whose packets are followed. */
interface Followed {
  readonly subject: Subject;
  readonly peer: Uint8Array;
  readonly row: PeerRow | undefined;
  /** Where it is, as far as that is known. */
  readonly end: Endpoint | undefined;
}

/**
 * Follows packets between this host and another one through all that decides about them.
 *
 * @param parameters of `GET /why` @throws BadParameters, NoAnswer
 */
export async function clientWhy(
  asked: AskedOfClient,
  parameters: URLSearchParams,
): Promise<WhyDocument> {
  const { address } = onlyOf(parameters, ["address"]);
  const subject = parseSubject(address, asked.client.prefix);
  const followed = await follow(asked, subject);
  const steps = await stepsOf(asked, followed);
  return whyDocument(
    { address: address!, kind: subject.kind, row: followed.row, steps },
    (failed) =>
      failed === undefined
        ? [conclusionOf(followed), ...beside(steps)].join(" ")
        : `Packets do not pass: ${failed.detail}.`,
  );
}

async function follow({ book, client, view }: AskedOfClient, subject: Subject): Promise<Followed> {
  const query = subject.kind === "mapping"
    ? { ipv4: subject.address, length: 32, port: subject.port }
    : { ipv6: subject.address, length: 8 * IPV6_LENGTH };
  const row = likeliest(await book.find(query, MOST_PEERS));
  const peer = row?.address ?? exampleOf(subject, client, view);
  const isNative = subject.kind === "host" || WAYS[row?.way ?? -1]?.kind === "native";
  const end = isNative && (row === undefined || row.mappedPort === 0)
    ? undefined
    : endOf(peer, row);
  return { subject, peer, row, end };
}

/** At a mapping that no peer has a client of our own server, as good as any. */
function exampleOf(subject: Subject, { prefix }: ClientConfig, view: ClientView | undefined) {
  if (subject.kind !== "mapping") return subject.address;
  const own = parseIpv6(view?.address ?? "");
  const server = own === undefined ? subject.address : serverAddressOf(own, 0);
  return clientAt(subject.address, subject.port, prefix, server);
}

async function stepsOf(asked: AskedOfClient, followed: Followed): Promise<CheckResult[]> {
  const { host, rules, view, checks } = asked;
  const { peer, end } = followed;
  const own = ownOf(asked);
  const steps = [...unready(checks)];
  if (own === undefined) {
    const state = view?.state ?? "resolving";
    return [...steps, fail("address", `we have no address: ${state}`, `teredo explain ${state}`)];
  }
  if (view?.state === "relay" && followed.subject.kind === "host") {
    const detail = `packets to ${
      formatIpv6(peer)
    } go past the tunnel, which is for Teredo clients alone`;
    return [...steps, ok("native", detail)];
  }
  const out = await rules.fate(Question.ToClient, packetOf(own, peer));
  const back = end === undefined
    ? undefined
    : await rules.fate(Question.FromClient, packetOf(peer, own), end.address, end.port);
  return [
    ...steps,
    peerStep(followed),
    outStep(out, followed),
    ...(back === undefined ? [] : [backStep(back, followed)]),
    ...routeSteps(asked, followed, own),
  ].map((it) => it.mend === undefined ? it : { ...it, mend: host.feasible(it.mend) });
}

/** That packets of ours come from: also where this host is relayed for, and none of them is the tunnel's. */
function ownOf({ view, client, own = hostPrefixes }: AskedOfClient): Uint8Array | undefined {
  if (view?.state === "relay") return own(client.prefix)[0]?.bytes;
  return parseIpv6(view?.address ?? "");
}

function peerStep({ peer, row, end }: Followed): CheckResult {
  const name = "peer";
  const text = formatIpv6(peer);
  if (row === undefined) {
    return note(name, `no entry for ${text}: nothing passed in the last 300 s`);
  }
  const asked = `${row.bubblesSent} questions without an answer, the last ` +
    `${seconds(row.bubbleAgo)} ago`;
  if (row.resolving) return note(name, `${text} is asked: ${asked}`);
  if (!row.trusted) return note(name, `${text} is not reached: ${asked}`);
  const way = WAYS[row.way];
  const path = way?.kind === "native" ? "through its relay" : `by path ${way?.path}`;
  const trip = row.roundTrip > 0 ? `, round trip ${Math.round(row.roundTrip)} ms` : "";
  const heard = `${text} at ${end === undefined ? "?" : endText(end)} ${path}${trip}: heard of ` +
    `${seconds(row.receivedAgo)} ago`;
  return row.valid
    ? ok(name, heard)
    : note(name, `${heard}, which is longer than its entry is valid (30 s)`);
}

const isNative = ({ subject, row }: Followed) =>
  WAYS[row?.way ?? -1]?.kind === "native" || subject.kind === "host";

/** @param drop what the rules say to a packet of ours */
function outStep(drop: Drop, followed: Followed): CheckResult {
  const { peer, row, end } = followed;
  const name = "to_peer";
  const packet = `a packet to ${formatIpv6(peer)}`;
  if (drop === Drop.PeerUnreachable) {
    const why = isNative(followed)
      ? "no answer came to four echo tests by way of our server"
      : `it left four bubbles unanswered that went by way of its server ${serverText(peer)}`;
    return fail(name, `${packet} is answered with ICMPv6 unreachable: ${why}`, "teredo netcheck");
  }
  if (drop !== Drop.None) return dropped(name, packet, drop);
  if (row?.valid && end !== undefined) {
    return ok(name, `${packet} is sent to ${endText(end)} at once`);
  }
  const answer = isNative(followed) ? "an echo test by way of our server" : "a bubble";
  return note(name, `${packet} is held until ${answer} is answered`);
}

/** @param drop what the rules say to a datagram of its */
function backStep(drop: Drop, { end }: Followed): CheckResult {
  const packet = `a packet from ${endText(end!)} to us`;
  if (drop !== Drop.None) return dropped("from_peer", packet, drop);
  return ok("from_peer", `${packet} is passed on, once who sends it has shown that it is there`);
}

function routeSteps(asked: AskedOfClient, followed: Followed, own: Uint8Array): CheckResult[] {
  const { host, client, open } = asked;
  const { peer, end } = followed;
  const tunnel = open.interfaceName ?? client.interfaceName;
  const inward = inwardStep(host, tunnel, peer, own);
  if (end === undefined) return [inward];
  const outer = host.way4({ destination: ipv4Bytes(end.address) });
  if (outer === undefined) return [inward];
  const name = "ipv4_route";
  if (outer.kind === "refused") {
    const mend = mendRefusal(host, outer, 4, host.words.addDefaultRoute4);
    return [inward, fail(name, `datagrams to ${endText(end)} are refused: ${outer.why}`, mend)];
  }
  const leave = outer.kind === "sent" ? `leave by ${outer.interfaceName}` : "stay on this host";
  return [inward, ok(name, `datagrams to ${endText(end)} ${leave}`)];
}

/**
 * By our address, as packets of a connection go that is there, and by none, as the kernel chooses for one
 * that begins: beside native IPv6 the two are different ways. RFC 6724 §5
 */
function inwardStep(host: Host, tunnel: string, peer: Uint8Array, own: Uint8Array): CheckResult {
  const way = host.way6({ destination: peer, source: own });
  const to = formatIpv6(peer);
  const show = host.words.showRoute(to);
  if (way.kind === "refused") {
    const mend = mendRefusal(host, way, 6, show);
    return fail("route", `packets of ours to ${to} are refused: ${way.why}`, mend);
  }
  const leadsTo = (it: Way) => it.kind === "sent" && it.interfaceName === tunnel;
  if (!leadsTo(way)) {
    return fail("route", `packets of ours to ${to} do not lead to ${tunnel}`, show);
  }
  const first = host.way6({ destination: peer });
  if (leadsTo(first)) return ok("route", `packets of ours to ${to} lead to ${tunnel}`);
  const where = first.kind === "refused"
    ? `are refused: ${first.why}`
    : first.kind === "sent"
    ? `go by ${first.interfaceName}`
    : "stay on this host";
  const detail =
    `packets from our address to ${to} lead to ${tunnel}, while new connections ${where}`;
  return note("route", detail);
}

/** What a route that is not everybody's adds to the conclusion. */
function beside(steps: readonly CheckResult[]): string[] {
  const isOther = steps.some(({ name, verdict }) => name === "route" && verdict === "note");
  return isOther ? ["New connections do not go by the tunnel."] : [];
}

/** One sentence, where nothing fails. */
function conclusionOf(followed: Followed): string {
  const { row } = followed;
  const asked = isNative(followed)
    ? "an echo test that goes by way of our server"
    : "bubbles, one of which goes by way of its server";
  if (row?.valid) return "Packets pass both ways.";
  if (row === undefined) return `Nothing here keeps packets; the first one waits for ${asked}.`;
  if (row.resolving) return `Packets wait for the answer to ${asked}.`;
  return `It has been silent: the next packet waits for the answer to ${asked}.`;
}
