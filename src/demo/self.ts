import { fileURLToPath } from "node:url";

/** The directory in which a compiled binary keeps its modules. */
const COMPILED_ROOT = "/$bunfs/";

/** The command that runs this very program: the compiled binary, or a runtime with `src/main.ts`. */
export function selfCommand(): string[] {
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  if (main.startsWith(COMPILED_ROOT) || fileURLToPath(import.meta.url).startsWith(COMPILED_ROOT)) {
    return [process.execPath];
  }
  const flags = "deno" in process.versions ? ["run", "-A", "--no-check"] : [];
  return [process.execPath, ...flags, main];
}
