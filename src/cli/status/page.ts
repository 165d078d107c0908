import { JSON_VERSION } from "#src/status/document.ts";
import { UsageError } from "../exit.ts";
import { errorOf, exchange, parseJson, stranger } from "./exchange.ts";
import { NoStatus } from "./no_status.ts";
import { pageAt, type Place } from "./place.ts";

/**
 * What a page answers in JSON.
 *
 * @param path with the query, e.g. `/peers?limit=1`
 * @throws NoStatus; UsageError for what the daemon does not understand
 */
export async function askPage<T>(place: Place, path: string): Promise<T> {
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
