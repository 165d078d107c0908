import { type ErrorDocument, JSON_VERSION, type StatusDocument } from "#src/status/document.ts";
import { type Answer, errorOf, exchange, parseJson, stranger } from "./exchange.ts";
import { NoStatus } from "./no_status.ts";
import type { Place } from "./place.ts";

/** Asks a daemon for its state, for at most 15 s. @throws NoStatus */
export async function fetchStatus(place: Place): Promise<StatusDocument> {
  const { url } = place;
  const path = "host" in place ? place.path : "/status";
  const answer = await exchange(place, { method: "GET", path });
  if (answer.status !== 200) {
    const who = isOfDaemon(answer) ? url : stranger(url);
    throw new NoStatus(`${who}: ${errorOf(answer)}`);
  }
  const found = parse(answer.body);
  if (found === undefined) throw new NoStatus(stranger(url));
  const { version, program_version } = found;
  if (version === JSON_VERSION) return found;
  throw new NoStatus(
    `${url} is teredo ${program_version}: ask it with that version of this program`,
  );
}

/** Whether a daemon says so, as while it starts. */
function isOfDaemon({ body }: Answer): boolean {
  const value = parseJson(body) as ErrorDocument | null | undefined;
  return value?.version === JSON_VERSION && typeof value.error === "string";
}

function parse(body: string): StatusDocument | undefined {
  const value = parseJson(body) as StatusDocument | null | undefined;
  if (typeof value?.role !== "string" || typeof value.version !== "number") return undefined;
  const objects = [value.process, value.counters, value.drops, value.gauges, value.workers];
  const isWhole = objects.every((it) => typeof it === "object" && it !== null) &&
    Array.isArray(value.checks) && Array.isArray(value.listening);
  return isWhole || value.version !== JSON_VERSION ? value : undefined;
}
