import { Hono } from "hono";
import type { Millis } from "#src/protocol/time.ts";
import { HEADERS } from "./access/headers.ts";
import { errorDocument, healthDocument, readyDocument, statusDocument } from "./document.ts";
import { EXPOSITION_TYPE, formatExposition } from "./exposition.ts";
import { metricsOf } from "./metrics.ts";
import { ASSETS } from "./page/assets.ts";
import { problemPage, wantsHtml } from "./page/problem.tsx";
import { isAlive, isReady, type Snapshot } from "./snapshot.ts";

/** The pages as a plain value: `app.request("/metrics")` asks without a port. */
export type StatusApp = Hono;

/** What a page that is asked with parameters answers. */
export interface PageAnswer {
  readonly status: 200 | 400 | 404 | 503;
  readonly document: object;
}

/** A page that somebody else makes; it may wait for the datapath, for seconds at the most. */
export type Page = (parameters: URLSearchParams) => Promise<PageAnswer>;

const METHODS = ["GET", "HEAD"];
const PATHS = ["/healthz", "/readyz", "/metrics", "/status"];

/**
 * All that ask for much within it are told the same numbers, so that a crowd costs no more than a few;
 * a change of state is told at once.
 */
const MOMENT: Millis = 100;

/**
 * The status pages, read-only.
 *
 * @param read must not wait for the datapath
 * @param now of a clock that only goes forward
 * @param pages others, by their path
 */
export function createStatus(
  read: () => Snapshot,
  now: () => Millis = monotonic,
  pages: Readonly<Record<string, Page>> = {},
): StatusApp {
  const app = new Hono();
  const metrics = momentary(read, (snapshot) => formatExposition(metricsOf(snapshot)), now);
  const status = momentary(read, statusDocument, now);

  app.use((c, next) => {
    for (const [name, value] of Object.entries(HEADERS)) c.header(name, value);
    if (METHODS.includes(c.req.method)) return next();
    const error = errorDocument("Only GET and HEAD are answered here");
    return Promise.resolve(c.json(error, 405, { Allow: METHODS.join(", ") }));
  });

  app.get("/healthz", (c) => {
    const snapshot = read();
    return c.json(healthDocument(snapshot), isAlive(snapshot) ? 200 : 503);
  });

  app.get("/readyz", (c) => {
    const snapshot = read();
    return c.json(readyDocument(snapshot), isReady(snapshot) ? 200 : 503);
  });

  app.get("/metrics", (c) => {
    return c.body(metrics(), 200, { "Content-Type": EXPOSITION_TYPE });
  });

  app.get("/status", (c) => c.json(status()));

  for (const [path, page] of Object.entries(pages)) {
    app.get(path, async (c) => {
      const { status, document } = await page(new URL(c.req.url).searchParams);
      return c.json(document, status);
    });
  }

  for (const [name, { type, text }] of Object.entries(ASSETS)) {
    app.get(`/assets/${name}`, (c) => c.body(text, 200, { "Content-Type": type }));
  }

  const paths = [...PATHS, ...Object.keys(pages)];
  app.notFound((c) => {
    const problem = errorDocument(`There is nothing at ${c.req.path}`, paths);
    return wantsHtml(c) ? c.html(problemPage(c.req.path, problem), 404) : c.json(problem, 404);
  });

  // Only a daemon that has not come up, or is going down, has no snapshot to give.
  app.onError((error, c) => c.json(errorDocument(error.message), 503));
  return app;
}

const monotonic = () => performance.now();

/** What `make` gives, made again when a moment has passed or the daemon's state is another one. */
function momentary<T>(
  read: () => Snapshot,
  make: (snapshot: Snapshot) => T,
  now: () => Millis,
): () => T {
  let made: { readonly value: T; readonly of: Snapshot; readonly at: Millis } | undefined;
  return () => {
    const time = now();
    const snapshot = read();
    if (made === undefined || time - made.at >= MOMENT || isOtherState(made.of, snapshot)) {
      made = { value: make(snapshot), of: snapshot, at: time };
    }
    return made.value;
  };
}

function isOtherState(before: Snapshot, now: Snapshot): boolean {
  return before.draining !== now.draining || before.reload !== now.reload ||
    before.checks !== now.checks;
}
