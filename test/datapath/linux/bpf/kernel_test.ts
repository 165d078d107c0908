import assert from "node:assert/strict";
import process from "node:process";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { Bpf, ProgramRefused } from "#ffi/linux/bpf_calls.ts";
import {
  BPF_F_MMAPABLE,
  BPF_FUNC_map_lookup_elem,
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_HASH,
  BPF_PROG_LOAD,
  BPF_PROG_TYPE_SCHED_CLS,
  E2BIG,
  EAGAIN,
  ENOENT,
  SK_BUFF_DATA_AT,
  SK_BUFF_DATA_END_AT,
} from "#ffi/linux/mod.ts";
import type { Libc } from "#ffi/libc.ts";
import { openLibc } from "#ffi/open.ts";
import { loadProgram } from "#src/datapath/linux/bpf/load.ts";
import {
  add,
  addAtomically,
  call,
  exit,
  FRAME,
  ifAbove,
  ifEqual,
  load,
  loadMap,
  loadMapValue,
  type Program,
  R0,
  R1,
  R2,
  R3,
  set,
  store,
  swap,
} from "#src/datapath/linux/bpf/steps.ts";
import { Runner } from "./runner.ts";

/** What only the kernel can judge: its own maps, its verifier, and programs that run. */
const libc = await openLibc();
const arena = new Arena(libc, 4 << 20);
process.once("exit", () => arena.close());
const bpf = new Bpf(libc, arena);
const runner = new Runner(libc, arena);
const VALUE = 16;

function withMap(type: number, flags: number, entries: number, use: (fd: number) => void): void {
  const fd = bpf.createMap({ type, name: "test", keySize: 4, valueSize: VALUE, entries, flags });
  try {
    use(fd);
  } finally {
    libc.call.close(fd);
  }
}

function withProgram(program: Program, use: (fd: number) => void): void {
  const fd = loadProgram(libc, arena, BPF_PROG_TYPE_SCHED_CLS, "test", program);
  try {
    use(fd);
  } finally {
    libc.call.close(fd);
  }
}

/** What a program returns for a frame. */
function run(program: number, frame: Uint8Array): number {
  const [at, outAt] = [arena.take(frame.length), arena.take(2048)];
  arena.u8.set(frame, at);
  const places = { at, length: frame.length, outAt, capacity: 2048 };
  const verdict = runner.run(program, { ...places, contextAt: 0, contextLength: 0 });
  assert.deepEqual(arena.u8.slice(outAt, outAt + runner.ranLength), frame);
  return verdict;
}

const FRAME_OF_60 = Uint8Array.from({ length: 60 }, (_, i) => i);

test("Bpf.update(), lookUp(), delete(): an element is there, and no more", () => {
  withMap(BPF_MAP_TYPE_HASH, 0, 2, (map) => {
    const [key, value] = [arena.take(4), arena.take(VALUE)];
    assert.equal(bpf.lookUp(map, key, value), ENOENT);
    arena.u8.fill(7, value, value + VALUE);
    assert.equal(bpf.update(map, key, value), 0);
    arena.u8.fill(0, value, value + VALUE);
    assert.equal(bpf.lookUp(map, key, value), 0);
    assert.deepEqual(arena.u8.slice(value, value + VALUE), new Uint8Array(VALUE).fill(7));
    assert.equal(bpf.delete(map, key), 0);
    assert.equal(bpf.delete(map, key), ENOENT);
  });
});

test("Bpf.update(): a map that is full says so", () => {
  withMap(BPF_MAP_TYPE_HASH, 0, 2, (map) => {
    const [key, value] = [arena.take(4), arena.take(VALUE)];
    const results = [1, 2, 3].map((number) => {
      arena.u32[key >> 2] = number;
      return bpf.update(map, key, value);
    });
    assert.deepEqual(results, [0, 0, E2BIG]);
  });
});

test("Bpf.mapOver(): stores and loads of the arena are the map's, and its neighbours are not", () => {
  withMap(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 2, (map) => {
    const before = arena.take(1);
    const at = bpf.mapOver(map, 2 * VALUE);
    const after = arena.take(1);
    const [key, value] = [arena.take(4), arena.take(VALUE)];
    arena.u8.fill(1, before, before + 1);
    arena.u8.fill(2, after, after + 1);
    arena.u8.fill(9, at + VALUE, at + 2 * VALUE);
    arena.u32[key >> 2] = 1;
    assert.equal(bpf.lookUp(map, key, value), 0);
    assert.deepEqual(arena.u8.slice(value, value + VALUE), new Uint8Array(VALUE).fill(9));
    arena.u8.fill(5, value, value + VALUE);
    assert.equal(bpf.update(map, key, value), 0);
    assert.deepEqual(arena.u8.slice(at + VALUE, at + 2 * VALUE), new Uint8Array(VALUE).fill(5));
    assert.deepEqual([arena.u8[before], arena.u8[after]], [1, 2]);
  });
});

test("Bpf.mapOver(): another thread's arena sees the same bytes", () => {
  withMap(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 2, (map) => {
    const other = new Arena(libc, 1 << 20);
    const [at, there] = [bpf.mapOver(map, 2 * VALUE), new Bpf(libc, other).mapOver(map, 2 * VALUE)];
    Atomics.store(new BigUint64Array(arena.memory.buffer), at >> 3, 0x1234_5678_9abcn);
    assert.equal(new BigUint64Array(other.memory.buffer)[there >> 3], 0x1234_5678_9abcn);
    other.close();
  });
});

test("Bpf.mapOver(): the pages of an arena that is closed are its own again", () => {
  withMap(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 2, (map) => {
    const other = new Arena(libc, 1 << 20);
    const there = new Bpf(libc, other).mapOver(map, 2 * VALUE);
    const at = bpf.mapOver(map, 2 * VALUE);
    other.u8[there] = 7;
    other.close();
    assert.equal(other.u8[there], 0);
    other.u8[there] = 8;
    assert.equal(arena.u8[at], 7, "the map keeps what was stored");
  });
});

test("Bpf.mapOver(): a map that can not be mapped is an error of mmap", () => {
  withMap(BPF_MAP_TYPE_ARRAY, 0, 2, (map) => {
    assert.throws(() => bpf.mapOver(map, 2 * VALUE), /^SyscallError: mmap\(a BPF map\): E/);
  });
});

test("Runner.run(): a program reads the frame and returns", () => {
  const program: Program = [
    load.word(R2, R1, SK_BUFF_DATA_AT),
    load.word(R3, R1, SK_BUFF_DATA_END_AT),
    set(R0, R2),
    add(R0, 16),
    ifAbove(R0, R3, "short"),
    load.half(R0, R2, 14),
    swap(R0, 16),
    exit,
    "short",
    set(R0, -1),
    exit,
  ];
  withProgram(program, (fd) => {
    assert.equal(run(fd, FRAME_OF_60), 0x0e0f);
    assert.equal(run(fd, FRAME_OF_60.subarray(0, 15)), -1);
  });
});

test("Runner.run(): what a program adds to a map is loaded from the arena", () => {
  withMap(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 1, (map) => {
    const at = bpf.mapOver(map, VALUE);
    const program: Program = [
      loadMapValue(R1, map, 8),
      set(R2, 3),
      addAtomically(R1, 0, R2),
      load.word(R0, R1, 4),
      exit,
    ];
    arena.u32[(at + 12) >> 2] = 77;
    withProgram(program, (fd) => {
      assert.equal(run(fd, FRAME_OF_60), 77);
      assert.equal(run(fd, FRAME_OF_60), 77);
      assert.equal(arena.u32[(at + 8) >> 2], 6);
    });
  });
});

test("Runner.run(): a program looks up what the arena has stored", () => {
  withMap(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 2, (map) => {
    const at = bpf.mapOver(map, 2 * VALUE);
    const program: Program = [
      store.word(FRAME, -4, 1),
      loadMap(R1, map),
      set(R2, FRAME),
      add(R2, -4),
      call(BPF_FUNC_map_lookup_elem),
      ifEqual(R0, 0, "none"),
      load.word(R0, R0, 4),
      exit,
      "none",
      set(R0, -1),
      exit,
    ];
    arena.u32[(at + VALUE + 4) >> 2] = 78;
    withProgram(program, (fd) => assert.equal(run(fd, FRAME_OF_60), 78));
  });
});

test("loadProgram(): a signal that comes in the way of the verifier refuses nothing", () => {
  const program: Program = ["calm", set(R0, 0), exit];
  const type = BPF_PROG_TYPE_SCHED_CLS;
  let [signals, errno] = [3, 0];
  const syscall: Libc["call"]["syscall"] = (number, command, at, length) => {
    errno = command === BPF_PROG_LOAD && signals-- > 0 ? EAGAIN : 0;
    return errno === 0 ? libc.call.syscall(number, command, at, length, 0) : -1;
  };
  const disturbed: Libc = {
    layout: libc.layout,
    addressOf: (bytes) => libc.addressOf(bytes),
    has: (name) => libc.has(name),
    call: { ...libc.call, syscall },
    errno: () => errno || libc.errno(),
  };
  libc.call.close(loadProgram(disturbed, arena, type, "calm", program));
  signals = Infinity;
  assert.throws(() => loadProgram(disturbed, arena, type, "calm", program), /EAGAIN/);
});

test("loadProgram(): a refusal shows errno, the verifier's last words and the program", () => {
  const program: Program = ["leak", set(R0, R1), add(R0, R2), exit];
  assert.throws(
    () => loadProgram(libc, arena, BPF_PROG_TYPE_SCHED_CLS, "leak", program),
    (error) => {
      assert.ok(error instanceof ProgramRefused);
      assert.match(error.message, /^bpf\(BPF_PROG_LOAD, leak\): EACCES/);
      assert.match(error.log, /R2 !read_ok/);
      assert.match(error.message, /\nleak:\n {4}0: r0 = r1\n {4}1: r0 \+= r2\n {4}2: exit$/);
      return true;
    },
  );
});
