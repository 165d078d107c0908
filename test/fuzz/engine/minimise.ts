/** Tries at the most. */
const TRIES = 4_000;

/**
 * The smallest input near to this one of which `fails` still holds: without what can be taken away, in
 * ever smaller pieces, and with zeros where they do.
 */
export async function minimise(
  input: Uint8Array,
  unit: number,
  fails: (input: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let best: Uint8Array = input.slice();
  let tries = 0;
  const attempt = async (candidate: Uint8Array): Promise<boolean> => {
    if (tries++ >= TRIES || !(await fails(candidate.slice()))) return false;
    best = candidate;
    return true;
  };
  for (let before = -1; before !== best.length && tries < TRIES;) {
    before = best.length;
    for (let size = Math.max(unit, best.length >> 1); size >= 1; size >>= 1) {
      for (let at = 0; at < best.length;) {
        const rest = best.subarray(Math.min(at + size, best.length));
        const without = new Uint8Array(at + rest.length);
        without.set(best.subarray(0, at));
        without.set(rest, at);
        if (!(await attempt(without))) at += size;
      }
      if (size === unit && unit > 1) break;
    }
  }
  for (let at = 0; at < best.length; at++) {
    if (best[at] === 0) continue;
    const zero = best.slice();
    zero[at] = 0;
    await attempt(zero);
  }
  return best;
}
