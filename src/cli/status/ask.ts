import type { StatusDocument } from "#src/status/document.ts";
import { EXIT } from "../exit.ts";
import { fetchStatus } from "./client.ts";
import { firstOf } from "./exchange.ts";
import { NoStatus } from "./no_status.ts";
import type { Place } from "./place.ts";
import type { Target } from "./targets.ts";

/** What a daemon says of itself, and where. */
export interface Answer {
  readonly status: StatusDocument;
  readonly place: Place;
}

/** Asks a daemon for its state at the first of its places that answers. */
export async function askTarget({ role, places }: Target): Promise<Answer | NoStatus> {
  try {
    return await firstOf(places, async (place) => {
      const status = await fetchStatus(place);
      if (role === undefined || status.role === role) return { status, place };
      throw new NoStatus(`a teredo ${status.role} answers at ${place.url}, not a ${role}`);
    });
  } catch (error) {
    if (error instanceof NoStatus) return error;
    throw error;
  }
}

/** The exit status that tells of several daemons: of those that answer the one that needs attention first. */
export function exitOf(answers: readonly (Answer | NoStatus)[]): number {
  const found = answers.flatMap((it) => it instanceof NoStatus ? [] : [it.status]);
  if (found.length === 0) {
    const failures = answers as readonly NoStatus[];
    return failures.every((it) => it.isNotRunning) ? EXIT.NotRunning : EXIT.Failed;
  }
  if (found.some((it) => !it.alive || !(it.ready || it.draining))) return EXIT.NotReady;
  return found.some((it) => it.draining) ? EXIT.Draining : EXIT.Ok;
}
