import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { extentOf } from "#src/cli/record/extent.ts";
import { NotWritten, writeOwn } from "#src/cli/record/file.ts";
import { RecordingPages } from "#src/daemon/recordings/pages.ts";
import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import { PacketRecorder } from "#src/datapath/recorder/recorder.ts";
import { Tape } from "#src/datapath/recorder/tape.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import { createStatus, type Page, type PageAnswer } from "#src/status/app.ts";
import { listenTcp } from "#src/status/listen.ts";
import { arrival, bubble, ip4 } from "#test/protocol/packets.ts";
import { sampleSnapshot } from "#test/status/sample.ts";
import { command, runArguments, start } from "./run.ts";

const A = "2001:0:c633:6401:0:63bf:34ff:8ef8";
const HOST = "2001:db8:1::2";

/** Pages of a relay that recorded so many bubbles, the last one now, one a second. */
function recorded(count: number): Record<string, Page> {
  const tape = new Tape();
  const end = Date.now();
  const recorder = new PacketRecorder(
    tape,
    new Uint8Array(8),
    makeCounters(),
    () => end - 1_000 * count,
  );
  for (let i = 1; i <= count; i++) {
    recorder.begin(1_000 * i);
    recorder.sent(arrival(bubble(HOST, A), ip4("198.51.100.1"), 3544));
  }
  recorder.end();
  // By the first clocks that were set, as if no others had been.
  tape.setClocks(1_000 * count, end);
  const pages = new RecordingPages("relay");
  const open = { listening: ["0.0.0.0:3545"], interfaceName: "teredo" } as unknown as OpenRole;
  pages.serve("teredo 1.2.3", open, { tapes: count < 0 ? [] : [tape] } as unknown as Datapath)();
  return pages.pages;
}

/** Pages of a daemon that records nothing. */
function none(): Record<string, Page> {
  const pages = new RecordingPages("relay");
  pages.serve("teredo 1.2.3", { listening: [] } as unknown as OpenRole, {} as Datapath);
  return pages.pages;
}

function answering(answer: PageAnswer): Record<string, Page> {
  return { "/recording.pcapng": () => Promise.resolve(answer) };
}

/** The same pages, whose file lacks its end. */
function cut(pages: Record<string, Page>): Record<string, Page> {
  return {
    "/recording.pcapng": async (parameters) => {
      const answer = await pages["/recording.pcapng"]!(parameters);
      assert.ok("bytes" in answer);
      return { ...answer, bytes: answer.bytes.slice(0, -5) };
    },
  };
}

interface Done {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** `teredo record ARGS --url` of these pages. */
async function asked(pages: Record<string, Page>, ...args: string[]): Promise<Done> {
  const app = createStatus(() => sampleSnapshot(), undefined, pages);
  const listening = await listenTcp(app, "127.0.0.1", 0);
  try {
    const child = start(["record", ...args, "--url", listening.url]);
    const stdout: Buffer[] = [];
    let stderr = "";
    child.stdout.on("data", (data) => void stdout.push(data));
    child.stderr.on("data", (data) => stderr += data);
    const [status] = await once(child, "close");
    return { status, stdout: Buffer.concat(stdout), stderr };
  } finally {
    await listening.close();
  }
}

async function inFolder(use: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "teredo-record-"));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("teredo record -w FILE writes a capture for its owner's eyes, and says what is in it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "x.pcapng");
    const done = await asked(recorded(90), "-w", path);
    assert.deepEqual([done.status, done.stderr], [0, ""]);
    const [, file, packets, seconds] = /^(.+): (\d+) packets, on both sides, of ([\d.]+) s\n$/.exec(
      `${done.stdout}`,
    )!;
    assert.equal(file, path);
    // Of the last minute; to ask takes a while.
    assert.ok(Number(packets) > 10 && Number(packets) <= 61, packets);
    assert.equal(Number(seconds), Number(packets) - 1);
    assert.equal(extentOf(readFileSync(path))!.packets, Number(packets));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const shorter = await asked(recorded(90), "-w", path, "--last", "30s");
    assert.ok(Number(/: (\d+) packets/.exec(`${shorter.stdout}`)![1]) < Number(packets));
    assert.equal(
      extentOf(readFileSync(path))!.packets,
      Number(/: (\d+)/.exec(`${shorter.stdout}`)![1]),
    );
  }));

test("teredo record names its file after role and time, in the folder at hand", () =>
  inFolder(async (folder) => {
    const app = createStatus(() => sampleSnapshot(), undefined, recorded(5));
    const listening = await listenTcp(app, "127.0.0.1", 0);
    try {
      const main = join(process.cwd(), "src/main.ts");
      const binary = process.env["TEREDO_BIN"];
      const [program, args] = binary ? [binary, []] : [process.execPath, runArguments.file(main)];
      const argv = [...args, "record", "--url", listening.url];
      const child = spawn(program, argv, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
      let stdout = "";
      child.stdout.on("data", (data) => stdout += data);
      const [status] = await once(child, "close");
      assert.equal(status, 0);
      const [, file] = /^(teredo-relay-\d{8}T\d{6}Z\.pcapng): 5 packets, /.exec(stdout)!;
      assert.deepEqual(readdirSync(folder), [file]);
    } finally {
      await listening.close();
    }
  }));

test("teredo record -w - writes the capture and nothing else", async () => {
  const done = await asked(recorded(5), "-w", "-");
  assert.deepEqual([done.status, done.stderr], [0, ""]);
  assert.deepEqual(extentOf(done.stdout), { packets: 5, time: 4_000_000 });
});

test("teredo record -w - writes nothing to a terminal", () => {
  const [program, args] = command(["record", "-w", "-", "--url", "127.0.0.1:9"]);
  const line = [program, ...args].map((it) => `'${it}'`).join(" ");
  const { status, stdout } = spawnSync("script", ["-qec", line, "/dev/null"], { encoding: "utf8" });
  assert.equal(status, 2);
  assert.match(stdout, /a terminal cannot show pcapng: `teredo record -w - \| tshark -r -`/);
});

const refusals: readonly [string, Record<string, Page>, number, RegExp][] = [
  [
    "of a daemon that records nothing",
    none(),
    1,
    /Nothing is recorded: `record = no` in \[status\]/,
  ],
  [
    "of something else",
    answering({ status: 200, document: { hello: "world" } }),
    1,
    /something else/,
  ],
  ["of a part of a capture", cut(recorded(5)), 1, /something else than a teredo daemon/],
  ["of a daemon that starts", new RecordingPages("relay").pages, 1, /The daemon is starting/],
];

for (const [what, pages, exit, said] of refusals) {
  test(`teredo record writes no file ${what}`, () =>
    inFolder(async (folder) => {
      const done = await asked(pages, "-w", join(folder, "x"));
      assert.equal(done.status, exit);
      assert.match(done.stderr, said);
      assert.deepEqual([`${done.stdout}`, readdirSync(folder)], ["", []]);
    }));
}

const usages: readonly [readonly string[], RegExp][] = [
  [["--last", "0s"], /--last|1s|1 s/],
  [["--last", "soon"], /soon/],
  [["-w", ""], /an empty word names no file/],
  [["router"], /router is none of relay, server, client/],
];

for (const [args, said] of usages) {
  test(`teredo record ${args.join(" ")} is refused`, async () => {
    const done = await asked(recorded(1), ...args);
    assert.equal(done.status, 2, done.stderr);
    assert.match(done.stderr, said);
  });
}

test("teredo record exits with 3 where no daemon runs", async () => {
  const child = start(["record", "-w", "-", "--url", "127.0.0.1:1"]);
  let stderr = "";
  child.stderr.on("data", (data) => stderr += data);
  const [status] = await once(child, "close");
  assert.equal(status, 3);
  assert.match(stderr, /not running: nothing listens/);
});

const files: readonly [string, (path: string, other: string) => void, RegExp][] = [
  ["a symbolic link", (path, other) => symlinkSync(other, path), /it is a symbolic link/],
  ["a link to nothing", (path) => symlinkSync("/nowhere/at/all", path), /it is a symbolic link/],
  ["a hard link", (path, other) => linkSync(other, path), /it has another name besides/],
  ["a folder", (path) => mkdirSync(path), /EISDIR/],
  [
    "a FIFO that nobody reads",
    (path) => execFileSync("mkfifo", [path]),
    /it is not a regular file/,
  ],
  ["somebody else's", (path) => {
    writeFileSync(path, "theirs");
    chownSync(path, 12_345, 12_345);
  }, /it belongs to user 12345/],
];

for (const [what, make, said] of files) {
  test(`writeOwn() writes to no file that is ${what}`, () =>
    inFolder((folder) => {
      const [path, other] = ["x", "other"].map((it) => join(folder, it)) as [string, string];
      writeFileSync(other, "other");
      make(path, other);
      assert.throws(() => writeOwn(path, Uint8Array.of(1)), (error) => {
        assert.ok(error instanceof NotWritten);
        assert.match(error.message, said);
        return true;
      });
      assert.equal(readFileSync(other, "utf8"), "other");
      if (what === "somebody else's") assert.equal(readFileSync(path, "utf8"), "theirs");
    }));
}

test("writeOwn() leaves nothing of what a file of ours held", () =>
  inFolder((folder) => {
    const path = join(folder, "x");
    writeFileSync(path, "something longer");
    writeOwn(path, Uint8Array.of(65, 66));
    assert.equal(readFileSync(path, "utf8"), "AB");
  }));

test("extentOf() takes no capture that is cut off, wherever it is", async () => {
  const done = await asked(recorded(3), "-w", "-");
  const whole = done.stdout;
  assert.equal(extentOf(whole)!.packets, 3);
  const blocks = new Set<number>();
  for (let at = 0; at < whole.length; at += whole.readUInt32LE(at + 4)) blocks.add(at);
  for (let length = 0; length < whole.length; length++) {
    const found = extentOf(whole.subarray(0, length));
    assert.equal(found === undefined, !blocks.has(length) || length === 0, `${length}`);
  }
});
