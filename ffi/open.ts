import { type Libc, LIBC_PATHS } from "./libc.ts";

/**
 * Opens libc for the runtime this runs on.
 *
 * Each thread opens its own: errno is the calling thread's.
 *
 * @throws Error when no known C library is found
 */
export async function openLibc(): Promise<Libc> {
  const backend = "Bun" in globalThis ? await import("./bun.ts") : await import("./deno.ts");
  const problems: string[] = [];
  for (const path of LIBC_PATHS) {
    try {
      return backend.openLibc(path);
    } catch (error) {
      problems.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`No C library could be opened: ${problems.join("; ")}`);
}
