import type { Lab } from "#src/demo/lab.ts";

export interface Answer {
  readonly works: boolean;
  /** Seconds until the first answer, or until the sender was told. */
  readonly seconds: number;
  /** The ICMPv6 error that its sender was told, in the words of ping(8). */
  readonly told: string | undefined;
}

/** Past all bubbles and their error, on a machine that has much else to do. */
const PATIENCE_SECONDS = 25;

/** Sends one every two seconds until one is answered, or an ICMPv6 error comes. */
export async function pingUntilTold(lab: Lab, namespace: string, target: string): Promise<Answer> {
  const argv = ["ping", "-6", "-n", "-i", "2", "-c", "1", "-w", `${PATIENCE_SECONDS}`, target];
  const start = performance.now();
  const { stdout, stderr } = await lab.run(namespace, argv);
  const seconds = (performance.now() - start) / 1_000;
  const said = stdout + stderr;
  const told = /icmp_seq=\d+ (Destination .*)/.exec(said)?.[1];
  return { works: /bytes from .* time=/.test(said), seconds, told };
}
