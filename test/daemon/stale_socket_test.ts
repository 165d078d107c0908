import assert from "node:assert/strict";
import { chownSync, existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import test from "node:test";
import { placeOf } from "#src/daemon/folder.ts";
import { removeStale } from "#src/daemon/stale_socket.ts";
import { inFolders, STRANGER } from "./hostile_folder.ts";

const remove = (path: string, uid?: number) => {
  const user = uid === undefined ? undefined : { name: "u", uid, gid: uid, groups: [uid] };
  return removeStale(placeOf(path), user);
};

/** A socket file with nobody behind it: closing would remove it, so it is bound under another name. */
async function leaveStale(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ path: `${path}.bound` }, () => resolve()));
  renameSync(`${path}.bound`, path);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  assert.ok(existsSync(path));
}

test("removeStale() removes the socket of a process that is gone", () =>
  inFolders(async ({ own }) => {
    const path = join(own, "status.sock");
    await remove(path);
    await leaveStale(path);
    await remove(path);
    assert.equal(existsSync(path), false);
  }));

test("removeStale() leaves a socket that is in use", () =>
  inFolders(async ({ own }) => {
    const path = join(own, "status.sock");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen({ path }, () => resolve()));
    await assert.rejects(remove(path), { problem: `${path} is in use by another process` });
    assert.ok(existsSync(path));
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }));

const kinds: readonly [name: string, put: (path: string, victim: string) => void][] = [
  ["a file", (path) => writeFileSync(path, "x")],
  ["a link to a file", (path, victim) => symlinkSync(victim, path)],
  ["a link to a socket", (path, victim) => symlinkSync(`${victim}.sock`, path)],
  ["a folder", (path) => mkdirSync(path)],
];

for (const [name, put] of kinds) {
  test(`removeStale() leaves ${name}`, () =>
    inFolders(async ({ own, hostile }) => {
      const victim = join(own, "victim");
      writeFileSync(victim, "x");
      await leaveStale(`${victim}.sock`);
      const path = join(hostile, "status.sock");
      put(path, victim);
      await assert.rejects(remove(path), { problem: `${path} exists and is not a socket` });
      for (const it of [path, victim, `${victim}.sock`]) assert.ok(existsSync(it), it);
    }));
}

test("removeStale() leaves a socket of another user's", () =>
  inFolders(async ({ own }) => {
    const path = join(own, "status.sock");
    await leaveStale(path);
    chownSync(path, STRANGER, STRANGER);
    await assert.rejects(remove(path), { problem: `${path} belongs to user ${STRANGER}` });
    assert.ok(existsSync(path));
  }));

test("removeStale() removes nothing in a stranger's folder, unless we become that stranger", () =>
  inFolders(async ({ hostile }) => {
    const path = join(hostile, "status.sock");
    await leaveStale(path);
    await assert.rejects(remove(path), {
      problem:
        `${path} was left behind, and is not removed: ${hostile} belongs to user ${STRANGER}`,
      mend: `choose a socket in a folder of the superuser's, or remove it: rm '${path}'`,
    });
    assert.ok(existsSync(path));
    await remove(path, STRANGER);
    assert.equal(existsSync(path), false);
  }));
