import { JSON_VERSION, type StatusDocument } from "#src/status/document.ts";
import { exchange, parseJson, stranger } from "./exchange.ts";
import { NoStatus } from "./no_status.ts";
import type { Place } from "./place.ts";

/** Asks a daemon for its state, for at most 5 s. @throws NoStatus */
export async function fetchStatus(place: Place): Promise<StatusDocument> {
  const { url } = place;
  const path = "host" in place ? place.path : "/status";
  const { status, body } = await exchange(place, { method: "GET", path });
  if (status !== 200) throw new NoStatus(`${stranger(url)}: HTTP status ${status}`);
  const found = parse(body);
  if (found === undefined) throw new NoStatus(stranger(url));
  const { version, program_version } = found;
  if (version === JSON_VERSION) return found;
  throw new NoStatus(
    `${url} is teredo ${program_version}: ask it with that version of this program`,
  );
}

function parse(body: string): StatusDocument | undefined {
  const value = parseJson(body) as StatusDocument | null | undefined;
  if (typeof value?.role !== "string" || typeof value.version !== "number") return undefined;
  const objects = [value.process, value.counters, value.drops, value.gauges, value.workers];
  const isWhole = objects.every((it) => typeof it === "object" && it !== null) &&
    Array.isArray(value.checks) && Array.isArray(value.listening);
  return isWhole || value.version !== JSON_VERSION ? value : undefined;
}
