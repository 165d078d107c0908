import type { Hono } from "hono";
import { errorDocument } from "#src/status/document.ts";
import { reportDocument, statusOf } from "../reload/report.ts";
import type { Reloader } from "../reload/reloader.ts";

/** A day. */
const MAX_CONFIRM_WITHIN = 86_400_000;

/** `POST /reload?dry_run=1`, `POST /reload?confirm_within_ms=N` and `POST /reload/confirm` */
export function addReload(commands: Hono, reloader: Reloader): void {
  commands.post("/reload", (c) => {
    const text = c.req.query("confirm_within_ms");
    const confirmWithin = text === undefined ? undefined : Number(text);
    if (text !== undefined && !(confirmWithin! >= 1 && confirmWithin! <= MAX_CONFIRM_WITHIN)) {
      return c.json(errorDocument(`confirm_within_ms is 1 to ${MAX_CONFIRM_WITHIN}`), 400);
    }
    const report = reloader.reload({ dryRun: c.req.query("dry_run") === "1", confirmWithin });
    return c.json(reportDocument(report), statusOf(report));
  });
  commands.post("/reload/confirm", (c) => {
    const report = reloader.confirm();
    return c.json(reportDocument(report), statusOf(report));
  });
}
