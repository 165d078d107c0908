import type { Millis } from "#src/protocol/time.ts";

const LOOK: Millis = 20;
const TRIES = 20;

/**
 * Runs `body`, and once more where it fails after this process was held up for `most`: server and clients
 * are this one process, and a time that the server gives its clients may have passed meanwhile for all.
 */
export async function unlessHeldUp(body: () => Promise<void>, most: Millis = 1_000): Promise<void> {
  for (let tries = 1;; tries++) {
    let isHeldUp = false;
    let last = performance.now();
    const look = () => {
      const now = performance.now();
      isHeldUp ||= now - last >= most;
      last = now;
    };
    const timer = setInterval(look, LOOK);
    try {
      return await body();
    } catch (error) {
      look();
      if (!isHeldUp || tries === TRIES) throw error;
    } finally {
      clearInterval(timer);
    }
  }
}
