import { rolesOfFile } from "#src/config/inspect.ts";
import { firstOf } from "../status/exchange.ts";
import { noneOf } from "../status/no_status.ts";
import { askPage } from "../status/page.ts";
import type { Place } from "../status/place.ts";
import { type Target, targetsOf, type Wanted } from "../status/targets.ts";
import { isPeerRole, type PeerRole, WITH_PEERS } from "./words.ts";

/** Of a file for neither a relay is asked for, which says what is wrong with it. */
function rolesIn(config: string): readonly PeerRole[] {
  const found = rolesOfFile(config).filter(isPeerRole);
  return found.length === 0 ? ["relay"] : found;
}

/** Asks the first place that answers of the role, or of a relay or else a client; of it what follows. */
export class PeerPages {
  readonly #targets: readonly Target[];
  #place: Place | undefined;

  /** @throws UsageError, ConfigError, NoStatus when the configuration has nothing to ask */
  constructor(wanted: Wanted & { readonly role?: PeerRole | undefined }) {
    const { url, config, role } = wanted;
    const roles = role !== undefined
      ? [role]
      : url !== undefined || config === undefined
      ? WITH_PEERS
      : rolesIn(config);
    this.#targets = url === undefined
      ? roles.flatMap((one) => targetsOf({ ...wanted, role: one }))
      : targetsOf(wanted);
  }

  /**
   * What a page answers.
   *
   * @param path with the query, e.g. `/peers?limit=1`
   * @throws NoStatus; UsageError for what the daemon does not understand
   */
  async ask<T>(path: string): Promise<T> {
    if (this.#place !== undefined) return await askPage<T>(this.#place, path);
    const askAt = async (place: Place) => {
      const found = await askPage<T>(place, path);
      this.#place = place;
      return found;
    };
    return await firstOf(this.#targets, ({ places }) => firstOf(places, askAt), noneOf);
  }
}
