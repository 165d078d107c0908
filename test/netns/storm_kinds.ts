import type { Prng } from "#test/sim/prng.ts";

/** What one side of the storm can send. */
export interface Storm {
  readonly kinds: readonly (readonly [weight: number, name: string, send: () => void])[];
}

/** The clients that a scan of the prefix asks for: none of them is there. */
export const SCANNED = { mapped: 0x3c000000, port: 4_000, count: 1 << 18 } as const;

/** Asked for again and again, once so many others have been. */
export const REPEATED = { mapped: 0x3e000000, port: 4_000, count: 16, after: 120_000 } as const;

/**
 * Sends `rate` packets a second for `seconds`, of all kinds by their weight.
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
  const start = performance.now();
  for (let total = 0; total < rate * seconds;) {
    const due = Math.min(rate * seconds, (performance.now() - start) * rate / 1_000);
    for (; total < due; total++) {
      const [, name, send] = random.pick(wheel);
      send();
      sent[name] = (sent[name] ?? 0) + 1;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return sent;
}
