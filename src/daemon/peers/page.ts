import { MAX_ROWS } from "#src/datapath/peers/questions.ts";
import type { PeerAsker } from "#src/datapath/peers/asker.ts";
import { ANY_PEER, parsePeerQuery, type PeerQuery } from "#src/protocol/peers/query.ts";
import type { PeerRow } from "#src/protocol/peers/row.ts";
import { JSON_VERSION } from "#src/status/document.ts";
import type { PeersDocument } from "#src/status/peers_document.ts";
import { peerDocument } from "./document.ts";
import { BadParameters, onlyOf } from "./parameters.ts";

const DEFAULT_LIMIT = 100;
const CURSOR = /^([0-9a-z]{1,12})-(\d{1,3})-(\d{1,7})$/;

/** Where a page begins. */
interface Place {
  readonly worker: number;
  /** Of that worker's table the entry before. */
  readonly behind: number;
}

/** Pages of the peers of all workers, for as long as one daemon runs. */
export class PeerBook {
  readonly #workers: readonly PeerAsker[];
  /** What a cursor of another daemon, or of this one before it was started again, has otherwise. */
  readonly #mark: string;

  constructor(workers: readonly PeerAsker[], mark: string) {
    this.#workers = workers;
    this.#mark = mark;
  }

  /** @param parameters of `GET /peers` @throws BadParameters, NoAnswer */
  async page(parameters: URLSearchParams): Promise<PeersDocument> {
    const { limit, cursor, q } = onlyOf(parameters, ["limit", "cursor", "q"]);
    const most = limitOf(limit);
    const { rows, next } = await this.#read(queryOf(q), this.#placeOf(cursor), most);
    const now = Date.now();
    return {
      version: JSON_VERSION,
      time: new Date(now).toISOString(),
      peers: rows.map((row) => peerDocument(row, now)),
      ...(next === undefined ? {} : { cursor: this.#cursorOf(next) }),
    };
  }

  /** Up to so many peers, from the first on. @throws NoAnswer */
  async find(query: PeerQuery, most: number): Promise<readonly PeerRow[]> {
    const { rows } = await this.#read(query, { worker: 0, behind: 0 }, most);
    return rows;
  }

  async #read(
    query: PeerQuery,
    from: Place,
    most: number,
  ): Promise<{ readonly rows: readonly PeerRow[]; readonly next: Place | undefined }> {
    const rows: PeerRow[] = [];
    let place: Place | undefined = from;
    while (place !== undefined && rows.length < most) {
      const { worker, behind }: Place = place;
      const part = await this.#workers[worker]!.peers(query, behind, most - rows.length);
      rows.push(...part.rows);
      const following = worker + 1 < this.#workers.length
        ? { worker: worker + 1, behind: 0 }
        : undefined;
      place = part.next === 0 ? following : { worker, behind: part.next };
    }
    return { rows, next: place };
  }

  #cursorOf({ worker, behind }: Place): string {
    return `${this.#mark}-${worker}-${behind}`;
  }

  #placeOf(cursor: string | undefined): Place {
    if (cursor === undefined) return { worker: 0, behind: 0 };
    const [, mark, worker, behind] = CURSOR.exec(cursor) ?? [];
    if (mark !== this.#mark || Number(worker) >= this.#workers.length) {
      throw new BadParameters("cursor: not one that this daemon gave; begin without");
    }
    return { worker: Number(worker), behind: Number(behind) };
  }
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT;
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_ROWS) return limit;
  throw new BadParameters(`limit: not a whole number from 1 to ${MAX_ROWS}`);
}

function queryOf(text: string | undefined): PeerQuery {
  const query = text === undefined ? ANY_PEER : parsePeerQuery(text);
  if (query !== undefined) return query;
  throw new BadParameters(
    "q: neither an address, A.B.C.D:PORT, nor a prefix without host bits",
  );
}
