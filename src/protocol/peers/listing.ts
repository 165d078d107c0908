import type { Hold } from "./hold.ts";
import { NO_PEER, type PeerId } from "./index.ts";
import type { PeerSearch } from "./query.ts";
import type { PeerRows, PeerWays } from "./row.ts";
import type { Peers } from "./table.ts";
import type { Millis } from "../time.ts";

/**
 * Goes through the table in pieces, between which it may change: an entry keeps its number as long as
 * it is the same peer's, so that none is told twice or left out that is there all the time.
 */
export class PeerListing {
  readonly #peers: Peers;
  readonly #hold: Hold;
  readonly #ways: PeerWays | undefined;
  /** Rows that {@link look} has written. */
  written = 0;

  /** @param ways of a client's peers */
  constructor(peers: Peers, hold: Hold, ways?: PeerWays) {
    this.#peers = peers;
    this.#hold = hold;
    this.#ways = ways;
  }

  /**
   * Looks at the next `most` entries behind number `behind`, and writes those that are searched for
   * into `rows` from row {@link written} on, until it has written `limit` in all.
   *
   * @returns the last number that was looked at; {@link NO_PEER}: there are no more
   */
  look(
    search: PeerSearch,
    behind: PeerId,
    most: number,
    rows: PeerRows,
    limit: number,
    now: Millis,
  ): PeerId {
    const peers = this.#peers;
    const only = search.only(peers);
    if (only !== undefined) {
      if (only > behind) rows.write(this.written++, peers, this.#hold, this.#ways, only, now);
      return NO_PEER;
    }
    const end = Math.min(behind + most, peers.last);
    let p = behind;
    while (p < end && this.written < limit) {
      p++;
      if (!peers.has(p) || !search.matches(peers, p)) continue;
      rows.write(this.written++, peers, this.#hold, this.#ways, p, now);
    }
    return p >= peers.last ? NO_PEER : p;
  }
}
