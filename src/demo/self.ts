import { fileURLToPath } from "node:url";

/** The directory in which a compiled binary keeps its modules. */
const COMPILED_ROOT = "/$bunfs/";

/**
 * The command that runs this very program: the compiled binary, or a runtime with `src/main.ts` or with
 * the bundle of all.
 */
export function selfCommand(): string[] {
  const self = fileURLToPath(import.meta.url);
  if (self.startsWith(COMPILED_ROOT)) return [process.execPath];
  const main = self.endsWith(".ts") ? fileURLToPath(new URL("../main.ts", import.meta.url)) : self;
  // What Node was told to run this, such as to have its FFI, it has to be told again.
  const flags = "deno" in process.versions ? ["run", "-A", "--no-check"] : process.execArgv;
  return [process.execPath, ...flags, main];
}
