import type { Hono } from "hono";
import { errorDocument, JSON_VERSION } from "#src/status/document.ts";
import type { Drain } from "../drain.ts";

/** `POST /drain`, `POST /undrain`: answered once readiness says so. */
export function addDrain(commands: Hono, drain: Drain): void {
  for (const [path, wanted] of [["/drain", true], ["/undrain", false]] as const) {
    commands.post(path, (c) => {
      if (!drain.set(wanted)) return c.json(errorDocument("The daemon is ending"), 409);
      return c.json({ version: JSON_VERSION, draining: wanted });
    });
  }
}
