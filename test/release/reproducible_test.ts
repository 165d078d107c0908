import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import test from "node:test";

/** Where, by whom and when. */
interface Builder {
  readonly folder: string;
  readonly user: number;
  readonly umask: string;
  readonly zone: string;
  readonly locale: string;
  readonly date: string;
}

const BUILDERS: readonly Builder[] = [
  { folder: "a", user: 0, umask: "022", zone: "UTC", locale: "C", date: "2026-01-02 03:04:05" },
  {
    folder: "another/place with a longer name",
    user: 65_534,
    umask: "077",
    zone: "Pacific/Auckland",
    locale: "C.UTF-8",
    date: "2031-12-31 23:59:58",
  },
];

/** What scripts/build takes, in a folder of the builder's own. */
function sourcesIn(folder: string, { user }: Builder): void {
  const listed = execFileSync("git", ["ls-files", "-z", "-c", "-o", "--exclude-standard"]);
  const wanted = /^(src|ffi|scripts)\/|^[^/]+$/;
  for (const path of listed.toString().split("\0")) {
    if (!wanted.test(path)) continue;
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    cpSync(path, join(folder, path));
  }
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  // Packages that are not those locked are installed: not by a build that borrows them.
  mkdirSync(join(folder, "no"));
  writeFileSync(join(folder, "no/npm"), "#!/bin/sh\necho 'run npm ci first' >&2\nexit 1\n", {
    mode: 0o755,
  });
  execFileSync("chown", ["-R", "-h", `${user}:${user}`, folder]);
}

function built(top: string, builder: Builder): Buffer {
  const folder = join(top, builder.folder);
  const home = join(top, `home of ${builder.user}`);
  for (const made of [folder, home]) mkdirSync(made, { recursive: true });
  sourcesIn(folder, builder);
  chownSync(home, builder.user, builder.user);
  const as = ["setpriv", `--reuid=${builder.user}`, `--regid=${builder.user}`, "--clear-groups"];
  const script = `umask ${builder.umask}; exec ${as.join(" ")} faketime "$1" scripts/build`;
  execFileSync("bash", ["-c", script, "bash", builder.date], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      PATH: `${join(folder, "no")}:${process.env["PATH"]}`,
      HOME: home,
      TZ: builder.zone,
      LC_ALL: builder.locale,
      USER: `user${builder.user}`,
      // A commit would be found by who may read it alone.
      GIT_DIR: "/nowhere",
    },
  });
  return readFileSync(join(folder, "dist/teredo"));
}

/** The places that differ, with what stands around the first of them. */
function differences(a: Buffer, b: Buffer): string {
  const places: number[] = [];
  for (let i = 0; i < Math.max(a.length, b.length); i++) if (a[i] !== b[i]) places.push(i);
  const around = (text: Buffer) =>
    JSON.stringify(text.toString("latin1", places[0]! - 40, places[0]! + 80));
  return `${a.length} and ${b.length} bytes; ${places.length} differ, from ${places[0]} to ${
    places.at(-1)
  }:
${around(a)}
${around(b)}`;
}

const sum = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

test(
  "scripts/build: folder, user, umask, home, time zone, locale and time leave no trace in the program",
  {
    timeout: 600_000,
  },
  () => {
    const top = mkdtempSync(join(tmpdir(), "teredo-builders-"));
    execFileSync("chmod", ["755", top]);
    try {
      const [first, second] = BUILDERS.map((builder) => built(top, builder));
      assert.ok(first!.length > 1 << 20);
      if (sum(first!) !== sum(second!)) assert.fail(differences(first!, second!));
    } finally {
      rmSync(top, { recursive: true });
    }
  },
);
