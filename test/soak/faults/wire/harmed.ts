import assert from "node:assert/strict";
import { assertPing, assertTcp, startTcpServer } from "#test/netns/traffic.ts";
import type { Fault, Found } from "../contract.ts";
import { Scene } from "../scene.ts";
import { type Harm, type Side, SIDES, Wire } from "./wire.ts";

const COUNT = 400;
/** Of a binomial: further from the mean than that comes once in a million runs. */
const DEVIATIONS = 5;
const TCP_BYTES = 256 * 1024;

interface Case {
  readonly name: string;
  readonly sides: readonly Side[];
  readonly harm: Harm;
  /** Whether a TCP connection is to bring its bytes through. */
  readonly hasTcp?: boolean;
  readonly isQuick?: boolean;
}

const ALL: Harm = { loss: 2, duplication: 5, reordering: 5, corruption: 2 };
const [IPV4, IPV6] = SIDES;

const CASES: readonly Case[] = [
  ...([[IPV4, "clients' side"], [IPV6, "IPv6 side"]] as const).flatMap(([side, where]) => [
    { name: `10 % of the frames are lost, ${where}`, sides: [side], harm: { loss: 10 } },
    { name: `20 % come twice, ${where}`, sides: [side], harm: { duplication: 20 } },
    { name: `20 % are overtaken, ${where}`, sides: [side], harm: { reordering: 20 } },
    { name: `10 % have a bit turned, ${where}`, sides: [side], harm: { corruption: 10 } },
  ]),
  {
    name: "2 % lost, 5 % twice, 5 % overtaken, 2 % with a bit turned, on both sides",
    sides: SIDES,
    harm: ALL,
    hasTcp: true,
    isQuick: true,
  },
];

/** The share of pings that the wires alone leave unanswered: each crosses each of them twice. */
function expectedLoss({ sides, harm: { loss = 0, corruption = 0 } }: Case): number {
  // Of corrupted ones most are told by a checksum; a bit of a field that no one covers does no harm.
  const each = 1 - (1 - loss / 100) * (1 - corruption / 100);
  return 1 - (1 - each) ** (2 * sides.length);
}

function run(it: Case, seed: number): Promise<Found> {
  return Scene.with({}, async (scene) => {
    const { lab, client } = scene;
    await assertPing(lab, "host6", client);
    const wires = await Promise.all(it.sides.map((side) => Wire.lay(scene, side, it.harm, seed)));
    const argv = ["ping", "-6", "-n", "-q", "-i", "0.02", "-W", "2", "-c", `${COUNT}`, client];
    const { stdout } = await lab.run("host6", argv);
    const [, answered, , duplicates = "0"] = /(\d+) received, (\+(\d+) duplicates, )?/.exec(
      stdout,
    )!;
    const lost = COUNT - Number(answered);
    if (it.hasTcp) {
      await startTcpServer(lab);
      await assertTcp(lab, "cli0", TCP_BYTES);
    }
    const did = await Promise.all(wires.map((wire) => wire.mend()));
    scene.assertRuns();
    assert.deepEqual(scene.said(/level=error/), []);
    const share = expectedLoss(it);
    const most = COUNT * share + DEVIATIONS * Math.sqrt(COUNT * share * (1 - share));
    assert.ok(lost <= most, `${lost} of ${COUNT} lost, the wire's share is ${share}: ${did}`);
    if (!it.harm.duplication) assert.equal(duplicates, "0");
    await assertPing(lab, "host6", client);
    const tcp = it.hasTcp ? `; TCP carried ${TCP_BYTES / 1024} KiB each way, whole` : "";
    const twice = duplicates === "0" ? "" : `, ${duplicates} twice`;
    return {
      measured: `${answered} of ${COUNT} pings answered${twice}${tcp}`,
      recovered: 0,
      lost: `${lost} pings; the wire alone loses ${Math.round(COUNT * share)}`,
    };
  });
}

export const HARMED: readonly Fault[] = CASES.map((it) => ({
  name: it.name,
  promised: "no more is lost than by the wire itself; nothing else changes, nobody is asked again",
  ...(it.isQuick ? { isQuick: true } : {}),
  run: ({ seed }) => run(it, seed),
}));
