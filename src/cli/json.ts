import { JSON_VERSION } from "#src/status/document.ts";
import type { Output } from "./output.ts";

/** What `--json` prints: one object, in the style and with the version of docs/status.schema.json. */
export function writeJson(output: Output, document: object): void {
  output.write(`${JSON.stringify({ version: JSON_VERSION, ...document }, null, 2)}\n`);
}
