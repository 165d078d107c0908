import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { Worker } from "node:worker_threads";
import { Arena } from "#ffi/arena.ts";
import { check, SyscallError } from "#ffi/errors.ts";
import {
  EAGAIN,
  EBADF,
  EINVAL,
  ENOENT,
  IOVEC_BASE_AT,
  IOVEC_LEN_AT,
  O_CLOEXEC,
  O_CREAT,
  O_NONBLOCK,
  O_WRONLY,
  POLLIN,
  SIZEOF_IOVEC,
} from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { PlatformError, platformOf } from "#ffi/platform.ts";

const libc = await openLibc();
const PAGE = 65_536;

function withArena(length: number, use: (arena: Arena) => void): void {
  const arena = new Arena(libc, length);
  try {
    use(arena);
  } finally {
    arena.close();
  }
}

/** Both ends of a new pipe, non-blocking: to read from, to write to. */
function pipe(): readonly [number, number] {
  let ends: readonly [number, number] = [-1, -1];
  withArena(PAGE, (arena) => {
    const at = arena.take(8);
    check(libc, libc.call.pipe2(arena.address(at), O_CLOEXEC | O_NONBLOCK), "pipe2", "");
    ends = [arena.i32[at >> 2]!, arena.i32[(at >> 2) + 1]!];
  });
  return ends;
}

test("Arena.take() gives zeroed, separate blocks on cache lines", () => {
  withArena(PAGE, (arena) => {
    const blocks = [1, 63, 64, 65, 0, 200].map((length) => ({ at: arena.take(length), length }));
    for (const { at, length } of blocks) {
      assert.equal(arena.address(at) % 64, 0);
      assert.ok(arena.u8.subarray(at, at + length).every((byte) => byte === 0));
      arena.u8.fill(at & 0xff, at, at + length);
    }
    for (const { at, length } of blocks) {
      assert.ok(arena.u8.subarray(at, at + length).every((byte) => byte === (at & 0xff)));
    }
  });
});

test("Arena.take() refuses what does not fit, and gives the rest to the last byte", () => {
  withArena(2 * PAGE, (arena) => {
    assert.equal(arena.u8.length, 2 * PAGE);
    arena.take(PAGE);
    assert.throws(() => arena.take(PAGE + 1), /arena of 131072 bytes has no 65537 left/);
    assert.equal(arena.take(PAGE), PAGE);
    assert.throws(() => arena.take(1), RangeError);
    for (const length of [-1, 0.5, NaN]) assert.throws(() => arena.take(length), RangeError);
  });
});

test("the arena's views, addresses and pointers are one memory", () => {
  withArena(PAGE, (arena) => {
    const at = arena.take(64);
    assert.equal(arena.address(at + 24) - arena.address(at), 24);
    arena.u32[at >> 2] = 0x01020304;
    assert.deepEqual([...arena.u8.subarray(at, at + 4)], [4, 3, 2, 1]);
    assert.equal(arena.u16[(at + 2) >> 1], 0x0102);
    arena.i32[at >> 2] = -2;
    assert.equal(arena.u32[at >> 2], 0xffff_fffe);
    for (const value of [0, 1, 0xffff_ffff, 0x1_0000_0000, arena.address(at), 2 ** 53 - 1]) {
      arena.writeU64(at + 8, value);
      assert.equal(arena.readU64(at + 8), value);
    }
  });
});

test("Arena.cString() ends in NUL, for system calls that want text", () => {
  withArena(PAGE, (arena) => {
    const at = arena.cString("lo");
    assert.deepEqual([...arena.u8.subarray(at, at + 3)], [0x6c, 0x6f, 0]);
    assert.equal(libc.call.if_nametoindex(arena.address(at)), 1);
  });
});

test("an arena is whole pages, and one that cannot be is an error that says so", () => {
  withArena(1, (arena) => assert.equal(arena.u8.length, PAGE));
  for (const length of [0, -1, NaN, 2 ** 32 + 1, 2 ** 50]) {
    assert.throws(() => new Arena(libc, length), {
      name: "RangeError",
      message: `an arena cannot have ${length} bytes`,
    });
  }
});

test("WebAssembly code and the arena's views work on one memory", () => {
  withArena(PAGE, (arena) => {
    assert.equal(arena.memory.buffer, arena.u8.buffer);
    assert.throws(() => arena.memory.grow(1)); // it would move
  });
});

test("Arena.plain() stays where it is, for the kernel too, and has no WebAssembly.Memory", () => {
  const arena = Arena.plain(libc, 1);
  assert.deepEqual([arena.u8.length, arena.u8.every((byte) => byte === 0)], [PAGE, true]);
  assert.equal(arena.address(0) % 16, 0);
  assert.throws(() => arena.memory, { name: "TypeError", message: /plain arena/ });
  const name = arena.cString("lo");
  const before = arena.address(name);
  let garbage: Uint8Array[] = [];
  for (let i = 0; i < 200; i++) {
    garbage.push(new Uint8Array(PAGE));
    if (garbage.length > 20) garbage = [];
    assert.equal(libc.call.if_nametoindex(before), 1);
  }
  assert.equal(libc.addressOf(arena.u8), arena.address(0));
  assert.throws(() => Arena.plain(libc, 0), { name: "RangeError" });
  arena.close();
});

test("writev() gathers blocks of the arena into one write", () => {
  withArena(PAGE, (arena) => {
    const parts = ["first ", "", "second"].map((text) => arena.cString(text));
    const iovecs = arena.take(3 * SIZEOF_IOVEC);
    for (const [i, length] of [6, 0, 6].entries()) {
      arena.writeU64(iovecs + i * SIZEOF_IOVEC + IOVEC_BASE_AT, arena.address(parts[i]!));
      arena.writeU64(iovecs + i * SIZEOF_IOVEC + IOVEC_LEN_AT, length);
    }
    const folder = mkdtempSync(join(tmpdir(), "teredo-ffi-"));
    try {
      const path = join(folder, "written");
      const fd = libc.call.open(arena.address(arena.cString(path)), O_WRONLY | O_CREAT, 0o600);
      assert.equal(libc.call.writev(fd, arena.address(iovecs), 3), 12);
      libc.call.close(fd);
      assert.equal(readFileSync(path, "utf8"), "first second");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test("memory that only its address still names stays until the arena is closed", async () => {
  const [reader, writer] = pipe();
  const addresses = Array.from({ length: 50 }, (_, i) => {
    const arena = new Arena(libc, PAGE);
    const at = arena.take(8);
    arena.writeU64(at, i + 1);
    return arena.address(at);
  });
  for (let round = 0; round < 20; round++) {
    const garbage = Array.from({ length: 200 }, () => new Uint8Array(50_000).fill(round));
    await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(garbage.length, 200);
  }
  const sum = new Arena(libc, PAGE);
  for (const address of addresses) assert.equal(libc.call.write(writer, address, 8), 8);
  for (let i = 0; i < addresses.length; i++) {
    assert.equal(libc.call.read(reader, sum.address(0), 8), 8);
    assert.equal(sum.readU64(0), i + 1);
  }
  libc.call.close(reader);
  libc.call.close(writer);
  sum.close();
});

test("errno is that of the call just made", () => {
  withArena(PAGE, (arena) => {
    const missing = arena.address(arena.cString("/nowhere/at/all"));
    const failing: readonly [number, () => number][] = [
      [EBADF, () => libc.call.close(-1)],
      [ENOENT, () => libc.call.open(missing, 0, 0)],
      [EINVAL, () => libc.call.pipe2(missing, 0x7fff_fff0)],
    ];
    for (let round = 0; round < 30_000; round++) {
      const [errno, call] = failing[round % failing.length]!;
      assert.equal(call(), -1);
      assert.equal(libc.errno(), errno);
    }
  });
});

test("errno belongs to the thread that failed", { timeout: 600_000 }, async () => {
  const rounds = 50_000;
  const worker = new Worker(new URL("./errno_worker.ts", import.meta.url), {
    workerData: { rounds },
  });
  const told = once(worker, "message");
  withArena(PAGE, (arena) => {
    const missing = arena.address(arena.cString("/nowhere/at/all"));
    for (let round = 0; round < rounds; round++) {
      libc.call.open(missing, 0, 0);
      assert.equal(libc.errno(), ENOENT);
    }
  });
  assert.deepEqual((await told)[0], [[EBADF, rounds]]);
  await worker.terminate();
});

test("check() passes results on and names what failed", () => {
  assert.equal(check(libc, 7, "read", "tun"), 7);
  assert.equal(check(libc, 0, "read", "tun"), 0);
  assert.throws(() => check(libc, libc.call.close(-1), "close", "192.0.2.1:3545"), (error) => {
    assert.ok(error instanceof SyscallError);
    assert.equal(error.message, "close(192.0.2.1:3545): EBADF (Bad file descriptor)");
    assert.deepEqual([error.syscall, error.errno, error.code], ["close", EBADF, "ERR_SYSCALL"]);
    return true;
  });
});

test("a pipe wakes a thread that blocks in poll", { timeout: 600_000 }, async () => {
  const rounds = 20;
  const arena = new Arena(libc, PAGE);
  const value = arena.take(8);
  const [fd, writer] = pipe();
  const worker = new Worker(new URL("./poll_worker.ts", import.meta.url), {
    workerData: { fd, rounds },
  });
  assert.deepEqual((await once(worker, "message"))[0], { waiting: true });
  for (let round = 1; round <= rounds; round++) {
    const told = once(worker, "message");
    arena.writeU64(value, round);
    assert.equal(libc.call.write(writer, arena.address(value), 8), 8);
    assert.deepEqual((await told)[0], { revents: POLLIN, value: round });
  }
  assert.equal(libc.call.read(fd, arena.address(value), 8), -1);
  assert.equal(libc.errno(), EAGAIN);
  libc.call.close(fd);
  libc.call.close(writer);
  arena.close();
  await worker.terminate();
});

test("many calls keep the kernel's memory and ours the same, whatever is collected", () => {
  withArena(16 * PAGE, (arena) => {
    const at = arena.take(8 * PAGE);
    const [reader, writer] = pipe();
    let garbage: Uint8Array[] = [];
    for (let round = 1; round <= 100_000; round++) {
      const slot = at + (round % 512) * 64;
      arena.writeU64(slot, round);
      assert.equal(libc.call.write(writer, arena.address(slot), 8), 8);
      arena.writeU64(slot, 0);
      assert.equal(libc.call.read(reader, arena.address(slot), 8), 8);
      assert.equal(arena.readU64(slot), round);
      garbage.push(new Uint8Array(1000));
      if (garbage.length === 1000) garbage = [];
    }
    libc.call.close(reader);
    libc.call.close(writer);
  });
});

test("platformOf() knows five kernels on two processors, and says so of any other", () => {
  const known = {
    linux: "Linux",
    freebsd: "FreeBSD",
    openbsd: "OpenBSD",
    netbsd: "NetBSD",
    dragonfly: "DragonFly BSD",
  };
  for (const [kernel, system] of Object.entries(known)) {
    for (const architecture of ["x64", "arm64"]) {
      assert.equal(platformOf(kernel, architecture).layout.system, system);
    }
  }
  const refused: readonly [string, string, RegExp][] = [
    ["win32", "x64", /^PlatformError: win32 is not supported by this build: it runs on Linux, Fr/],
    ["darwin", "arm64", /^PlatformError: darwin is not supported by this build/],
    ["linux", "s390x", /^PlatformError: s390x is not supported by this build/],
    ["freebsd", "ia32", /^PlatformError: ia32 is not supported by this build/],
  ];
  for (const [kernel, architecture, message] of refused) {
    assert.throws(() => platformOf(kernel, architecture), (error) => {
      assert.ok(error instanceof PlatformError);
      assert.match(String(error), message);
      return true;
    });
  }
});
