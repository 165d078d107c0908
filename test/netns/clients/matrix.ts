import { Lab } from "#src/demo/lab.ts";
import { NAT_KINDS, type NatKind } from "#src/demo/nat.ts";
import { HOST_IPV6 } from "#src/demo/topology.ts";
import { type Maker, startMiredoClient, startRelay, startServer } from "../programs.ts";
import { expected, type Party } from "./expected.ts";
import { type Answer, pingUntilTold } from "./ping.ts";
import { startClient } from "./program.ts";
import { runAll, type Task } from "./schedule.ts";

/** What clients go through, and which of two clients speaks first. */
export interface Round {
  readonly server: Maker;
  readonly relay: Maker;
  /**
   * Each two are tried one way only: what comes of it stays in both for minutes, and who was told that
   * nobody answers sends no further bubbles (RFC 4380 §5.2.6).
   */
  readonly turn: "forth" | "back";
  /** Leaves out the pairs of which nobody can say beforehand that they succeed: these take longest. */
  readonly isShort?: boolean;
}

/** Both turns through both servers, each with either relay. */
export const ALL_ROUNDS: readonly Round[] = [
  { server: "teredo", relay: "teredo", turn: "forth" },
  { server: "teredo", relay: "miredo", turn: "back" },
  { server: "miredo", relay: "teredo", turn: "back" },
  { server: "miredo", relay: "miredo", turn: "forth" },
];

export const PARTIES: readonly Party[] = (["teredo", "miredo"] as const)
  .flatMap((maker) => NAT_KINDS.map((nat) => ({ maker, nat })));

export interface Cell {
  readonly from: number;
  readonly to: number;
  readonly answer: Answer;
}

export interface Outcome {
  readonly round: Round;
  /** By party: what came of pings to a native host. */
  readonly native: readonly Answer[];
  readonly cells: readonly Cell[];
}

/** A place for each party; all of them qualified, they ping a native host and then one another. */
export async function runRound(round: Round): Promise<Outcome> {
  const lab = await Lab.create({ nats: PARTIES.map(({ nat }) => nat) });
  try {
    await Promise.all([startServer(lab, round.server), startRelay(lab, round.relay)]);
    const addresses = await Promise.all(PARTIES.map(async ({ maker }, i) => {
      const namespace = lab.sites[i]!.client;
      if (maker === "teredo") return (await startClient(lab, namespace)).address;
      return (await startMiredoClient(lab, namespace)).address;
    }));
    const native: Answer[] = [];
    for (const [i, { maker }] of PARTIES.entries()) {
      native.push(await pingUntilTold(lab, lab.sites[i]!.client, HOST_IPV6, maker));
    }
    const cells: Cell[] = [];
    await runAll(
      pairs(round).map(([from, to]): Task => ({
        sites: [from, to],
        alone: guessed(from, to),
        run: async () => {
          const { client } = lab.sites[from]!;
          const answer = await pingUntilTold(lab, client, addresses[to]!, PARTIES[from]!.maker);
          cells.push({ from, to, answer });
        },
      })),
    );
    return { round, native, cells };
  } finally {
    await lab.close();
  }
}

/** Every two parties once. */
export function pairs({ turn, isShort = false }: Round): [number, number][] {
  const all = PARTIES.keys().toArray();
  const forth = all.flatMap((a) => all.filter((b) => b > a).map((b): [number, number] => [a, b]));
  const turned = turn === "forth" ? forth : forth.map(([a, b]): [number, number] => [b, a]);
  return turned.filter(([a, b]) => !isShort || expected(PARTIES[a]!, PARTIES[b]!) === "yes");
}

/** Against these a client's next port has to be guessed: no other flow may take it. RFC 6081 §5.5 */
const GUESSED_BY: readonly NatKind[] = ["port-restricted", "firewall"];

function guessed(...pair: readonly [number, number]): number[] {
  const of = pair.map((i) => PARTIES[i]!);
  if (!of.every(({ maker }) => maker === "teredo")) return [];
  if (!of.some(({ nat }) => GUESSED_BY.includes(nat))) return [];
  return pair.filter((i) => PARTIES[i]!.nat === "sequential");
}
