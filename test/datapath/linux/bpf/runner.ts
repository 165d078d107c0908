import process from "node:process";
import type { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  BPF_ATTR_TEST_CTX_IN_AT,
  BPF_ATTR_TEST_CTX_SIZE_IN_AT,
  BPF_ATTR_TEST_DATA_IN_AT,
  BPF_ATTR_TEST_DATA_OUT_AT,
  BPF_ATTR_TEST_DATA_SIZE_IN_AT,
  BPF_ATTR_TEST_DATA_SIZE_OUT_AT,
  BPF_ATTR_TEST_PROG_FD_AT,
  BPF_ATTR_TEST_REPEAT_AT,
  BPF_ATTR_TEST_RETVAL_AT,
  BPF_PROG_TEST_RUN,
  SYS_BPF,
} from "#ffi/linux/mod.ts";

/** A run of a program on bytes that are no packet of anybody's. All places are arena offsets. */
export interface Run {
  /** A frame of `length` bytes, from its Ethernet header on; at least that header. */
  readonly at: number;
  readonly length: number;
  /** Where the frame is put that the program left, and how many bytes there are for it. */
  readonly outAt: number;
  readonly capacity: number;
  /** A `struct __sk_buff` for the program, of `contextLength` bytes; 0: none. */
  readonly contextAt: number;
  readonly contextLength: number;
}

const ATTRIBUTES = 128;

/** Has the kernel run a program that it has loaded: bpf(2), BPF_PROG_TEST_RUN. */
export class Runner {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #attributes: number;

  constructor(libc: Libc, arena: Arena) {
    this.#libc = libc;
    this.#arena = arena;
    this.#attributes = arena.take(ATTRIBUTES);
  }

  /** Bytes in the frame that the last {@link run} left. */
  get ranLength(): number {
    return this.#arena.u32[(this.#attributes + BPF_ATTR_TEST_DATA_SIZE_OUT_AT) >> 2]!;
  }

  /** Has a program judge a frame. @returns what it returned, as a signed number @throws SyscallError */
  run(program: number, frame: Run): number {
    const at = this.#attributes;
    const { u8, u32 } = this.#arena;
    u8.fill(0, at, at + ATTRIBUTES);
    u32[(at + BPF_ATTR_TEST_PROG_FD_AT) >> 2] = program;
    u32[(at + BPF_ATTR_TEST_DATA_SIZE_IN_AT) >> 2] = frame.length;
    u32[(at + BPF_ATTR_TEST_DATA_SIZE_OUT_AT) >> 2] = frame.capacity;
    this.#arena.writeU64(at + BPF_ATTR_TEST_DATA_IN_AT, this.#arena.address(frame.at));
    this.#arena.writeU64(at + BPF_ATTR_TEST_DATA_OUT_AT, this.#arena.address(frame.outAt));
    u32[(at + BPF_ATTR_TEST_REPEAT_AT) >> 2] = 1;
    if (frame.contextLength > 0) {
      u32[(at + BPF_ATTR_TEST_CTX_SIZE_IN_AT) >> 2] = frame.contextLength;
      this.#arena.writeU64(at + BPF_ATTR_TEST_CTX_IN_AT, this.#arena.address(frame.contextAt));
    }
    const number = SYS_BPF[process.arch]!;
    const address = this.#arena.address(at);
    const result = this.#libc.call.syscall(number, BPF_PROG_TEST_RUN, address, ATTRIBUTES, 0);
    check(this.#libc, result, "bpf", "BPF_PROG_TEST_RUN");
    return this.#arena.i32[(at + BPF_ATTR_TEST_RETVAL_AT) >> 2]!;
  }
}
