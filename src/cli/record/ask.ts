import type { Role } from "#src/config/config.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import { fetchStatus } from "../status/client.ts";
import { errorOf, exchange, firstOf, stranger } from "../status/exchange.ts";
import { NoStatus } from "../status/no_status.ts";
import { pageAt, type Place } from "../status/place.ts";
import type { Target } from "../status/targets.ts";
import { type Extent, extentOf } from "./extent.ts";

/** What one daemon recorded, as pcapng. */
export interface Recorded {
  readonly role: Snapshot["role"];
  readonly bytes: Uint8Array;
  readonly extent: Extent;
}

/** What a daemon recorded of the last so many seconds; why there is nothing, if so. */
export async function recordedBy(
  { role, places }: Target,
  seconds: number,
): Promise<Recorded | NoStatus> {
  try {
    return await firstOf(places, (place) => askAt(place, role, seconds));
  } catch (error) {
    if (error instanceof NoStatus) return error;
    throw error;
  }
}

async function askAt(place: Place, role: Role | undefined, seconds: number): Promise<Recorded> {
  const { url } = place;
  const found = await fetchStatus(place);
  if (role !== undefined && found.role !== role) {
    throw new NoStatus(`a teredo ${found.role} answers at ${url}, not a ${role}`);
  }
  const path = pageAt(place, `/recording.pcapng?last=${seconds}`);
  const answer = await exchange(place, { method: "GET", path });
  if (answer.status !== 200) throw new NoStatus(`${url}: ${errorOf(answer)}`);
  const extent = extentOf(answer.bytes);
  if (extent === undefined) throw new NoStatus(stranger(url));
  return { role: found.role, bytes: answer.bytes, extent };
}
