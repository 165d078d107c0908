import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { O_NONBLOCK } from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { DatagramOutput } from "#src/log/datagrams.ts";
import { DescriptorOutput } from "#src/log/descriptor.ts";
import { Outbox } from "#src/log/outbox.ts";
import { openSyslog } from "#src/log/syslog.ts";
import { datagramReceiver } from "./datagram_receiver.ts";
import { runArguments } from "#test/cli/run.ts";

const libc = await openLibc();

function inFolder(body: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "teredo-output-"));
  try {
    body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Both ends of a pipe; the writer's waits, as one does that a shell has made. */
function pipe(): { read: number; write: number } {
  const folder = mkdtempSync(join(tmpdir(), "teredo-pipe-"));
  const path = join(folder, "pipe");
  spawnSync("mkfifo", [path]);
  const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const write = openSync(path, constants.O_WRONLY);
  rmSync(folder, { recursive: true });
  return { read, write };
}

const LINE = new TextEncoder().encode(`${"x".repeat(999)}\n`);

test("DescriptorOutput takes no more than a full pipe has room for, and waits for nobody", () => {
  const { read, write } = pipe();
  const output = new DescriptorOutput(libc, write);
  let taken = 0;
  for (let last = 1; last > 0;) taken += last = output.write(LINE);
  assert.ok(taken >= 60_000, `${taken} bytes`);
  assert.equal(output.write(LINE), 0);
  // What others do with the same pipe has not changed.
  const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${write}`, "utf8"))![1]!;
  assert.equal(parseInt(flags, 8) & O_NONBLOCK, 0);
  const room = new Uint8Array(8192);
  assert.equal(readSync(read, room, 0, 8192, null), 8192);
  assert.ok(output.write(LINE) > 0);
  output.close();
  closeSync(read);
  closeSync(write);
});

test("DescriptorOutput says that a reader is gone", () => {
  const { read, write } = pipe();
  const output = new DescriptorOutput(libc, write);
  closeSync(read);
  assert.equal(output.write(LINE), -1);
  output.close();
  closeSync(write);
});

test("DescriptorOutput says that a disk is full", () => {
  const fd = openSync("/dev/full", "w");
  const output = new DescriptorOutput(libc, fd);
  assert.equal(output.write(LINE), -1);
  output.close();
  closeSync(fd);
});

test("DescriptorOutput writes behind what a file has", () => {
  inFolder((folder) => {
    const path = join(folder, "log");
    const fd = openSync(path, "a");
    const output = new DescriptorOutput(libc, fd);
    for (let i = 0; i < 3; i++) assert.equal(output.write(LINE), 1000);
    output.close();
    assert.equal(readFileSync(path).length, 3000);
    closeSync(fd);
  });
});

test("DatagramOutput waits for no receiver, and finds one that comes back", () => {
  inFolder((folder) => {
    const path = join(folder, "log");
    const first = datagramReceiver(libc, path);
    const output = new DatagramOutput(libc, path);
    let count = 0;
    while (output.write(LINE) > 0) count++;
    assert.ok(count > 0);
    assert.equal(first.read()?.length, 1000);
    assert.equal(output.write(LINE), 1000);
    first.close();
    assert.equal(output.write(LINE), 0);
    rmSync(path);
    assert.equal(output.write(LINE), 0);
    const second = datagramReceiver(libc, path);
    assert.equal(output.write(LINE), 1000);
    assert.equal(second.read()?.length, 1000);
    second.close();
    output.close();
  });
});

test("openSyslog() says facility, severity, name and number, and cuts what is too long", () => {
  inFolder((folder) => {
    const path = join(folder, "log");
    const daemon = datagramReceiver(libc, path);
    const { sink, outbox } = openSyslog(libc, "teredo-test", "local7", path);
    sink("error", "plain");
    sink("debug", "%s%n%d");
    sink("info", "x".repeat(10_000));
    assert.equal(daemon.read(), `<187>teredo-test[${process.pid}]: plain`);
    assert.equal(daemon.read(), `<191>teredo-test[${process.pid}]: %s%n%d`);
    assert.equal(daemon.read()?.length, 4096);
    outbox?.close();
    daemon.close();
  });
});

test("openSyslog() without a syslog daemon keeps the lines for it, and waits for nobody", () => {
  inFolder((folder) => {
    const path = join(folder, "log");
    const { sink, outbox } = openSyslog(libc, "teredo-test", "daemon", path);
    for (let i = 0; i < 1000; i++) sink("info", "x".repeat(200));
    assert.ok(outbox!.dropped > 0);
    const daemon = datagramReceiver(libc, path);
    sink("info", "here you are");
    assert.match(daemon.read() ?? "", /^<30>teredo-test\[\d+\]: x{200}$/);
    outbox!.close();
    daemon.close();
  });
});

test("a process whose standard error nobody reads goes on to its end", () => {
  const { read, write } = pipe();
  const script = `
const { openLibc } = await import("#ffi/open.ts");
const { stderrOutbox, outboxSink } = await import("#src/log/stderr.ts");
const outbox = stderrOutbox(await openLibc());
const sink = outboxSink(outbox, false);
for (let i = 0; i < 1000; i++) sink("info", "x".repeat(1000));
outbox.close();
console.log(outbox.dropped);
process.exit(0);`;

  const done = spawnSync(process.execPath, runArguments.evaluate(script), {
    encoding: "utf8",
    stdio: ["ignore", "pipe", write],
  });
  assert.equal(done.status, 0);
  const dropped = Number(done.stdout);
  assert.ok(dropped > 800 && dropped < 1000, done.stdout);
  closeSync(read);
  closeSync(write);
});

test("Outbox and DescriptorOutput lose no line to a reader that is slow", () => {
  const { read, write } = pipe();
  const outbox = new Outbox(new DescriptorOutput(libc, write));
  const room = new Uint8Array(1 << 20);
  let text = "";
  for (let i = 0; i < 2000; i++) {
    outbox.send(new TextEncoder().encode(`${i} ${"x".repeat(100)}\n`));
    if (i % 100 === 99) {
      text += new TextDecoder().decode(room.subarray(0, readSync(read, room, 0, 30_000, null)));
    }
  }
  outbox.close();
  closeSync(write);
  for (let n = 1; n > 0;) {
    n = readSync(read, room, 0, room.length, null);
    text += new TextDecoder().decode(room.subarray(0, n));
  }
  const lines = text.trimEnd().split("\n");
  assert.equal(outbox.dropped, 0);
  assert.deepEqual(lines.map((line) => Number(line.split(" ")[0])), lines.map((_, i) => i));
  assert.equal(lines.length, 2000);
  closeSync(read);
});
