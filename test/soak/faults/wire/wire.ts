import { fileURLToPath } from "node:url";
import { IPV4_LINK, IPV6_LINK } from "#src/demo/topology.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { START_PATIENCE } from "#test/netns/programs.ts";
import { type Scene, succeed } from "../scene.ts";

export const SIDES = [IPV4_LINK, IPV6_LINK] as const;
export type Side = (typeof SIDES)[number];

/** Chances in hundredths, for each frame. */
export interface Harm {
  readonly loss?: number;
  readonly duplication?: number;
  readonly reordering?: number;
  readonly corruption?: number;
}

/** A wire between the relay and a bridge that harms frames in either direction: tc-netem(8) in a process. */
export class Wire {
  readonly #scene: Scene;
  readonly #side: Side;
  readonly #process: LabProcess;

  private constructor(scene: Scene, side: Side, process: LabProcess) {
    this.#scene = scene;
    this.#side = side;
    this.#process = process;
  }

  static async lay(scene: Scene, side: Side, harm: Harm, seed: number): Promise<Wire> {
    const { loss = 0, duplication = 0, reordering = 0, corruption = 0 } = harm;
    await scene.lab.sh(
      "core",
      `ip link add wire-${side} type veth peer name end-${side}
ip link set end-${side} master ${side} up
ip link set wire-${side} up
ip link set rly-${side} nomaster
for link in wire-${side} end-${side} rly-${side}; do
  ethtool -K $link tx off tso off gso off gro off >/dev/null
done
nsenter --net=/run/netns/rly ethtool -K ${side} tx off tso off gso off gro off >/dev/null`,
    );
    const tool = fileURLToPath(new URL("../tools/wire.pl", import.meta.url));
    const parity = SIDES.indexOf(side);
    const numbers = [seed, loss, duplication, reordering, corruption, parity].map(String);
    const argv = ["perl", tool, `rly-${side}`, `wire-${side}`, ...numbers];
    const process = scene.lab.spawn("core", argv);
    await process.waitForLine(/^ready/, START_PATIENCE);
    return new Wire(scene, side, process);
  }

  /** Puts the whole wire back. @returns what it did */
  async mend(): Promise<string> {
    const side = this.#side;
    this.#process.kill("SIGTERM");
    const { stdout } = await succeed(this.#process);
    await this.#scene.lab.sh(
      "core",
      `ip link delete wire-${side}\nip link set rly-${side} master ${side}`,
    );
    return stdout.trim().split("\n").at(-1)!;
  }
}
