import { Lab } from "#src/demo/lab.ts";
import type { NatKind } from "#src/demo/nat.ts";
import {
  HOST_IPV6,
  IPV4_LINK,
  IPV6_LINK,
  RELAY_ADDRESS,
  SECONDARY_ADDRESS,
  SERVER_ADDRESS,
  type Site,
} from "#src/demo/topology.ts";
import type { ProbeOutcome } from "#src/probe/outcome.ts";
import { Capture } from "./capture.ts";
import { type Maker, startMiredoClient, startRelay, startServer } from "./programs.ts";
import { asked, assertPing, assertTcp, probe, startTcpServer } from "./traffic.ts";

/** A client behind each of these NATs. */
export interface NatExpectation {
  readonly nat: NatKind;
  /** What the probe calls it. */
  readonly told: ProbeOutcome["nat"];
  readonly standing: string;
}

/**
 * Which NATs must work, and by what.
 *
 * RFC 4380 §5.2.1 ends at a symmetric NAT: the client's packets to the relay come from another
 * mapping than its address says, so that §5.4.2 discards them. It works all the same with either
 * relay, because the client answers the relay's bubble to the link-local address in it, which only
 * a reader of that bubble knows: the answer proves who sends, and the relay takes its mapping from
 * it. RFC 6081 §3.1 likewise lets such a client go on. What no one can do is reach such a client
 * from a relay whose own NAT is port-restricted or symmetric, which these relays do not have.
 */
export const NATS: readonly NatExpectation[] = [
  { nat: "full-cone", told: "cone", standing: "must work, RFC 4380" },
  { nat: "restricted", told: "restricted", standing: "must work, RFC 4380" },
  { nat: "port-restricted", told: "restricted", standing: "must work, RFC 4380" },
  {
    nat: "symmetric",
    told: "symmetric",
    standing: "RFC 4380 gives up; works by the relay's token",
  },
];

/** One server and one relay, with a client of each kind behind each NAT. */
export interface Pair {
  readonly server: Maker;
  readonly relay: Maker;
}

/** What came of one cell of the matrix: nothing to say, or what went wrong. */
export type Cell = Promise<void>;

export interface PairRun {
  readonly miredo: ReadonlyMap<NatKind, Cell>;
  readonly probe: ReadonlyMap<NatKind, Promise<ProbeOutcome>>;
  readonly judged: Promise<Judgement>;
}

/** Over the packets that our programs sent. */
export interface Judgement {
  /** One line for each that tshark objects to. */
  readonly complaints: readonly string[];
  readonly emitted: number;
}

/**
 * Runs all cells of a pair: first the Miredo clients side by side, then the probes.
 *
 * Nothing is thrown from here: each promise carries its own outcome.
 */
export function runPair(pair: Pair): PairRun {
  const kinds = NATS.map(({ nat }) => nat);
  const network = build(pair, kinds);
  const miredo = perNat(kinds, async (i) => runMiredo((await network).lab, i));
  const probes = perNat(kinds, async (i) => {
    const { lab } = await network;
    await Promise.allSettled(miredo.values());
    const { told } = NATS[i]!;
    return await asked(
      () => probe(lab, lab.sites[i]!.client),
      ({ nat, pings }) => nat === told && pings.every(({ attempts }) => attempts === 1),
    );
  });
  const judged = judge(pair, network, [...miredo.values(), ...probes.values()]);
  judged.catch(() => {}); // whoever asks for it sees it
  return { miredo, probe: probes, judged };
}

interface Network {
  readonly lab: Lab;
  readonly captures: readonly Capture[];
}

async function build(pair: Pair, nats: readonly NatKind[]): Promise<Network> {
  const lab = await Lab.create({ nats, checksums: true });
  await Promise.all([
    startServer(lab, pair.server),
    startRelay(lab, pair.relay),
    startTcpServer(lab),
  ]);
  const captures = await Promise.all([
    Capture.start(lab, IPV4_LINK),
    Capture.start(lab, IPV6_LINK),
  ]);
  return { lab, captures };
}

function perNat<T>(
  kinds: readonly NatKind[],
  run: (i: number) => Promise<T>,
): Map<NatKind, Promise<T>> {
  return new Map(kinds.map((nat, i) => {
    const running = run(i);
    running.catch(() => {}); // whoever asks for it sees it
    return [nat, running];
  }));
}

async function runMiredo(lab: Lab, i: number): Promise<void> {
  const { client: namespace } = lab.sites[i]!;
  const { client } = await startMiredoClient(lab, namespace);
  try {
    await assertPing(lab, namespace, HOST_IPV6);
    await assertTcp(lab, namespace);
  } finally {
    await client.stop();
  }
}

async function judge(
  pair: Pair,
  network: Promise<Network>,
  cells: readonly Promise<unknown>[],
): Promise<Judgement> {
  const { lab, captures } = await network;
  try {
    await Promise.allSettled(cells);
    for (const capture of captures) await capture.stop();
    const ours = emittedBy(pair, lab.sites);
    const complaints: string[] = [];
    let emitted = 0;
    for (const [i, capture] of captures.entries()) {
      // On the IPv6 link everything came through our programs or from the host.
      const wanted = i === 0 ? ours : "ipv6";
      complaints.push(...await capture.complaints(wanted));
      emitted += await capture.count(wanted);
    }
    const [ipv4] = captures;
    const notTeredo = await ipv4!.read(`(${ours}) && udp && !teredo`, [
      "frame.number",
      "ip.src",
      "ip.dst",
      "udp.port",
      "_ws.col.Protocol",
      "udp.payload",
    ]);
    return { complaints: [...complaints, ...notTeredo], emitted };
  } finally {
    await lab.close();
  }
}

/** Display filter for what our programs sent on the IPv4 link; the probe's among the clients'. */
function emittedBy(pair: Pair, sites: readonly Site[]): string {
  const addresses = [
    ...pair.server === "teredo" ? [SERVER_ADDRESS, SECONDARY_ADDRESS] : [],
    ...pair.relay === "teredo" ? [RELAY_ADDRESS] : [],
    ...sites.map((site) => site.publicAddress),
  ];
  return `udp && !icmp && ip.src in {${addresses.join(", ")}}`;
}
