import type { Logger } from "#src/log/logger.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { NetworkWatch } from "../../host/network.ts";
import { lookOnChange } from "../../on_change.ts";

/** Between two looks at a network that changes without end. */
const REST: Millis = 100;
/** Between two looks that no change asks for: a little less, for whoever looks each second. */
const AGAIN: Millis = 900;

/**
 * Calls `look` when this host's network has changed. One that fails ends nothing: it is told once, and
 * repeated until it does not.
 *
 * @param again whether it is to be looked at each second, though the kernel tells of no change
 * @returns what ends it
 */
export function followNetwork(
  watch: Pick<NetworkWatch, "hasChanged" | "signal">,
  log: Logger,
  look: () => void,
  again: () => boolean,
): () => void {
  let isBlind = false;
  let lookedAt: Millis = -Infinity;
  return lookOnChange(watch, REST, (isTold) => {
    try {
      // Read in any case: what was told before is no news any more.
      const isNews = watch.hasChanged() || isTold;
      const now = performance.now();
      if (!isNews && (now - lookedAt < AGAIN || !(isBlind || again()))) return;
      lookedAt = now;
      look();
      isBlind = false;
    } catch (error) {
      if (!isBlind) log.error("Cannot look at the network", { error: String(error) });
      isBlind = true;
    }
  });
}
