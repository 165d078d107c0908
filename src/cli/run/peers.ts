import type { PeerDocument, PeersDocument } from "#src/status/peers_document.ts";
import type { Context } from "../context.ts";
import { writeJson } from "../json.ts";
import { PeerPages } from "../peers/ask.ts";
import { toldBy } from "../peers/words.ts";
import { formatPeers, Highest, type Sort, TSV_COLUMNS, tsvLine } from "../peers/table.ts";

export interface PeersFlags {
  readonly url?: string;
  readonly config?: string;
  readonly "token-file"?: string;
  readonly json?: boolean;
  readonly tsv?: boolean;
  readonly sort?: Sort;
  readonly limit?: number;
}

/** Rows of one page; the most that a relay gives. */
const PAGE = 400;
const DEFAULT_LIMIT = 100;

/** `teredo peers [ROLE] [ADDR|PREFIX]` */
export default async function runPeers(
  this: Context,
  flags: PeersFlags,
  first?: string,
  second?: string,
): Promise<void> {
  const { stdout, stderr } = this.process;
  const { role, word: which } = toldBy(first, second);
  const limit = flags.limit ?? DEFAULT_LIMIT;
  const { peers, time, more } = await read(
    new PeerPages({ ...flags, role }),
    which,
    limit,
    flags.sort,
  );
  if (flags.json) return writeJson(stdout, { time, peers });
  if (flags.tsv) {
    return stdout.write(`${TSV_COLUMNS.join("\t")}\n${peers.map(tsvLine).join("")}`);
  }
  stdout.write(formatPeers(peers, time));
  if (more) stderr.write(`teredo: there are more than ${limit}; --limit shows so many\n`);
}

interface Found {
  readonly peers: readonly PeerDocument[];
  /** Of the last page. */
  readonly time: string;
  readonly more: boolean;
}

/** All pages are read where the highest are looked for, else as many as it takes. */
async function read(
  pages: PeerPages,
  which: string | undefined,
  limit: number,
  sort: Sort | undefined,
): Promise<Found> {
  const highest = sort === undefined ? undefined : new Highest(limit, sort);
  const peers: PeerDocument[] = [];
  let cursor: string | undefined;
  let count = 0;
  for (;;) {
    const size = highest === undefined ? Math.min(PAGE, limit - peers.length) : PAGE;
    const page: PeersDocument = await pages.ask(pathOf(which, size, cursor));
    count += page.peers.length;
    if (highest === undefined) peers.push(...page.peers);
    else highest.offer(page.peers);
    cursor = page.cursor;
    const isFull = highest === undefined && peers.length >= limit;
    if (cursor !== undefined && !isFull) continue;
    const more = cursor !== undefined || count > limit;
    return { peers: highest?.sorted() ?? peers, time: page.time, more };
  }
}

function pathOf(which: string | undefined, limit: number, cursor: string | undefined): string {
  const parameters = new URLSearchParams({ limit: `${limit}` });
  if (which !== undefined) parameters.set("q", which);
  if (cursor !== undefined) parameters.set("cursor", cursor);
  return `/peers?${parameters}`;
}
