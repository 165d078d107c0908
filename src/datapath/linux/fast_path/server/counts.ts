import { Counter, type Counters, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { ANSWER_LENGTH, AUTHENTICATION_LENGTH, SOLICITATION_LENGTH } from "./layout.ts";
import { SERVER_REASON_NAMES, type ServerReason } from "./reasons.ts";

/**
 * What the server's program counts: one cell a datagram, each processor for itself. The first cells
 * are solicitations, by what is known of them; the others datagrams left alone, by why.
 *
 *     4 x (0: to the primary address, 1: cone bit set, 2: to the secondary)
 *     + 2 x (0: plain, 1: with an authentication header)
 *     + (0: answered, 1: its source had no token)
 */
export const CONE_CELLS = 4;
export const SECONDARY_CELLS = 8;
export const AUTHENTICATION_CELLS = 2;
export const LIMITED_CELLS = 1;
const SOLICITATION_CELLS = 12;

export const COUNT_CELLS: number = SOLICITATION_CELLS + SERVER_REASON_NAMES.length;

export const cellOf = (reason: ServerReason): number =>
  SOLICITATION_CELLS + SERVER_REASON_NAMES.indexOf(reason);

/** Adds to `counters` what the threads would have counted for the same datagrams. */
export function addCounts(counters: Counters, cells: readonly number[]): void {
  for (let cell = 0; cell < SOLICITATION_CELLS; cell++) {
    const count = cells[cell]!;
    if (count > 0) addSolicitations(counters, cell, count);
  }
}

function addSolicitations(counters: Counters, cell: number, count: number): void {
  const more = (cell & AUTHENTICATION_CELLS) === 0 ? 0 : AUTHENTICATION_LENGTH;
  counters[Counter.udp_received_datagrams]! += count;
  counters[Counter.udp_received_bytes]! += count * (SOLICITATION_LENGTH + more);
  counters[Counter.solicitations_received]! += count;
  if ((cell & CONE_CELLS) !== 0) counters[Counter.solicitations_cone]! += count;
  if ((cell & SECONDARY_CELLS) !== 0) counters[Counter.solicitations_secondary]! += count;
  if ((cell & LIMITED_CELLS) !== 0) {
    counters[DROPS_AT + Drop.RateLimited]! += count;
    return;
  }
  counters[Counter.advertisements_sent]! += count;
  counters[Counter.udp_sent_datagrams]! += count;
  counters[Counter.udp_sent_bytes]! += count * (ANSWER_LENGTH + more);
}

/** Datagrams left alone so far, by why. */
export function leftAloneIn(cells: readonly number[]): Readonly<Record<ServerReason, number>> {
  const counts = SERVER_REASON_NAMES.map((name) => [name, cells[cellOf(name)]]);
  return Object.fromEntries(counts) as Record<ServerReason, number>;
}
