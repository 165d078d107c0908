import type { RelayConfig } from "#src/config/config.ts";
import { type PeerAsker } from "#src/datapath/peers/asker.ts";
import { Question } from "#src/datapath/peers/questions.ts";
import type { OpenRole } from "#src/datapath/datapath.ts";
import { writeBubble } from "#src/protocol/wire/build.ts";
import type { PeerQuery } from "#src/protocol/peers/query.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import {
  hostIn,
  IPV6_HEADER_LENGTH,
  IPV6_LENGTH,
  NEXT_HEADER_AT,
  NEXT_HEADER_UDP,
} from "#src/protocol/wire/ipv6.ts";
import { serverAddressOf } from "#src/protocol/wire/teredo_address.ts";
import type { WhyDocument } from "#src/status/peers_document.ts";
import type { ReadinessCheck } from "#src/status/snapshot.ts";
import { checkTraffic } from "../checks/firewall.ts";
import type { CheckResult } from "../checks/result.ts";
import { anyParties, type Endpoint, relayTraffic } from "../checks/traffic.ts";
import type { Host } from "../host/contract.ts";
import { SERVING } from "../readiness.ts";
import { servedPrefixes } from "../served.ts";
import { conclusionOf } from "./conclusion.ts";
import { whyDocument } from "./document.ts";
import type { PeerBook } from "./page.ts";
import { onlyOf } from "./parameters.ts";
import { type Followed, fromClientStep, peerStep, routeSteps, toClientStep } from "./steps.ts";
import { clientAt, endOf, likeliest, parseSubject, type Subject } from "./subject.ts";

/** Peers of one mapping that are looked at; there are no more of a mapping's own. */
const MOST_PEERS = 64;

/** What a relay that serves is asked by. */
export interface Asked {
  readonly host: Host;
  readonly relay: RelayConfig;
  readonly open: OpenRole;
  readonly book: PeerBook;
  /** Any worker: all have the same rules. */
  readonly rules: PeerAsker;
  readonly checks: readonly ReadinessCheck[];
}

/**
 * Follows packets of both directions through all that decides about them, and says what becomes of
 * them. The rules of the workers are asked, and the kernel, of this very client and host.
 *
 * @param parameters of `GET /why` @throws BadParameters, NoAnswer
 */
export async function why(asked: Asked, parameters: URLSearchParams): Promise<WhyDocument> {
  const { address } = onlyOf(parameters, ["address"]);
  const subject = parseSubject(address, asked.relay.prefix);
  const followed = await follow(asked, subject);
  const steps = await stepsOf(asked, followed);
  return whyDocument(
    { address: address!, kind: subject.kind, row: followed.row, steps },
    (failed) => conclusionOf(subject, followed, failed),
  );
}

/** Who is meant: a peer, or as good an example as any of who has no entry. */
async function follow({ relay, book }: Asked, subject: Subject): Promise<Followed> {
  const some = anyParties(relay);
  if (subject.kind === "host") {
    const { client } = some;
    const end = endOf(client, undefined);
    return { client, isExample: true, end, native: subject.address, row: undefined };
  }
  const row = likeliest(await book.find(queryOf(subject), MOST_PEERS));
  const client = row?.address ?? exampleOf(subject, relay, some.client);
  const native = servedHost(relay) ?? some.native;
  return { client, isExample: false, end: endOf(client, row), native, row };
}

type OfClient = Exclude<Subject, { kind: "host" }>;

function queryOf(subject: OfClient): PeerQuery {
  if (subject.kind === "client") return { ipv6: subject.address, length: 8 * IPV6_LENGTH };
  return { ipv4: subject.address, length: 32, port: subject.port };
}

function exampleOf(subject: OfClient, { prefix }: RelayConfig, some: Uint8Array): Uint8Array {
  if (subject.kind === "client") return subject.address;
  return clientAt(subject.address, subject.port, prefix, serverAddressOf(some, 0));
}

/** Of what is served the first; undefined: anything is, or nothing. */
function servedHost(relay: RelayConfig): Uint8Array | undefined {
  const [first] = servedPrefixes(relay) ?? [];
  return first === undefined ? undefined : hostIn(first);
}

async function stepsOf(asked: Asked, followed: Followed): Promise<readonly CheckResult[]> {
  const { host, relay, rules, open } = asked;
  const { client, native, end } = followed;
  const toClient = await rules.fate(Question.ToClient, packetOf(native, client));
  const fromClient = await rules.fate(
    Question.FromClient,
    packetOf(client, native),
    end.address,
    end.port,
  );
  const tunnel = open.interfaceName ?? relay.interfaceName;
  const bound = boundTo(open, relay);
  const passage = {
    tunnel,
    metric: relay.routeMetric,
    bound: bound.address,
    isOwn: relay.served === "self",
  };
  const parties = { strangers: [end], client, native };
  const steps = [
    ...unready(asked.checks),
    ...(followed.isExample ? [] : [peerStep(followed)]),
    toClientStep(toClient, followed),
    fromClientStep(fromClient, followed),
    ...routeSteps(host, followed, passage),
    ...checkTraffic(host, () => relayTraffic(host, relay, tunnel, bound, parties)),
  ];
  return steps.map((step) =>
    step.mend === undefined ? step : { ...step, mend: host.feasible(step.mend) }
  );
}

/** What fails of readiness, but for what somebody wants: traffic goes on while it drains. */
export function unready(checks: readonly ReadinessCheck[]): CheckResult[] {
  return checks.filter(({ name, ok }) => !ok && name !== SERVING).map(({ name, detail, mend }) => ({
    name,
    verdict: "fail",
    detail,
    ...(mend === undefined ? {} : { mend }),
  }));
}

function boundTo({ listening }: OpenRole, relay: RelayConfig): Endpoint {
  const [address = "", port] = (listening[0] ?? "").split(":");
  return { address: parseIpv4(address) ?? relay.bindAddress, port: Number(port) };
}

/** The shortest there is that is no bubble: a header of UDP to come. */
export function packetOf(from: Uint8Array, to: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(IPV6_HEADER_LENGTH);
  writeBubble(bytes, 0, from, 0, to, 0);
  bytes[NEXT_HEADER_AT] = NEXT_HEADER_UDP;
  return bytes;
}
