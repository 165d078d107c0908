import process from "node:process";
import { type Libc } from "./libc.ts";
import { PlatformError, platformOf } from "./platform.ts";

/**
 * Opens libc for the runtime and the kernel this runs on.
 *
 * Each thread opens its own: errno is the calling thread's.
 *
 * @throws PlatformError on an unsupported kernel or runtime, Error when no known C library is found
 */
export async function openLibc(): Promise<Libc> {
  const { libcPaths, names, layout } = platformOf(process.platform, process.arch);
  // Another runtime's file may not even be loadable here, hence an import of one of them only.
  const backend =
    await (typeof Bun !== "undefined"
      ? import("./bun.ts")
      : "Deno" in globalThis
      ? import("./deno.ts")
      : import("./node.ts"));
  const problems: string[] = [];
  for (const path of libcPaths) {
    try {
      return backend.openLibc(path, names, layout);
    } catch (error) {
      if (error instanceof PlatformError) throw error;
      problems.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`No C library could be opened: ${problems.join("; ")}`);
}
