import assert from "node:assert/strict";
import { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import type { Millis } from "#src/protocol/time.ts";
import { script, START_PATIENCE, teredo, wait, writeFile } from "#test/netns/programs.ts";
import { Prng } from "#test/sim/prng.ts";
import type { FaultOptions, Found } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { Scene } from "../scene.ts";

/** In starts: from before anything is open to well after it serves. */
const LONGEST_LIFE = 2;

const NAMESPACES = { relay: "rly", server: "srv", client: "cli0" } as const;

/** Of a daemon that is killed again and again. */
export interface Mortal {
  readonly role: "relay" | "server" | "client";
  readonly conf: string;
  /** Prints what a life may have left behind: nothing. */
  readonly left: string;
  /** Ends it some time after it has begun to serve; without it by SIGKILL to the process, at any time. */
  readonly kill?: (lab: Lab) => Promise<unknown>;
}

export interface Deaths {
  readonly count: number;
  /** How many of them served when they were killed. */
  readonly served: number;
}

/** Has one life after the other end at a random moment, and looks at what is left of each. */
export async function killAgainAndAgain(
  lab: Lab,
  { role, conf, left, kill }: Mortal,
  { seed, kills }: FaultOptions,
): Promise<Deaths> {
  const random = new Prng(seed);
  const namespace = NAMESPACES[role];
  const file = await writeFile(lab, `${role}-mortal.conf`, conf);
  const start = await startTime(lab, namespace, teredo(role, "-c", file));
  let served = 0;
  for (let i = 0; i < kills; i++) {
    const daemon = lab.spawn(namespace, teredo(role, "-c", file));
    // What is killed of it has to be there.
    if (kill !== undefined) await daemon.waitForLine(/msg=Ready/, START_PATIENCE);
    await wait(random.between(0, kill === undefined ? LONGEST_LIFE * start : start));
    assert.ok(!daemon.ended, `life ${i} ended by itself:\n${daemon.output()}`);
    const serves = /msg=Ready/.test(daemon.output());
    if (serves) served += 1;
    if (kill === undefined) await killAtOnce(daemon);
    else await kill(lab);
    await daemon.result;
    const found = await lab.sh(namespace, left);
    assert.equal(found, "", `life ${i} left:\n${found}\n${daemon.output()}`);
  }
  return { count: kills, served };
}

/** How long one takes to serve, as busy as the machine is. */
async function startTime(lab: Lab, namespace: string, argv: readonly string[]): Promise<Millis> {
  const since = performance.now();
  const daemon = lab.spawn(namespace, argv);
  await daemon.waitForLine(/msg=Ready/, START_PATIENCE);
  const took = performance.now() - since;
  await killAtOnce(daemon);
  return took;
}

/** Also one that has not become the program yet. */
async function killAtOnce(daemon: LabProcess): Promise<void> {
  while (!daemon.ended) {
    daemon.kill("SIGKILL");
    await Promise.race([daemon.result, wait(10)]);
  }
}

/** Programs of the fast path that an interface still has. */
export const PROGRAMS_LEFT = (link: string) =>
  `${
    script("attached_programs.ts", link).map((it) => `'${it}'`).join(" ")
  } | grep -vx '0 0' || true`;

/** What is found of a relay by `killAgainAndAgain`, and how its client fares with the one after it. */
export function relayKilled(
  options: FaultOptions,
  mortal: Mortal,
  more: { readonly relay?: string } = {},
): Promise<Found> {
  return Scene.with(more, async (scene) => {
    scene.relay.kill("SIGKILL");
    await scene.relay.result;
    const deaths = await killAgainAndAgain(scene.lab, mortal, options);
    await scene.restart();
    const passed = await passage(scene, async () => {
      scene.relay.kill("SIGKILL");
      await scene.restart();
    });
    return foundOf(deaths, passed);
  });
}

export function foundOf({ count, served }: Deaths, passed: Parameters<typeof lostOf>[0]): Found {
  return {
    measured:
      `${count} times, ${served} of them while it served: nothing left, each next one started`,
    recovered: passed.recovered,
    lost: lostOf(passed),
  };
}
