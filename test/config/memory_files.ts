import type { ReadFile } from "#src/config/files.ts";

/** A file system of a few files; `mode` holds permissions other than 0644. */
export function memoryFiles(
  files: Readonly<Record<string, string>>,
  mode: Readonly<Record<string, number>> = {},
): ReadFile {
  const known = new Map(Object.entries(files));
  return (path) => {
    const text = known.get(path);
    if (text === undefined) throw Object.assign(new Error("missing"), { code: "ENOENT" });
    return { bytes: new TextEncoder().encode(text), mode: mode[path] ?? 0o644 };
  };
}
