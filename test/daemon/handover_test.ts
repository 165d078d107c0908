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
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import test from "node:test";
import { bootTime } from "#ffi/linux/clock.ts";
import { openLibc } from "#ffi/open.ts";
import { encode, type Identity } from "#src/daemon/handover/form.ts";
import { openHandover } from "#src/daemon/handover/mod.ts";
import type { Legacy } from "#src/datapath/legacy.ts";
import { createLogger } from "#src/log/logger.ts";
import { formatLogfmt } from "#src/log/record.ts";
import { ROW_LENGTH } from "#src/protocol/peers/legacy.ts";
import { PEER_LIFETIME } from "#src/protocol/peers/table.ts";
import { fakeHost, relayConfig } from "./checks/fake_host.ts";
import { type Folders, inFolders, STRANGER } from "./hostile_folder.ts";

const libc = await openLibc();
const INSTANCE = "3c1d/4026531840";
const IDENTITY: Identity = {
  instance: INSTANCE,
  listening: "0.0.0.0:3545",
  prefix: "2001::/32",
};
const ROWS = Uint8Array.from({ length: 3 * ROW_LENGTH }, (_, i) => i * 7);

const legacy = (ago = 0): Legacy => ({
  rows: [ROWS.subarray(0, ROW_LENGTH), ROWS.subarray(ROW_LENGTH)],
  writtenAt: bootTime(libc) - ago,
});

/** What a relay left that ended so long ago. */
function left(identity: Partial<Identity> = {}, ago = 1_000): Uint8Array {
  return Buffer.concat(encode(legacy(ago), { ...IDENTITY, ...identity }));
}

/** A relay's start in this folder. @param uid of the user that it is about to become */
function open(folder: string, uid?: number) {
  const lines: string[] = [];
  const log = createLogger({
    level: "info",
    format: formatLogfmt,
    sink: (_, line) => void lines.push(line),
    time: undefined,
  });
  const handover = openHandover({
    libc,
    log,
    host: fakeHost({ instance: () => INSTANCE }),
    relay: relayConfig(),
    folder: { path: folder, isGiven: true },
    listening: IDENTITY.listening,
    user: uid === undefined ? undefined : { name: "u", uid, gid: uid, groups: [uid] },
  });
  return { handover, lines };
}

const bytesOf = (found: Legacy | undefined) => found && Buffer.concat(found.rows).toString("hex");
const ALL_ROWS = Buffer.from(ROWS).toString("hex");

test("openHandover() gives what a relay left, once, and keeps it from others meanwhile", () =>
  inFolders(({ own }) => {
    const path = join(own, "peers");
    const first = open(own);
    assert.equal(first.handover.legacy, undefined);
    assert.equal(statSync(path).size, 0, "a relay that is killed leaves nothing");
    assert.equal(statSync(path).mode & 0o7777, 0o600);
    first.handover.leave(legacy());
    first.handover.close();
    assert.match(first.lines.join("\n"), /^level=info msg="Peers handed over" peers=3 path=/);

    const second = open(own);
    assert.equal(bytesOf(second.handover.legacy), ALL_ROWS);
    assert.match(second.lines.join("\n"), /^level=info msg="Peers found" peers=3 seconds=0\.\d+$/);
    assert.equal(statSync(path).size, 0);
    second.handover.close();
    assert.equal(existsSync(path), false, "with nothing in it, it is not left behind");
    assert.equal(open(own).handover.legacy, undefined);
  }));

test("openHandover(): threads share the rows, and do not copy them", () =>
  inFolders(({ own }) => {
    writeFileSync(join(own, "peers"), left(), { mode: 0o600 });
    const { handover } = open(own);
    assert.ok(handover.legacy!.rows[0]!.buffer instanceof SharedArrayBuffer);
    handover.close();
  }));

test("openHandover() leaves no file for no peers", () =>
  inFolders(({ own }) => {
    const { handover, lines } = open(own);
    handover.leave({ rows: [new Uint8Array(0)], writtenAt: 1 });
    handover.close();
    assert.equal(existsSync(join(own, "peers")), false);
    assert.deepEqual(lines, []);
  }));

const changed = (at: number, bytes = left()) => {
  bytes[at < 0 ? bytes.length + at : at]! ^= 1;
  return bytes;
};
const ofForm = (form: number) =>
  Buffer.concat([Buffer.from(`teredo peers ${form}`), left().subarray("teredo peers 1".length)]);

const HEAD = { ...IDENTITY, written_at: 1, rows: 0 };
/** Sealed as it should be, with any text for its head. */
function withHead(head: string): Uint8Array {
  const digest = createHash("sha256").update(`${head}\n`).digest("hex");
  return Buffer.from(`teredo peers 1 ${digest}\n${head}\n`);
}

/** What may be in a file of ours, and why it is of no use. */
const USELESS: readonly [name: string, file: () => Uint8Array, problem: RegExp][] = [
  ["cut short in the rows", () => left().subarray(0, -1), /damaged/],
  ["cut short in the head", () => left().subarray(0, 100), /damaged/],
  ["cut short in the first line", () => left().subarray(0, 20), /damaged/],
  ["longer than it was", () => Buffer.concat([left(), ROWS]), /damaged/],
  ["with another bit in the first line", () => changed(3), /damaged/],
  ["with another bit in the digest", () => changed(20), /damaged/],
  ["with another bit in the head", () => changed(90), /damaged/],
  ["with another bit in the last row", () => changed(-1), /damaged/],
  ["of zeros", () => new Uint8Array(4_096), /damaged/],
  ["of text", () => Buffer.from("4711\n"), /damaged/],
  ["of an older form", () => ofForm(0), /of form 0, and not 1/],
  ["of a newer form", () => ofForm(2), /of form 2, and not 1/],
  [
    "of another boot",
    () => left({ instance: "0/4026531840" }),
    /another boot or network namespace/,
  ],
  ["of another port", () => left({ listening: "0.0.0.0:3546" }), /another address or port: 0\.0/],
  ["of another prefix", () => left({ prefix: "2001:db8::/32" }), /another prefix: 2001:db8/],
  ["of a time to come", () => left({}, -60_000), /of a time to come/],
  ["too old", () => left({}, PEER_LIFETIME), /300 s old, and all in it would be forgotten/],
  // With a right digest, which anybody can make.
  ["whose head is no JSON", () => withHead("{"), /damaged/],
  ["without a head", () => withHead(""), /damaged/],
  ["whose head is nothing", () => withHead("null"), /damaged/],
  ["whose time is text", () => withHead(JSON.stringify({ ...HEAD, written_at: "1" })), /damaged/],
  ["whose rows are text", () => withHead(JSON.stringify({ ...HEAD, rows: "0" })), /damaged/],
  [
    "whose names are none",
    () => withHead(JSON.stringify({ ...HEAD, instance: { toString: 1 } })),
    /damaged/,
  ],
];
for (const [name, file, problem] of USELESS) {
  test(`openHandover() heeds no file ${name}, says so in one line, and removes it`, () =>
    inFolders(({ own }) => {
      const path = join(own, "peers");
      writeFileSync(path, file(), { mode: 0o600 });
      const { handover, lines } = open(own);
      assert.equal(handover.legacy, undefined);
      assert.equal(lines.length, 1, lines.join("\n"));
      assert.match(
        lines[0]!,
        /^level=warn msg="Peers not taken over" path=\S+ problem="the file is /,
      );
      assert.match(lines[0]!, problem);
      assert.equal(statSync(path).size, 0);
      handover.leave(legacy());
      handover.close();
      const next = open(own);
      assert.equal(bytesOf(next.handover.legacy), ALL_ROWS, "and can leave a good one");
      next.handover.close();
    }));
}

test("openHandover() heeds no file that others could have written, nor one without end", () =>
  inFolders(({ own }) => {
    const path = join(own, "peers");
    writeFileSync(path, left());
    chmodSync(path, 0o660);
    const first = open(own);
    assert.match(first.lines.join("\n"), /the file is open to others than its owner/);
    first.handover.close();
    writeFileSync(path, "");
    truncateSync(path, 2 ** 40); // a hole
    const second = open(own);
    assert.match(second.lines.join("\n"), /the file is longer than \d+ bytes/);
    second.handover.close();
    assert.equal(existsSync(path), false);
  }));

const PRECIOUS = "precious\n";

/** What may stand where the file should be, put there by who owns the folder. */
const HOSTILE: readonly [
  name: string,
  put: (path: string, folders: Folders) => void,
  why: RegExp,
][] = [
  ["a symbolic link", (path, { own }) => symlinkSync(join(own, "victim"), path), /symbolic link/],
  ["a link to nothing", (path, { own }) => symlinkSync(join(own, "new"), path), /symbolic link/],
  ["a hard link", (path, { own }) => linkSync(join(own, "victim"), path), /hard link/],
  ["another's file", (path) => {
    writeFileSync(path, left(), { mode: 0o600 });
    chownSync(path, STRANGER - 1, STRANGER - 1);
  }, /belongs to user 65533/],
  ["a FIFO", (path) => void spawnSync("mkfifo", [path]), /not a regular file/],
  ["a folder", (path) => mkdirSync(path), /EISDIR/],
];
for (const [name, put, why] of HOSTILE) {
  test(`openHandover() changes nothing where ${name} is, and says that nothing will be left`, () =>
    inFolders((folders) => {
      const path = join(folders.hostile, "peers");
      const victim = join(folders.own, "victim");
      writeFileSync(victim, PRECIOUS);
      put(path, folders);
      const before = lstatSync(path);
      const { handover, lines } = open(folders.hostile, STRANGER);
      assert.equal(handover.legacy, undefined);
      assert.equal(lines.length, 1);
      assert.match(lines[0]!, /^level=warn msg="Peers will not be handed over" problem=/);
      assert.match(lines[0]!, why);
      handover.leave(legacy());
      handover.close();
      assert.equal(readFileSync(victim, "utf8"), PRECIOUS);
      assert.equal(existsSync(join(folders.own, "new")), false);
      assert.deepEqual(lstatSync(path).ino, before.ino);
      assert.deepEqual(lstatSync(path).size, before.size);
    }));
}

test("openHandover() trusts a folder of its own user alone, or of the one it becomes", () =>
  inFolders(({ hostile }) => {
    writeFileSync(join(hostile, "peers"), left(), { mode: 0o600 });
    const refused = open(hostile);
    assert.equal(refused.handover.legacy, undefined);
    assert.match(refused.lines.join("\n"), /belongs to user 65534/);
    const taken = open(hostile, STRANGER);
    assert.equal(bytesOf(taken.handover.legacy), ALL_ROWS);
    taken.handover.close();
  }));

test("openHandover(): of two relays in one folder the second leaves the first's file alone", () =>
  inFolders(({ own }) => {
    const first = open(own);
    const second = open(own);
    assert.match(second.lines.join("\n"), /is in use by another daemon.*RUNTIME_DIRECTORY/);
    second.handover.leave(legacy());
    second.handover.close();
    first.handover.leave(legacy());
    first.handover.close();
    const next = open(own);
    assert.equal(bytesOf(next.handover.legacy), ALL_ROWS);
    next.handover.close();
  }));

test("openHandover(): what a successor has taken away is not written again", () =>
  inFolders(({ own }) => {
    const path = join(own, "peers");
    const { handover } = open(own);
    unlinkSync(path);
    writeFileSync(path, PRECIOUS);
    handover.leave(legacy());
    handover.close();
    assert.equal(readFileSync(path, "utf8"), PRECIOUS);
  }));
