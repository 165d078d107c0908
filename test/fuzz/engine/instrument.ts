import { readFileSync } from "node:fs";
import { join } from "node:path";
import { plugin } from "bun";
import { withCounters } from "./counters.ts";

const ROOT = join(import.meta.dirname!, "../../..");

/**
 * From here on, what Bun loads of these folders and files counts its branches.
 *
 * Nothing that is kept for JavaScript does this for Bun: docs/fuzzing.md.
 *
 * @param covers from the project's root
 */
export function instrument(covers: readonly string[]): void {
  plugin({
    name: "branches",
    setup({ onLoad }) {
      onLoad({ filter: /\/(src|ffi)\/.*\.tsx?$/ }, ({ path }) => {
        const text = readFileSync(path, "utf8");
        const own = path.slice(ROOT.length + 1);
        const isCovered = path.startsWith(`${ROOT}/`) && covers.some((it) => own.startsWith(it));
        return {
          contents: isCovered ? withCounters(own, text) : text,
          loader: path.endsWith("x") ? "tsx" : "ts",
        };
      });
    },
  });
}
