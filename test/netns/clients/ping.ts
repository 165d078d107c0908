import type { Lab } from "#src/demo/lab.ts";
import type { Maker } from "../programs.ts";

export interface Answer {
  readonly works: boolean;
  /** Seconds until the first answer, or until the sender was told. */
  readonly seconds: number;
  /** The ICMPv6 error that its sender was told, in the words of ping(8). */
  readonly told: string | undefined;
}

/**
 * In seconds, by whose client sends. Ours tells its host what it could not deliver, however long that
 * takes on a machine that has much else to do; Miredo's says nothing: past all of its bubbles.
 */
const PATIENCE: Record<Maker, number> = { teredo: 120, miredo: 25 };

/** Sends one every two seconds until one is answered, or an ICMPv6 error comes. */
export async function pingUntilTold(
  lab: Lab,
  namespace: string,
  target: string,
  sender: Maker = "teredo",
): Promise<Answer> {
  const patience = PATIENCE[sender];
  const argv = ["ping", "-6", "-n", "-i", "2", "-c", "1", "-w", `${patience}`, target];
  const start = performance.now();
  const { stdout, stderr } = await lab.run(namespace, argv, { timeout: 2_000 * patience });
  const seconds = (performance.now() - start) / 1_000;
  const said = stdout + stderr;
  const told = /icmp_seq=\d+ (Destination .*)/.exec(said)?.[1];
  return { works: /bytes from .* time=/.test(said), seconds, told };
}
