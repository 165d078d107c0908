import { readFileSync } from "node:fs";

/** Put in by the build; not there when this runs from source. */
declare const TEREDO_VERSION: string | undefined;

/** Of this program, e.g. `1.2.3` or, between releases, `1.2.3+0a1b2c3d4e`. */
export function version(): string {
  return typeof TEREDO_VERSION === "string" ? TEREDO_VERSION : sourceVersion();
}

function sourceVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
