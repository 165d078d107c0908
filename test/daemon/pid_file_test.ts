import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import { PidFile } from "#src/daemon/pid_file.ts";
import { type Folders, inFolders, STRANGER } from "./hostile_folder.ts";

const libc = await openLibc();

test("PidFile holds the number for its owner alone while it is open, and is gone after close()", () =>
  inFolders(({ own }) => {
    const path = join(own, "pid");
    const file = new PidFile(libc, path, 4242);
    assert.equal(readFileSync(path, "utf8"), "4242\n");
    assert.equal(statSync(path).mode & 0o7777, 0o600);
    file.close();
    assert.equal(existsSync(path), false);
  }));

test("PidFile refuses while another holds it, and names the holder", () =>
  inFolders(({ own }) => {
    const path = join(own, "pid");
    const file = new PidFile(libc, path, 4242);
    assert.throws(() => new PidFile(libc, path, 1), {
      message: `the pid file ${path} is held by process 4242, which runs; stop it first, or ` +
        "choose another pid_file",
    });
    assert.equal(readFileSync(path, "utf8"), "4242\n");
    file.close();
  }));

for (const left of ["", "\n", "123456789012345\n", "7"]) {
  test(`PidFile takes over ${JSON.stringify(left)} of a process that is gone`, () =>
    inFolders(({ own }) => {
      const path = join(own, "pid");
      writeFileSync(path, left, { mode: 0o644 });
      const file = new PidFile(libc, path, 7);
      assert.equal(readFileSync(path, "utf8"), "7\n");
      assert.equal(statSync(path).mode & 0o7777, 0o600, "a stranger who can open it can lock it");
      file.close();
    }));
}

test("PidFile.close() leaves the file of a successor", () =>
  inFolders(({ own }) => {
    const path = join(own, "pid");
    const file = new PidFile(libc, path, 1);
    unlinkSync(path);
    const successor = new PidFile(libc, path, 2);
    file.close();
    assert.equal(readFileSync(path, "utf8"), "2\n");
    successor.close();
    assert.equal(existsSync(path), false);
  }));

test("PidFile.close() leaves what was moved into its place, and its number nowhere", () =>
  inFolders(({ own }) => {
    const path = join(own, "pid");
    const file = new PidFile(libc, path, 1);
    renameSync(path, join(own, "moved"));
    writeFileSync(path, "another's");
    file.close();
    assert.equal(readFileSync(path, "utf8"), "another's");
    assert.equal(readFileSync(join(own, "moved"), "utf8"), "");
  }));

test("PidFile says why it cannot be written", () => {
  assert.throws(() => new PidFile(libc, "/nowhere/teredo.pid", 7), {
    message: "/nowhere/teredo.pid: there is no folder /nowhere; mkdir -p /nowhere",
  });
  assert.throws(() => new PidFile(libc, "/proc/teredo.pid", 7), {
    message: /^the pid file \/proc\/teredo\.pid cannot be written: E\w+; choose another path$/,
  });
});

const PRECIOUS = "precious\n";

/** What may stand where the pid file should be, put there by who owns the folder. */
const hostile: readonly [
  name: string,
  put: (path: string, folders: Folders) => void,
  why: RegExp,
][] = [
  ["a symbolic link", (path, { own }) => symlinkSync(join(own, "victim"), path), /symbolic link/],
  ["a link to nothing", (path, { own }) => symlinkSync(join(own, "new"), path), /symbolic link/],
  ["a hard link", (path, { own }) => linkSync(join(own, "victim"), path), /hard link/],
  ["a hard link to a number", (path, { own }) => {
    writeFileSync(join(own, "number"), "1\n");
    linkSync(join(own, "number"), path);
  }, /hard link/],
  ["another's file", (path) => {
    writeFileSync(path, "1\n");
    chownSync(path, STRANGER, STRANGER);
  }, /belongs to user 65534/],
  [
    "a file with a text",
    (path) => writeFileSync(path, PRECIOUS),
    /something else than a process id/,
  ],
  ["a long number", (path) => writeFileSync(path, "1".repeat(100)), /something else/],
  ["a FIFO", (path) => void spawnSync("mkfifo", [path]), /not a regular file/],
  ["a folder", (path) => mkdirSync(path), /EISDIR/],
  [
    "a device",
    (path) => void spawnSync("mknod", [path, "c", "1", "3"]),
    /not a regular file|EACCES/,
  ],
  ["a socket", (path) => void createServer().listen({ path }).unref(), /ENXIO|not a regular file/],
];

for (const [name, put, why] of hostile) {
  test(`PidFile changes nothing where ${name} is`, () =>
    inFolders((folders) => {
      const path = join(folders.hostile, "pid");
      const victim = join(folders.own, "victim");
      writeFileSync(victim, PRECIOUS);
      put(path, folders);
      const before = lstatSync(path);
      assert.throws(() => new PidFile(libc, path, 7), why);
      assert.equal(readFileSync(victim, "utf8"), PRECIOUS);
      assert.equal(existsSync(join(folders.own, "new")), false);
      const { ino, mode, size } = lstatSync(path);
      assert.deepEqual({ ino, mode, size }, {
        ino: before.ino,
        mode: before.mode,
        size: before.size,
      });
    }));
}

test("PidFile goes no way that a stranger can bend", () =>
  inFolders(({ own, hostile }) => {
    mkdirSync(join(own, "target"));
    symlinkSync(join(own, "target"), join(hostile, "link"));
    mkdirSync(join(hostile, "inner"));
    for (const on of ["link", "inner"]) {
      const path = join(hostile, on, "pid");
      assert.throws(() => new PidFile(libc, path, 7), {
        message: `${path}: ${hostile} belongs to user ${STRANGER}, and could be made to lead ` +
          "elsewhere; choose a place in folders that only the superuser can change, e.g. in /run",
      });
    }
    assert.equal(existsSync(join(own, "target/pid")), false);
  }));

test("PidFile goes into no folder that a stranger can move, though others may not", () =>
  inFolders(({ own }) => {
    const shared = join(own, "shared");
    const theirs = join(shared, "theirs");
    mkdirSync(theirs, { recursive: true });
    chmodSync(shared, 0o1777);
    chownSync(theirs, STRANGER, STRANGER);
    assert.throws(() => new PidFile(libc, join(theirs, "pid"), 7), {
      message: new RegExp(`: ${theirs} belongs to user ${STRANGER}, and could be made to lead`),
    });
    assert.equal(existsSync(join(theirs, "pid")), false);
  }));

test("PidFile follows links that only we could make", () =>
  inFolders(({ own }) => {
    mkdirSync(join(own, "run"));
    symlinkSync("run", join(own, "var_run"));
    const file = new PidFile(libc, join(own, "var_run/pid"), 7);
    assert.equal(readFileSync(join(own, "run/pid"), "utf8"), "7\n");
    file.close();
    assert.equal(existsSync(join(own, "run/pid")), false);
  }));

for (
  const [mode, refused] of [[0o777, true], [0o775, true], [0o1777, false], [0o755, false]] as const
) {
  test(`PidFile below a folder of mode ${mode.toString(8)} is ${refused ? "refused" : "taken"}`, () =>
    inFolders(({ own }) => {
      const open = join(own, "open");
      mkdirSync(join(open, "inner"), { recursive: true });
      chownSync(open, 0, STRANGER);
      chmodSync(open, mode);
      const make = () => new PidFile(libc, join(open, "inner/pid"), 7).close();
      if (refused) assert.throws(make, /may be written to by/);
      else make();
    }));
}
