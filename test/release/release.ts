import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

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
export const FOLDER: string = process.env["TEREDO_RELEASE"] ?? "dist/release";
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

/** The archive that was asked for last, as it takes a second to unpack one, and 120 MB to keep it. */
let last: { readonly target: Target; readonly work: string } | undefined;
process.on("exit", forget);

function forget(): void {
  if (last !== undefined) rmSync(last.work, { recursive: true });
  last = undefined;
}

/** An archive that is unpacked for `body`, which gets the folder in it, and changes nothing there. */
export function unpacked<T>(target: Target, body: (folder: string) => T): T {
  const { file, folder } = archiveOf(target);
  if (last?.target !== target) {
    forget();
    last = { target, work: mkdtempSync(join(tmpdir(), "teredo-release-")) };
    execFileSync("tar", ["-xzf", join(FOLDER, file), "-C", last.work]);
  }
  return body(join(last.work, folder));
}
