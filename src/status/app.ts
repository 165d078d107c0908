import { type Context, Hono } from "hono";
import type { Millis } from "#src/protocol/time.ts";
import { HEADERS } from "./access/headers.ts";
import type { Page, PageAnswer, Stream } from "./contract.ts";
import {
  errorDocument,
  healthDocument,
  JSON_VERSION,
  readyDocument,
  statusDocument,
} from "./document.ts";
import { EXPOSITION_TYPE, formatExposition } from "./exposition.ts";
import { metricsOf } from "./metrics.ts";
import type { HistoryDocument, Step } from "./history_document.ts";
import { ASSETS } from "./page/assets.ts";
import { problemPage, wantsHtml } from "./page/problem.tsx";
import { addPages } from "./page/routes.tsx";
import { momentary } from "./momentary.ts";
import { isAlive, isReady, type Snapshot } from "./snapshot.ts";
import { EVENTS_TYPE } from "./viewers.ts";

/** The pages as a plain value: `app.request("/metrics")` asks without a port. */
export type StatusApp = Hono;

export type { Page, PageAnswer, Stream, StreamRequest } from "./contract.ts";

const METHODS = ["GET", "HEAD"];
const PATHS = ["/healthz", "/readyz", "/metrics", "/status"];

/**
 * The status pages, read-only.
 *
 * @param read must not wait for the datapath
 * @param now of a clock that only goes forward
 * @param pages others, by their path
 * @param streams of events, by their path
 * @param history of what the page for people draws
 */
export function createStatus(
  read: () => Snapshot,
  now: () => Millis = monotonic,
  pages: Readonly<Record<string, Page>> = {},
  streams: Readonly<Record<string, Stream>> = {},
  history: (step: Step) => HistoryDocument = noHistory,
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
      const { searchParams } = new URL(c.req.url);
      return answerOf(c, await page(searchParams, c.req.param()));
    });
  }

  for (const [path, stream] of Object.entries(streams)) {
    app.get(path, (c) => {
      // Of HEAD nobody would read the events.
      if (c.req.method === "HEAD") return c.body(null, 200, EVENTS_HEADERS);
      const parameters = new URL(c.req.url).searchParams;
      const told = stream({ parameters, lastEventId: c.req.header("Last-Event-ID") });
      if (told instanceof ReadableStream) return c.body(told, 200, EVENTS_HEADERS);
      if (told.status === 503) c.header("Retry-After", RETRY_AFTER);
      return answerOf(c, told);
    });
  }

  for (const [name, { type, text }] of Object.entries(ASSETS)) {
    app.get(`/assets/${name}`, (c) => c.body(text, 200, { "Content-Type": type }));
  }

  addPages(app, { read, now, status, history, pages });

  const paths = ["/", ...PATHS, ...Object.keys(pages), ...Object.keys(streams)];
  app.notFound((c) => {
    const problem = errorDocument(`There is nothing at ${c.req.path}`, paths);
    return wantsHtml(c) ? c.html(problemPage(c.req.path, problem), 404) : c.json(problem, 404);
  });

  // Only a daemon that has not come up, or is going down, has no snapshot to give.
  app.onError((error, c) => c.json(errorDocument(error.message), 503));
  return app;
}

/** Proxies that gather answers before they pass them on let this one through. */
const EVENTS_HEADERS = { "Content-Type": EVENTS_TYPE, "X-Accel-Buffering": "no" };
/** In seconds: no viewer is known to go sooner. */
const RETRY_AFTER = "10";

function answerOf(c: Context, answer: PageAnswer): Response {
  if ("document" in answer) return c.json(answer.document, answer.status);
  if ("bytes" in answer) {
    const { bytes, type, name } = answer;
    const disposition = `attachment; filename="${name}"`;
    return c.body(bytes, 200, { "Content-Type": type, "Content-Disposition": disposition });
  }
  return c.body(answer.json, answer.status, { "Content-Type": "application/json" });
}

const monotonic = () => performance.now();

/** Of a daemon that keeps none. */
const noHistory = (step: Step): HistoryDocument => ({
  version: JSON_VERSION,
  role: "relay",
  step,
  from: 0,
  count: 0,
  series: {},
  changes: [],
});
