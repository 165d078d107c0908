import process from "node:process";
import { Arena } from "../arena.ts";
import { check, failure, SyscallError } from "../errors.ts";
import { errnoName } from "../layout.ts";
import type { Libc } from "../libc.ts";
import {
  BPF_ATTR_BATCH_COUNT_AT,
  BPF_ATTR_BATCH_KEYS_AT,
  BPF_ATTR_BATCH_MAP_FD_AT,
  BPF_ATTR_BATCH_OUT_BATCH_AT,
  BPF_ATTR_BATCH_VALUES_AT,
  BPF_ATTR_INSN_CNT_AT,
  BPF_ATTR_INSNS_AT,
  BPF_ATTR_KEY_AT,
  BPF_ATTR_KEY_SIZE_AT,
  BPF_ATTR_LICENSE_AT,
  BPF_ATTR_LINK_CREATE_ATTACH_TYPE_AT,
  BPF_ATTR_LINK_CREATE_PROG_FD_AT,
  BPF_ATTR_LINK_CREATE_TARGET_IFINDEX_AT,
  BPF_ATTR_LINK_UPDATE_LINK_FD_AT,
  BPF_ATTR_LINK_UPDATE_NEW_PROG_FD_AT,
  BPF_ATTR_LOG_BUF_AT,
  BPF_ATTR_LOG_LEVEL_AT,
  BPF_ATTR_LOG_SIZE_AT,
  BPF_ATTR_MAP_FD_AT,
  BPF_ATTR_MAP_FLAGS_AT,
  BPF_ATTR_MAP_NAME_AT,
  BPF_ATTR_MAP_TYPE_AT,
  BPF_ATTR_MAX_ENTRIES_AT,
  BPF_ATTR_PROG_NAME_AT,
  BPF_ATTR_PROG_TYPE_AT,
  BPF_ATTR_VALUE_AT,
  BPF_ATTR_VALUE_SIZE_AT,
  BPF_LINK_CREATE,
  BPF_LINK_UPDATE,
  BPF_MAP_CREATE,
  BPF_MAP_DELETE_ELEM,
  BPF_MAP_LOOKUP_BATCH,
  BPF_MAP_LOOKUP_ELEM,
  BPF_MAP_UPDATE_ELEM,
  BPF_OBJ_NAME_LEN,
  BPF_PROG_LOAD,
  EAGAIN,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
  SYS_BPF,
} from "./mod.ts";

export interface BpfMap {
  /** BPF_MAP_TYPE_... */
  readonly type: number;
  /** For people who list maps; at most 15 letters, digits and `_`. */
  readonly name: string;
  /** Bytes of a key and of a value. */
  readonly keySize: number;
  readonly valueSize: number;
  readonly entries: number;
  /** BPF_F_... */
  readonly flags?: number;
}

export interface BpfProgram {
  /** BPF_PROG_TYPE_... */
  readonly type: number;
  /** For people who list programs; at most 15 letters, digits and `_`. */
  readonly name: string;
  readonly license: string;
  /** Arena offset and number of its instructions. */
  readonly at: number;
  readonly count: number;
}

/** The kernel does not take a program: because it may not be loaded, or because of what it does. */
export class ProgramRefused extends SyscallError {
  override readonly name = "ProgramRefused";
  /** The last lines of what the kernel's verifier wrote; "" when it said nothing. */
  readonly log: string;

  constructor(program: string, errno: number, errnoText: string, log: string) {
    super("bpf", `BPF_PROG_LOAD, ${program}`, errno, errnoText);
    this.log = log;
    if (log !== "") this.message += `\n${log}`;
  }
}

/** Room for the largest structure of a command, in whole cache lines. */
const ATTRIBUTES = 128;
const LOG_LENGTH = 1 << 20;
/** How often a program is offered that a signal came in the way of. */
const MOST_TRIES = 10;
/** Lines of the verifier's log that say where it gave up. */
const LOG_LINES = 24;
/** A multiple of any size that a page has. */
const PAGE = 65_536;

/**
 * bpf(2), by the arena of one thread. A command has a place for its structure that is made once, so
 * that a map can be changed again and again. Descriptors are the caller's, who closes them.
 */
export class Bpf {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #attributes: number;

  constructor(libc: Libc, arena: Arena) {
    this.#libc = libc;
    this.#arena = arena;
    this.#attributes = arena.take(ATTRIBUTES);
  }

  /** @returns a descriptor @throws SyscallError */
  createMap(map: BpfMap): number {
    const at = this.#begin();
    const { u32 } = this.#arena;
    u32[(at + BPF_ATTR_MAP_TYPE_AT) >> 2] = map.type;
    u32[(at + BPF_ATTR_KEY_SIZE_AT) >> 2] = map.keySize;
    u32[(at + BPF_ATTR_VALUE_SIZE_AT) >> 2] = map.valueSize;
    u32[(at + BPF_ATTR_MAX_ENTRIES_AT) >> 2] = map.entries;
    u32[(at + BPF_ATTR_MAP_FLAGS_AT) >> 2] = map.flags ?? 0;
    this.#writeName(at + BPF_ATTR_MAP_NAME_AT, map.name);
    return check(this.#libc, this.#call(BPF_MAP_CREATE), "bpf", `BPF_MAP_CREATE, ${map.name}`);
  }

  /** Sets the value of a key; key and value lie in the arena. @returns 0, or why not: an errno */
  update(map: number, keyAt: number, valueAt: number): number {
    return this.#onElement(BPF_MAP_UPDATE_ELEM, map, keyAt, valueAt);
  }

  /** Takes a key away. @returns 0, or why not: an errno */
  delete(map: number, keyAt: number): number {
    return this.#onElement(BPF_MAP_DELETE_ELEM, map, keyAt);
  }

  /**
   * Copies the value of a key to `valueAt`. That of a map with a value for each processor takes the
   * value's size, in whole 8 bytes, for each that there may ever be.
   *
   * @returns 0, or why not: an errno
   */
  lookUp(map: number, keyAt: number, valueAt: number): number {
    return this.#onElement(BPF_MAP_LOOKUP_ELEM, map, keyAt, valueAt);
  }

  /**
   * Copies the first `count` keys and values of a map at once, values as {@link lookUp} does.
   *
   * @param cursorAt room for a key, which says nothing to the caller
   * @returns 0, or why not: an errno
   */
  lookUpFirst(
    map: number,
    count: number,
    { cursorAt, keysAt, valuesAt }: { cursorAt: number; keysAt: number; valuesAt: number },
  ): number {
    const at = this.#begin();
    const arena = this.#arena;
    arena.writeU64(at + BPF_ATTR_BATCH_OUT_BATCH_AT, arena.address(cursorAt));
    arena.writeU64(at + BPF_ATTR_BATCH_KEYS_AT, arena.address(keysAt));
    arena.writeU64(at + BPF_ATTR_BATCH_VALUES_AT, arena.address(valuesAt));
    arena.u32[(at + BPF_ATTR_BATCH_COUNT_AT) >> 2] = count;
    arena.u32[(at + BPF_ATTR_BATCH_MAP_FD_AT) >> 2] = map;
    return this.#call(BPF_MAP_LOOKUP_BATCH) === 0 ? 0 : this.#libc.errno();
  }

  /** Bytes of arena that {@link mapOver} takes for a map of `length` bytes. */
  static mappedLength(length: number): number {
    return PAGE + Math.ceil(length / PAGE) * PAGE;
  }

  /**
   * Puts the `length` bytes of an array map with BPF_F_MMAPABLE in the place of as many of the arena:
   * what is stored there is in the map, and what programs store is there to be loaded. So it is until
   * the arena is closed: the runtime makes other memories of its pages.
   *
   * @returns the arena offset @throws SyscallError
   */
  mapOver(map: number, length: number): number {
    const block = this.#arena.take(Bpf.mappedLength(length));
    // No page is shared with another block, on any processor.
    const at = block + (PAGE - this.#arena.address(block) % PAGE) % PAGE;
    const address = this.#arena.address(at);
    const put = (flags: number, fd: number) =>
      this.#libc.call.mmap(address, length, PROT_READ | PROT_WRITE, MAP_FIXED | flags, fd, 0);
    const mapped = put(MAP_SHARED, map);
    if (Number(mapped) !== address) throw failure(this.#libc, "mmap", "a BPF map");
    this.#arena.onClose(() => put(MAP_PRIVATE | MAP_ANONYMOUS, -1));
    return at;
  }

  /** Has the kernel verify a program and keep it. @returns a descriptor @throws ProgramRefused */
  load(program: BpfProgram): number {
    const at = this.#begin();
    const { u32 } = this.#arena;
    u32[(at + BPF_ATTR_PROG_TYPE_AT) >> 2] = program.type;
    u32[(at + BPF_ATTR_INSN_CNT_AT) >> 2] = program.count;
    this.#arena.writeU64(at + BPF_ATTR_INSNS_AT, this.#arena.address(program.at));
    const license = this.#arena.cString(program.license);
    this.#arena.writeU64(at + BPF_ATTR_LICENSE_AT, this.#arena.address(license));
    this.#writeName(at + BPF_ATTR_PROG_NAME_AT, program.name);
    let fd = this.#call(BPF_PROG_LOAD);
    let errno = fd === -1 ? this.#libc.errno() : 0;
    // The verifier gives up when a signal comes, such as the runtime has for its garbage collector.
    for (let tries = 1; errno === EAGAIN && tries < MOST_TRIES; tries++) {
      fd = this.#call(BPF_PROG_LOAD);
      errno = fd === -1 ? this.#libc.errno() : 0;
    }
    if (errno === 0) return fd;
    const name = errnoName(this.#libc.layout, errno);
    throw new ProgramRefused(program.name, errno, name, this.#verifierLog());
  }

  /** What the verifier says of the program that was just refused, whose structure is still there. */
  #verifierLog(): string {
    const place = new Arena(this.#libc, LOG_LENGTH);
    const at = this.#attributes;
    this.#arena.u32[(at + BPF_ATTR_LOG_LEVEL_AT) >> 2] = 1;
    this.#arena.u32[(at + BPF_ATTR_LOG_SIZE_AT) >> 2] = LOG_LENGTH;
    this.#arena.writeU64(at + BPF_ATTR_LOG_BUF_AT, place.address(0));
    const fd = this.#call(BPF_PROG_LOAD);
    if (fd !== -1) this.#libc.call.close(fd);
    const log = new TextDecoder().decode(place.u8.subarray(0, place.u8.indexOf(0)));
    place.close();
    return log.trimEnd().split("\n").slice(-LOG_LINES).join("\n");
  }

  /**
   * Attaches a program to an interface.
   *
   * @param type BPF_TCX_INGRESS or BPF_TCX_EGRESS
   * @returns a descriptor: when the last of it is closed, the program is detached
   * @throws SyscallError
   */
  attach(program: number, interfaceIndex: number, type: number): number {
    const at = this.#begin();
    const { u32 } = this.#arena;
    u32[(at + BPF_ATTR_LINK_CREATE_PROG_FD_AT) >> 2] = program;
    u32[(at + BPF_ATTR_LINK_CREATE_TARGET_IFINDEX_AT) >> 2] = interfaceIndex;
    u32[(at + BPF_ATTR_LINK_CREATE_ATTACH_TYPE_AT) >> 2] = type;
    const about = `BPF_LINK_CREATE, interface ${interfaceIndex}`;
    return check(this.#libc, this.#call(BPF_LINK_CREATE), "bpf", about);
  }

  /**
   * Puts another program in the place of an attached one, of the same type: no packet meets neither.
   *
   * @param link what {@link attach} gave @throws SyscallError
   */
  replace(link: number, program: number): void {
    const at = this.#begin();
    const { u32 } = this.#arena;
    u32[(at + BPF_ATTR_LINK_UPDATE_LINK_FD_AT) >> 2] = link;
    u32[(at + BPF_ATTR_LINK_UPDATE_NEW_PROG_FD_AT) >> 2] = program;
    check(this.#libc, this.#call(BPF_LINK_UPDATE), "bpf", "BPF_LINK_UPDATE");
  }

  #onElement(command: number, map: number, keyAt: number, valueAt?: number): number {
    const at = this.#begin();
    this.#arena.u32[(at + BPF_ATTR_MAP_FD_AT) >> 2] = map;
    this.#arena.writeU64(at + BPF_ATTR_KEY_AT, this.#arena.address(keyAt));
    if (valueAt !== undefined) {
      this.#arena.writeU64(at + BPF_ATTR_VALUE_AT, this.#arena.address(valueAt));
    }
    return this.#call(command) === 0 ? 0 : this.#libc.errno();
  }

  /** The structure, empty: the kernel wants zero in all that a command does not know. */
  #begin(): number {
    const at = this.#attributes;
    this.#arena.u8.fill(0, at, at + ATTRIBUTES);
    return at;
  }

  #writeName(at: number, name: string): void {
    const place = this.#arena.u8.subarray(at, at + BPF_OBJ_NAME_LEN - 1);
    new TextEncoder().encodeInto(name, place);
  }

  #call(command: number): number {
    const number = SYS_BPF[process.arch]!;
    const at = this.#arena.address(this.#attributes);
    return this.#libc.call.syscall(number, command, at, ATTRIBUTES, 0);
  }
}
