import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What scripts/release compiles for a system. */
export const COMPILED = [
  "linux-x64",
  "linux-x64-musl",
  "linux-arm64",
  "linux-arm64-musl",
  "freebsd-x64",
  "freebsd-arm64",
] as const;
/** Every target of scripts/release. */
export const TARGETS = [...COMPILED, "node"] as const;
export type Compiled = typeof COMPILED[number];
export type Target = typeof TARGETS[number];

/** Where scripts/release has put them. */
export const FOLDER = "dist/release";
const ARCHIVE = /^teredo-(\d.*)-((?:linux|freebsd)-(?:x64|arm64)(?:-musl)?|node)\.tar\.gz$/;

export interface Archive {
  readonly file: string;
  readonly version: string;
  /** The folder in it: the file's name without its ending. */
  readonly folder: string;
}

/** The archive of each target, of one version. */
export function archives(): ReadonlyMap<string, Archive> {
  const found = new Map<string, Archive>();
  for (const file of readdirSync(FOLDER)) {
    const [, version, target] = ARCHIVE.exec(file) ?? [];
    if (version === undefined || target === undefined) continue;
    assert.ok(!found.has(target), `two archives of ${target}: run scripts/release`);
    found.set(target, { file, version, folder: file.replace(/\.tar\.gz$/, "") });
  }
  return found;
}

export function archiveOf(target: Target): Archive {
  const archive = archives().get(target);
  assert.ok(archive, `no archive of ${target}: run scripts/release`);
  return archive;
}

/** Unpacks an archive for `body`, which gets the folder in it. */
export function unpacked<T>(target: Target, body: (folder: string) => T): T {
  const { file, folder } = archiveOf(target);
  const work = mkdtempSync(join(tmpdir(), "teredo-release-"));
  try {
    execFileSync("tar", ["-xzf", join(FOLDER, file), "-C", work]);
    return body(join(work, folder));
  } finally {
    rmSync(work, { recursive: true });
  }
}
