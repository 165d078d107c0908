import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * For tests on Node, which takes types away by itself, but neither reads JSX nor imports text: what
 * `bun build` makes of both in the program that is released, file by file.
 *
 * `need_scripts_for_node` of `scripts/lib.sh` makes scripts of the JSX, in the folder below.
 */
const SRC = fileURLToPath(new URL("../../src/", import.meta.url));
const MADE = new URL("../../dist/tests/jsx/", import.meta.url);

registerHooks({
  resolve(specifier, context, next) {
    if (context.importAttributes.type !== "text") return next(specifier, context);
    const { url } = next(specifier, { ...context, importAttributes: {} });
    return { url, format: "text", importAttributes: { type: "text" }, shortCircuit: true };
  },
  load(url, context, next) {
    if (context.format === "text") {
      const source = `export default ${JSON.stringify(readFileSync(new URL(url), "utf8"))};`;
      return { format: "module", source, shortCircuit: true };
    }
    if (!url.endsWith(".tsx")) return next(url, context);
    const made = relative(SRC, fileURLToPath(url)).replace(/\.tsx$/, ".js");
    return { format: "module", source: readFileSync(new URL(made, MADE)), shortCircuit: true };
  },
});
