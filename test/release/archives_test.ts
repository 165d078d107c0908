import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test from "node:test";
import {
  archiveOf,
  archives,
  type Compiled,
  FOLDER,
  type Target,
  TARGETS,
  unpacked,
} from "./release.ts";

const run = (command: string, args: string[], cwd = ".") =>
  execFileSync(command, args, { cwd, encoding: "utf8", maxBuffer: 1 << 26 });

const GLIBC = ["libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0"];
const FREEBSD = ["libc++.so.1", "libc.so.7", "libcxxrt.so.1", "libm.so.5", "libthr.so.3"];

/** What a binary is, and all that it asks of the system it runs on. */
interface Elf {
  readonly machine: string;
  readonly abi: string;
  readonly loader: string;
  readonly libraries: readonly string[];
  /** The newest version of the C library's symbols, and thereby the oldest C library. */
  readonly newest?: string;
}

const X64 = "Advanced Micro Devices X86-64";
const ARM64 = "AArch64";
const ELF: Record<Compiled, Elf> = {
  "linux-x64": {
    machine: X64,
    abi: "UNIX - System V",
    loader: "/lib64/ld-linux-x86-64.so.2",
    libraries: ["ld-linux-x86-64.so.2", ...GLIBC],
    newest: "GLIBC_2.17",
  },
  "linux-x64-musl": {
    machine: X64,
    abi: "UNIX - System V",
    loader: "/lib/ld-musl-x86_64.so.1",
    libraries: ["libc.musl-x86_64.so.1", "libstdc++.so.6"],
  },
  "linux-arm64": {
    machine: ARM64,
    abi: "UNIX - System V",
    loader: "/lib/ld-linux-aarch64.so.1",
    libraries: ["ld-linux-aarch64.so.1", ...GLIBC],
    newest: "GLIBC_2.17",
  },
  "linux-arm64-musl": {
    machine: ARM64,
    abi: "UNIX - System V",
    loader: "/lib/ld-musl-aarch64.so.1",
    libraries: ["libc.musl-aarch64.so.1", "libstdc++.so.6"],
  },
  "freebsd-x64": {
    machine: X64,
    abi: "UNIX - FreeBSD",
    loader: "/libexec/ld-elf.so.1",
    libraries: FREEBSD,
    newest: "FBSD_1.7", // FreeBSD 14.0
  },
  "freebsd-arm64": {
    machine: ARM64,
    abi: "UNIX - FreeBSD",
    loader: "/libexec/ld-elf.so.1",
    libraries: FREEBSD,
    newest: "FBSD_1.7",
  },
};

function readElf(path: string): Elf {
  const head = run("readelf", ["-hlW", path]);
  const one = (pattern: RegExp) => pattern.exec(head)?.[1]?.trim() ?? "";
  const needed = run("readelf", ["-dW", path]).matchAll(/\(NEEDED\).*\[(.*)\]/g);
  const versions = run("readelf", ["-VW", path]).match(/\b(GLIBC|FBSD)_[\d.]+/g) ?? [];
  const newest = versions.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
  return {
    machine: one(/Machine:(.*)/),
    abi: one(/OS\/ABI:(.*)/),
    loader: one(/program interpreter: (.*)\]/),
    libraries: [...needed].map(([, name]) => name!).toSorted(),
    ...(newest === undefined ? {} : { newest }),
  };
}

/** What an archive holds besides the program, and which of it can be run. */
function expectedFiles(target: Target): Map<string, number> {
  const files = new Map<string, number>([["teredo", 0o755]]);
  if (target === "node") files.set("teredo.mjs", 0o644);
  const texts = ["README.md", "SECURITY.md", "LICENSE", "CHANGELOG.md"];
  for (const name of texts) files.set(name, 0o644);
  for (const name of readdirSync("docs")) {
    if (name.includes(".")) files.set(`docs/${name}`, 0o644);
  }
  for (const folder of ["docs/man", "docs/pictures"]) {
    for (const name of readdirSync(folder)) files.set(`${folder}/${name}`, 0o644);
  }
  for (const entry of readdirSync("docs/examples", { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const isScript = /\/(\w+bsd|openrc|openwrt)$/.test(entry.parentPath);
    files.set(join(entry.parentPath, entry.name), isScript ? 0o755 : 0o644);
  }
  if (!target.startsWith("linux") && existsSync("scripts/bsd-report")) {
    files.set("scripts/bsd-report", 0o755);
  }
  return files;
}

interface Entry {
  readonly name: string;
  readonly mode: string;
  readonly owner: string;
  readonly date: string;
}

function entries(file: string): Entry[] {
  const lines = run("tar", ["--full-time", "--utc", "-tvzf", join(FOLDER, file)]).trimEnd();
  return lines.split("\n").map((line) => {
    const [mode, owner, , day, time, name] = line.split(/\s+/);
    return { mode: mode!, owner: owner!, date: `${day} ${time}`, name: name! };
  });
}

const MODES: Record<number, string> = { 0o644: "-rw-r--r--", 0o755: "-rwxr-xr-x" };

test("SHA256SUMS has the sum of each archive, one for each target, all of one version, and of the list of parts", () => {
  const all = archives();
  assert.deepEqual([...all.keys()].toSorted(), TARGETS.toSorted());
  assert.equal(new Set([...all.values()].map(({ version }) => version)).size, 1);
  const checked = run("sha256sum", ["--check", "--strict", "SHA256SUMS"], FOLDER);
  const parts = `teredo-${archiveOf("linux-x64").version}.cdx.json`;
  const want = [...all.values()].map(({ file }) => file).concat(parts)
    .map((file) => `${file}: OK`).toSorted();
  assert.deepEqual(checked.trimEnd().split("\n").toSorted(), want);
});

for (const target of TARGETS) {
  test(`${target}: the archive holds what an operator needs, owned by root, in one folder`, () => {
    const { file, folder } = archiveOf(target);
    const found = entries(file);
    const names = found.map(({ name }) => name);
    assert.deepEqual(names, names.toSorted(), "the order does not depend on the disk");
    assert.deepEqual([...new Set(found.map(({ owner }) => owner))], ["0/0"]);
    assert.equal(new Set(found.map(({ date }) => date)).size, 1, "one date");

    const files = found.filter(({ name }) => !name.endsWith("/"));
    const want = [...expectedFiles(target)].map(([name, mode]) =>
      `${MODES[mode]} ${folder}/${name}`
    );
    assert.deepEqual(files.map(({ mode, name }) => `${mode} ${name}`).toSorted(), want.toSorted());
    for (const { mode, name } of found) if (name.endsWith("/")) assert.equal(mode, "drwxr-xr-x");
  });

  test(`${target}: nothing in it tells where it was made, and the program knows its version`, () => {
    const secrets = [process.cwd(), homedir() === "/root" ? "/root/." : homedir()];
    unpacked(target, (folder) => {
      for (const name of expectedFiles(target).keys()) {
        const bytes = readFileSync(join(folder, name));
        for (const secret of secrets) assert.ok(!bytes.includes(secret), `${name}: ${secret}`);
      }
      const program = readFileSync(join(folder, target === "node" ? "teredo.mjs" : "teredo"));
      assert.ok(program.includes(`"${archiveOf(target).version}"`));
    });
  });

  test(`${target}: links between its documents lead to something`, () => {
    unpacked(target, (folder) => {
      let links = 0;
      for (const name of expectedFiles(target).keys()) {
        if (!name.endsWith(".md")) continue;
        const text = readFileSync(join(folder, name), "utf8");
        for (const [, link] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
          assert.ok(existsSync(join(folder, dirname(name), link!)), `${name}: ${link}`);
          links++;
        }
      }
      assert.ok(links > 10);
    });
  });

  if (target === "node") continue;
  test(`${target}: the program is for this system, and needs these libraries and no others`, () => {
    unpacked(target, (folder) => assert.deepEqual(readElf(join(folder, "teredo")), ELF[target]));
  });
}

test("the same source gives the same archives again", () => {
  const again = mkdtempSync(join(tmpdir(), "teredo-again-"));
  try {
    // Of what is compiled one, for time's sake: reproducible_test has this machine's.
    const some = ["freebsd-arm64", "node"] as const;
    run("scripts/release", ["--out", again, ...some]);
    for (const target of some) {
      const { file } = archiveOf(target);
      assert.ok(readFileSync(join(again, file)).equals(readFileSync(join(FOLDER, file))), file);
    }
    // Of that program; but for the runtimes it is the other list.
    const parts = `teredo-${archiveOf("freebsd-arm64").version}.cdx.json`;
    const [one, six] = [again, FOLDER].map((folder) =>
      JSON.parse(readFileSync(join(folder, parts), "utf8")).components
        .filter(({ name }: { name: string }) => !/^@oven\/bun-(linux|freebsd-x64)/.test(name))
    );
    assert.deepEqual(one, six);
    assert.equal(statSync(join(again, "SHA256SUMS")).isFile(), true);
  } finally {
    rmSync(again, { recursive: true });
  }
});

test("scripts/release names the targets when it does not know one, and changes nothing", () => {
  const before = readdirSync(FOLDER);
  assert.throws(() => run("scripts/release", ["linux-vax"]), /no target linux-vax: linux-x64 /);
  assert.deepEqual(readdirSync(FOLDER), before);
});
