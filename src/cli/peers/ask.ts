import { firstOf } from "../status/exchange.ts";
import { askPage } from "../status/page.ts";
import type { Place } from "../status/place.ts";
import { targetsOf, type Wanted } from "../status/targets.ts";

/** Asks the first place of a relay that answers, and of that place only what follows. */
export class RelayPages {
  readonly #places: readonly Place[];
  #place: Place | undefined;

  /** @throws UsageError, ConfigError, NoStatus when the configuration has nothing to ask */
  constructor(wanted: Omit<Wanted, "role">) {
    const [target] = targetsOf({ ...wanted, role: "relay" });
    this.#places = target!.places;
  }

  /**
   * What a page answers.
   *
   * @param path with the query, e.g. `/peers?limit=1`
   * @throws NoStatus; UsageError for what the daemon does not understand
   */
  async ask<T>(path: string): Promise<T> {
    if (this.#place !== undefined) return await askPage<T>(this.#place, path);
    return await firstOf(this.#places, async (place) => {
      const found = await askPage<T>(place, path);
      this.#place = place;
      return found;
    });
  }
}
