/** Of what scripts/package has made in dist/release; scripts/release_check runs it, as root. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import test from "node:test";

const FOLDER = "dist/release";
const ARCHITECTURES = ["amd64", "arm64"] as const;
type Architecture = typeof ARCHITECTURES[number];

const run = (command: string, args: readonly string[], cwd = ".") =>
  execFileSync(command, args, { cwd, encoding: "utf8", maxBuffer: 1 << 26 });

function packageOf(architecture: Architecture): string {
  const [name, ...others] = readdirSync(FOLDER).filter((it) => it.endsWith(`_${architecture}.deb`));
  assert.ok(name !== undefined && others.length === 0, "run scripts/package");
  return join(FOLDER, name);
}

function withFolder<T>(body: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "teredo-package-"));
  try {
    return body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Unpacks a package for `body`, with what controls it in DEBIAN. */
const unpacked = <T>(architecture: Architecture, body: (root: string) => T): T =>
  withFolder((folder) => {
    const root = join(folder, "root");
    run("dpkg-deb", ["--raw-extract", packageOf(architecture), root]);
    return body(root);
  });

const programOf = (root: string) => join(root, "usr/bin/teredo");

/** Mode, owner and path of each entry, as `tar -tv` has them. */
function entries(file: string): string[] {
  return run("dpkg-deb", ["--contents", file]).trimEnd().split("\n").map((line) => {
    const [mode, owner, , , , ...name] = line.split(/\s+/);
    return `${mode} ${owner} ${name.join(" ")}`;
  });
}

for (const architecture of ARCHITECTURES) {
  test(`lintian has no error and no warning for ${architecture}`, () => {
    const args = ["--allow-root", "--fail-on", "error,warning", packageOf(architecture)];
    const { status, stdout, error } = spawnSync("lintian", args, { encoding: "utf8" });
    assert.deepEqual({ status, stdout, error }, { status: 0, stdout: "", error: undefined });
  });

  test(`the package for ${architecture} is for it, and says how much room it takes`, () => {
    const [name, size] = run("dpkg-deb", [
      "--showformat=${Package} ${Architecture}|${Installed-Size}",
      "--show",
      packageOf(architecture),
    ]).split("|");
    assert.equal(name, `teredo ${architecture}`);
    assert.ok(Number(size) > 80_000);
  });

  test(`files for ${architecture} belong to root, and nobody else may change them`, () => {
    const all = entries(packageOf(architecture));
    for (const entry of all) {
      assert.match(entry, /^(drwxr-xr-x|-rw[x-]r-[x-]r-[x-]|l.{9}) root\/root /);
    }
    const runnable = all.filter((entry) => /^-..x/.test(entry));
    assert.deepEqual(runnable, ["-rwxr-xr-x root/root ./usr/bin/teredo"]);
  });

  test(`sums of the package for ${architecture} are right, and of each file but its settings`, () => {
    unpacked(architecture, (root) => {
      run("md5sum", ["--check", "--strict", "--quiet", "DEBIAN/md5sums"], root);
      const summed = readFileSync(join(root, "DEBIAN/md5sums"), "utf8").match(/\S+$/gm)!;
      const files = run(
        "find",
        ["-type", "f", "!", "-path", "./DEBIAN/*", "-printf", "%P\n"],
        root,
      );
      assert.deepEqual(summed.toSorted(), files.trimEnd().split("\n").toSorted());
    });
  });

  test(`the program for ${architecture} is whole: it knows its version, and runs as nothing else`, () => {
    unpacked(architecture, (root) => {
      const foreign = architecture === "arm64" ? ["scripts/foreign", "linux-arm64"] : [];
      const [command, ...args] = [...foreign, programOf(root), "--version"];
      const env = { ...process.env, BUN_BE_BUN: "1" };
      const version = execFileSync(command!, args, { encoding: "utf8", env }).trim();
      assert.match(packageOf(architecture), new RegExp(`teredo_${version.split("+")[0]}[+-]`));
      assert.equal(version, run("bash", ["-c", ". scripts/lib.sh; teredo_version"]).trim());
    });
  });
}

test("the two packages hold the same, but for the program", () => {
  const [amd64, arm64] = ARCHITECTURES.map((it) => entries(packageOf(it)));
  assert.deepEqual(amd64, arm64);
  unpacked("amd64", (root) => {
    unpacked("arm64", (other) => {
      const args = ["--recursive", "--brief", root, other];
      const { stdout } = spawnSync("diff", args, { encoding: "utf8" });
      const differing = [...stdout.matchAll(/^Files \S+?\/root\/(\S+) and/gm)].map(([, it]) => it);
      const own = ["DEBIAN/control", "DEBIAN/md5sums", "usr/bin/teredo"];
      assert.deepEqual(differing.toSorted(), own);
    });
  });
});

test("it depends on the package that dpkg-shlibdeps finds, from the version its program names on", () => {
  unpacked("amd64", (root) => {
    withFolder((source) => {
      mkdirSync(join(source, "debian"));
      writeFileSync(
        join(source, "debian/control"),
        "Source: teredo\n\nPackage: teredo\nArchitecture: any\n",
      );
      const found = run("dpkg-shlibdeps", ["-O", `-e${programOf(root)}`], source);
      const control = readFileSync(join(root, "DEBIAN/control"), "utf8");
      const [, depends] = /^Depends: (.*)$/m.exec(control)!;
      const [, library] = /^shlibs:Depends=(.*)$/m.exec(found)!;
      // By Debian's own list of symbols, a later one: in which library glibc has each has changed since.
      const [, least] = /^libc6 \(>= ([\d.]+)\), init-system-helpers \(>= 1\.54~\)$/.exec(
        depends!,
      )!;
      const [, listed] = /^libc6 \(>= ([\d.]+)\)$/.exec(library!)!;
      run("dpkg", ["--compare-versions", least!, "le", listed!]);
    });
  });
});

test("the configuration it ships starts nothing; uncommented it is right", () => {
  unpacked("amd64", (root) => {
    const file = join(root, "etc/teredo/teredo.ini");
    const check = (role: string) =>
      spawnSync(programOf(root), ["config", "check", "--role", role, file], { encoding: "utf8" });
    assert.equal(readFileSync(join(root, "DEBIAN/conffiles"), "utf8"), "/etc/teredo/teredo.ini\n");
    for (const role of ["relay", "server"]) {
      const { status, stderr } = check(role);
      assert.equal(status, 78);
      assert.match(stderr, new RegExp(`no section and no setting in it; write \`\\[${role}\\]\``));
    }
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace(/^#(?=\[|\w+ = )/gm, "").replace(/^secrets_file.*/m, ""));
    for (const role of ["relay", "server"]) {
      const { status, stdout, stderr } = check(role);
      assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
      assert.match(stdout, /: ok, native syntax, for /);
    }
  });
});

test("links between its documents lead to something", () => {
  unpacked("amd64", (root) => {
    const folder = join(root, "usr/share/doc/teredo");
    let links = 0;
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
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

test("its units start what it has, and are not about where to copy them", () => {
  unpacked("amd64", (root) => {
    const units = ["relay", "server"].map((it) =>
      join(root, `lib/systemd/system/teredo-${it}.service`)
    );
    for (const unit of units) {
      const text = readFileSync(unit, "utf8");
      assert.doesNotMatch(text, /Install:|\/usr\/local/);
      assert.match(text, /^ExecStart=\/usr\/bin\/teredo (relay|server)$/m);
    }
    const args = ["verify", "--man=no", "--recursive-errors=no", `--root=${root}`, ...units];
    const { stderr } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
    assert.doesNotMatch(stderr, /teredo/);
  });
});

test("the same source gives the same package again", () => {
  withFolder((folder) => {
    run("scripts/package", ["--out", folder, "arm64"]);
    const name = readdirSync(folder).find((it) => it.endsWith(".deb"));
    run("cmp", [join(folder, name!), packageOf("arm64")]);
  });
});

test("on Debian it is installed, set up, started, upgraded and purged, and nothing is left", () => {
  withFolder((folder) => {
    const [old, next] = [join(folder, "old.deb"), join(folder, "new.deb")];
    run("cp", [packageOf("amd64"), old]);
    unpacked("amd64", (root) => {
      run("sed", ["-i", "s/^\\(Version: .*\\)-1$/\\1-2/", join(root, "DEBIAN/control")]);
      run("dpkg-deb", ["-Znone", "--root-owner-group", "--build", root, next]);
    });
    const args = ["test/package/on_debian", old, next];
    const { status, stdout, stderr } = spawnSync("scripts/debian_machine", args, {
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout + stderr);
    // For who reads the log: how long a user waits.
    process.stdout.write(
      stdout.split("\n").filter((line) => / took /.test(line)).join("\n") + "\n",
    );
    assert.match(stdout, /\nnothing is left\n$/);
  });
});
