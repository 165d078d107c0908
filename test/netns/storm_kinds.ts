import type { Prng } from "#test/sim/prng.ts";

/** What one side of the storm can send. */
export interface Storm {
  readonly kinds: readonly (readonly [weight: number, name: string, send: () => void])[];
}

/** The clients that a scan of the prefix asks for: none of them is there. */
export const SCANNED = { mapped: 0x3c000000, port: 4_000, count: 1 << 18 } as const;

/** Asked for again and again, once so many others have been. */
export const REPEATED = { mapped: 0x3e000000, port: 4_000, count: 16, after: 120_000 } as const;

/** What is sent at once, in milliseconds of it: as much again waits in no queue that holds the rate. */
const AT_ONCE = 20;

/**
 * Sends `rate` packets a second for `seconds`, of all kinds by their weight. Who gets no processor for
 * a while sends later, and not more at once: nobody else had one to take it.
 *
 * @returns how many of each
 */
export async function rage(
  storm: Storm,
  random: Prng,
  rate: number,
  seconds: number,
): Promise<Record<string, number>> {
  const sent: Record<string, number> = {};
  const wheel = storm.kinds.flatMap((kind) => Array.from({ length: kind[0] }, () => kind));
  let last = performance.now();
  for (let left = rate * seconds; left > 0;) {
    const now = performance.now();
    const due = Math.min(left, Math.floor(Math.min(now - last, AT_ONCE) * rate / 1_000));
    if (due > 0) last = now;
    for (let i = 0; i < due; i++) {
      const [, name, send] = random.pick(wheel);
      send();
      sent[name] = (sent[name] ?? 0) + 1;
    }
    left -= due;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return sent;
}
