/** @jsxImportSource hono/jsx */
import type { Context, Hono } from "hono";
import { accepts } from "hono/accepts";
import type { Millis } from "#src/protocol/time.ts";
import type { Page } from "../contract.ts";
import { type ErrorDocument, type StatusDocument, statusDocument } from "../document.ts";
import type { HistoryDocument, Step } from "../history_document.ts";
import type { PeerDocument, PeersDocument, WhyDocument } from "../peers_document.ts";
import { momentary } from "../momentary.ts";
import type {
  RecordingDocument,
  RecordingRowsDocument,
  RecordingsDocument,
} from "../recordings_document.ts";
import type { Snapshot } from "../snapshot.ts";
import { toHtml } from "./layout.tsx";
import { Overview } from "./overview.tsx";
import { PeerPage } from "./peer.tsx";
import { type Found, PeersPage } from "./peers.tsx";
import { RecordingPage } from "./recordings.tsx";
import type { Refusal } from "./refusal.ts";
import { sortedBy, sortOf } from "./sorts.ts";
import { overviewText } from "./plain_text.ts";

/** What the pages for people are made of. */
export interface Sources {
  readonly read: () => Snapshot;
  readonly now: () => Millis;
  readonly status: () => StatusDocument;
  readonly history: (step: Step) => HistoryDocument;
  /** Those for programs, by their path. */
  readonly pages: Readonly<Record<string, Page>>;
}

/** To make it takes as long as to answer a hundred others, and its history has a row a second. */
const OVERVIEW_MOMENT: Millis = 1_000;

const PAGE_LENGTH = 100;
/** What is read to be sorted: so much of it that a search's result is all there. */
const SORTED_PAGES = 10;
const SORTED_PAGE_LENGTH = 400;
/** The last ones of a recording. */
const RECORDED_ROWS = 500;

/** The pages for people. They ask what programs can ask, and change nothing. */
export function addPages(app: Hono, sources: Sources): void {
  const { status, history, pages } = sources;
  const now = () => Date.now() / 1000;
  let recordings: readonly RecordingDocument[] | Refusal = [];
  const made = new Map<string, () => string>();
  const overview = (step: Step, refreshes: boolean) => {
    const key = `${step} ${refreshes}`;
    const make = made.get(key) ?? momentary(
      sources.read,
      (snapshot) => {
        const status = statusDocument(snapshot);
        const page = { status, history: history(step), recordings, now: now(), refreshes };
        return toHtml(<Overview {...page} />);
      },
      sources.now,
      OVERVIEW_MOMENT,
    );
    made.set(key, make);
    return make();
  };

  app.get("/", async (c) => {
    const step = c.req.query("step") === "60" ? 60 : 1;
    c.header("Vary", "Accept");
    recordings = await recordingsOf(pages);
    if (wantsHtmlOverText(c)) return c.html(overview(step, c.req.query("refresh") !== "no"));
    return c.text(overviewText(status(), history(step), recordings, now()));
  });

  const peers = pages["/peers"];
  if (peers !== undefined) {
    app.get("/find", async (c) => {
      const query = (c.req.query("q") ?? "").trim();
      const sort = sortOf(c.req.query("sort") ?? "");
      const found = await find(peers, query, sort, c.req.query("cursor"));
      const page = { status: status(), now: now(), query, sort, found };
      return c.html(toHtml(<PeersPage {...page} />), "error" in found ? found.status : 200);
    });
  }

  const why = pages["/why"];
  if (why !== undefined) {
    app.get("/peer", async (c) => {
      const address = (c.req.query("address") ?? "").trim();
      const found = await ask<WhyDocument>(why, { address });
      const page = { status: status(), now: now(), address, why: found };
      return c.html(toHtml(<PeerPage {...page} />), "error" in found ? found.status : 200);
    });
  }

  const rows = pages["/recordings/:id"];
  if (rows !== undefined) {
    app.get("/recording", async (c) => {
      const id = c.req.query("id") ?? "";
      const found = await ask<RecordingRowsDocument>(rows, { limit: `${RECORDED_ROWS}` }, { id });
      const page = { status: status(), now: now(), recording: found };
      return c.html(toHtml(<RecordingPage {...page} />), "error" in found ? found.status : 200);
    });
  }
}

async function recordingsOf(
  { "/recordings": page }: Readonly<Record<string, Page>>,
): Promise<readonly RecordingDocument[] | Refusal> {
  if (page === undefined) return [];
  const found = await ask<RecordingsDocument>(page);
  return "error" in found ? found : found.recordings;
}

/** Whether somebody looks at the answer in a browser: curl and the like say nothing of what they want. */
function wantsHtmlOverText(c: Context): boolean {
  const types = ["text/html", "text/plain"];
  return accepts(c, { header: "Accept", supports: types, default: types[1]! }) === types[0];
}

async function ask<T>(
  page: Page,
  parameters: Readonly<Record<string, string | undefined>> = {},
  named: Readonly<Record<string, string>> = {},
): Promise<T | Refusal> {
  const given = Object.entries(parameters).filter((it): it is [string, string] => !!it[1]);
  const answer = await page(new URLSearchParams(given), named);
  if (!("document" in answer)) throw new TypeError("An answer that is no document");
  const { status, document } = answer;
  return status === 200 ? document as T : { status, error: (document as ErrorDocument).error };
}

async function find(
  peers: Page,
  query: string,
  sort: ReturnType<typeof sortOf>,
  cursor: string | undefined,
): Promise<Found | Refusal> {
  if (sort === undefined) {
    return await ask<PeersDocument>(peers, { q: query, cursor, limit: `${PAGE_LENGTH}` });
  }
  const all: PeerDocument[] = [];
  let next: string | undefined;
  for (let i = 0; i < SORTED_PAGES; i++) {
    const parameters = { q: query, cursor: next, limit: `${SORTED_PAGE_LENGTH}` };
    const found = await ask<PeersDocument>(peers, parameters);
    if ("error" in found) return found;
    all.push(...found.peers);
    next = found.cursor;
    if (next === undefined) break;
  }
  const sorted = { peers: all.length, isPart: next !== undefined };
  return { peers: sortedBy(sort, all).slice(0, PAGE_LENGTH), sorted };
}
