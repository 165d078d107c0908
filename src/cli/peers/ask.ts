import type { Role } from "#src/config/config.ts";
import { rolesOfFile } from "#src/config/inspect.ts";
import { firstOf } from "../status/exchange.ts";
import { askPage } from "../status/page.ts";
import type { Place } from "../status/place.ts";
import { targetsOf, type Wanted } from "../status/targets.ts";

const WITH_PEERS: readonly Role[] = ["relay", "client"];

/** Of a file for neither a relay is asked for, which says what is wrong with it. */
function rolesIn(config: string): readonly Role[] {
  const found = rolesOfFile(config).filter((role) => WITH_PEERS.includes(role));
  return found.length === 0 ? ["relay"] : found;
}

/** Asks the first place of a relay, or else of a client, that answers; of that place what follows. */
export class PeerPages {
  readonly #places: readonly Place[];
  #place: Place | undefined;

  /** @throws UsageError, ConfigError, NoStatus when the configuration has nothing to ask */
  constructor(wanted: Omit<Wanted, "role">) {
    const { url, config } = wanted;
    const roles = url !== undefined || config === undefined ? WITH_PEERS : rolesIn(config);
    const targets = url === undefined
      ? roles.flatMap((role) => targetsOf({ ...wanted, role }))
      : targetsOf(wanted);
    this.#places = targets.flatMap(({ places }) => places);
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
