import { Hono } from "hono";
import { errorDocument, healthDocument, readyDocument, statusDocument } from "./document.ts";
import { EXPOSITION_TYPE, formatExposition } from "./exposition.ts";
import { metricsOf } from "./metrics.ts";
import { isAlive, isReady, type Snapshot } from "./snapshot.ts";

/** The pages as a plain value: `app.request("/metrics")` asks without a port. */
export type StatusApp = Hono;

const METHODS = ["GET", "HEAD"];
const PATHS = ["/healthz", "/readyz", "/metrics", "/status"];

/**
 * The status pages, read-only.
 *
 * @param read called once a request; must not wait for the datapath
 */
export function createStatus(read: () => Snapshot): StatusApp {
  const app = new Hono();

  app.use((c, next) => {
    // Each answer is the state of one moment.
    c.header("Cache-Control", "no-store");
    c.header("X-Content-Type-Options", "nosniff");
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
    return c.body(formatExposition(metricsOf(read())), 200, { "Content-Type": EXPOSITION_TYPE });
  });

  app.get("/status", (c) => c.json(statusDocument(read())));

  app.notFound((c) => c.json(errorDocument(`There is nothing at ${c.req.path}`, PATHS), 404));

  // Only a daemon that has not come up, or is going down, has no snapshot to give.
  app.onError((error, c) => c.json(errorDocument(error.message), 503));
  return app;
}
