import type { Logger } from "#src/log/logger.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { NetworkWatch } from "../../host/network.ts";
import { lookOnChange } from "../../on_change.ts";

/** Between two looks at a network that changes without end. */
const REST: Millis = 100;

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
  let isDue = false;
  let isBlind = false;
  return lookOnChange(watch, REST, (isTold) => {
    try {
      // Read in any case: what was told before is no news any more.
      isDue = watch.hasChanged() || isTold || isDue || again();
      if (isDue) look();
      isDue = isBlind = false;
    } catch (error) {
      if (!isBlind) log.error("Cannot look at the network", { error: String(error) });
      isDue = isBlind = true;
    }
  });
}
