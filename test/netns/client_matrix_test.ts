import assert from "node:assert/strict";
import test from "node:test";
import { expected } from "./clients/expected.ts";
import {
  ALL_ROUNDS,
  type Outcome,
  pairs,
  PARTIES,
  type Round,
  runRound,
} from "./clients/matrix.ts";
import { inLanes } from "./lanes.ts";

/**
 * Clients behind each kind of NAT, ours and Miredo's, each to each. `TEREDO_CLIENT_MATRIX=all` has both
 * directions of every pair, through both servers.
 */
const ROUNDS: readonly Round[] = process.env["TEREDO_CLIENT_MATRIX"] === "all"
  ? ALL_ROUNDS
  : [ALL_ROUNDS[0]!, { ...ALL_ROUNDS[1]!, isShort: true }];
const OPTIONS = { timeout: 900_000 };
/** What a client of ours says to a sender whose packet it could not deliver. RFC 4380 §5.2.4 */
const UNREACHABLE = "Destination unreachable: Address unreachable";

const outcomes = inLanes(ROUNDS.map((round) => () => runRound(round)));

for (const [i, round] of ROUNDS.entries()) {
  const through = `${round.server} server, ${round.relay} relay, ${round.turn}`;

  for (const [at, { maker, nat }] of PARTIES.entries()) {
    test(`${maker} client, ${nat}: a native host answers: ${through}`, OPTIONS, async () => {
      assert.ok((await outcomes[i]!).native[at]!.works);
    });
  }

  for (const [at, { maker, nat }] of PARTIES.entries()) {
    const title =
      `${maker} client, ${nat}: reaches the clients that it must, and is told of the others: ${through}`;
    if (pairs(round).some(([from]) => from === at)) {
      test(title, OPTIONS, async () => assertRow(await outcomes[i]!, at));
    }
  }
}

function assertRow({ cells }: Outcome, at: number): void {
  const row = cells.filter(({ from }) => from === at);
  const name = (i: number) => `${PARTIES[i]!.maker} ${PARTIES[i]!.nat}`;
  const came = row.map(({ to, answer }) => [name(to), answer.works ? "yes" : "no"]);
  const wanted = row.map(({ to, answer }) => {
    const rule = expected(PARTIES[at]!, PARTIES[to]!);
    return [name(to), rule === "any" ? answer.works ? "yes" : "no" : rule];
  });
  assert.deepEqual(Object.fromEntries(came), Object.fromEntries(wanted));
  if (PARTIES[at]!.maker === "miredo") return;
  for (const { to, answer } of row) {
    if (!answer.works) assert.equal(answer.told, UNREACHABLE, `to ${name(to)}`);
  }
}
