/** For what nobody has registered. RFC 6335 §6 */
const FIRST = 49_152;
const COUNT = 16_384;
const TRIES = 20;

/**
 * The service port: that of the last run, so that the Teredo address can be the same one, else a random
 * one (RFC 6056).
 *
 * @param kept 0: there was none
 * @param random evenly from 0 to 1
 * @returns 0 when none of those that were tried is free
 */
export function choosePort(
  kept: number,
  isFree: (port: number) => boolean,
  random: () => number = Math.random,
): number {
  if (kept !== 0 && isFree(kept)) return kept;
  for (let i = 0; i < TRIES; i++) {
    const port = FIRST + Math.floor(random() * COUNT);
    if (isFree(port)) return port;
  }
  return 0;
}
