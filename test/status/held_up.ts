import type { Millis } from "#src/protocol/time.ts";

const LOOK: Millis = 20;
const TRIES = 20;
/** Less than the least time that the server gives its clients: where they are a crowd. */
const MOST: Millis = 500;

/**
 * Runs `body`, and once more where it fails after this process was held up, at once or bit by bit: server
 * and clients are this one process, and a time that the server gives its clients may have passed
 * meanwhile for all.
 *
 * @param own for how long `body` holds it up itself
 */
export async function unlessHeldUp(body: () => Promise<void>, own: Millis = 0): Promise<void> {
  for (let tries = 1;; tries++) {
    let late = 0;
    let last = performance.now();
    const look = () => {
      const now = performance.now();
      late += Math.max(0, now - last - 2 * LOOK);
      last = now;
    };
    const timer = setInterval(look, LOOK);
    try {
      return await body();
    } catch (error) {
      look();
      if (late - own < MOST || tries === TRIES) throw error;
    } finally {
      clearInterval(timer);
    }
  }
}
