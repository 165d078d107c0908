import { JSON_VERSION } from "#src/status/document.ts";
import { UsageError } from "../exit.ts";
import { errorOf, exchange, firstOf, parseJson, stranger } from "../status/exchange.ts";
import { NoStatus } from "../status/no_status.ts";
import { pageAt, type Place } from "../status/place.ts";
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
    if (this.#place !== undefined) return await askAt<T>(this.#place, path);
    return await firstOf(this.#places, async (place) => {
      const found = await askAt<T>(place, path);
      this.#place = place;
      return found;
    });
  }
}

async function askAt<T>(place: Place, path: string): Promise<T> {
  const { url } = place;
  const answer = await exchange(place, { method: "GET", path: pageAt(place, path) });
  const document = parseJson(answer.body) as { readonly version?: unknown } | null | undefined;
  if (typeof document?.version !== "number") throw new NoStatus(stranger(url));
  if (document.version !== JSON_VERSION) {
    throw new NoStatus(`${url} is of another version of this program: ask it with that version`);
  }
  if (answer.status === 400) throw new UsageError(errorOf(answer));
  if (answer.status !== 200) throw new NoStatus(`${url}: ${errorOf(answer)}`);
  return document as T;
}
