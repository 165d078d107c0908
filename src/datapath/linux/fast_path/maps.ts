import { readFileSync } from "node:fs";
import type { Arena } from "#ffi/arena.ts";
import { Bpf } from "#ffi/linux/bpf_calls.ts";
import { failure } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  BPF_F_MMAPABLE,
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_HASH,
  BPF_MAP_TYPE_PERCPU_ARRAY,
} from "#ffi/linux/mod.ts";
import { IPV6_LENGTH } from "#src/protocol/wire/ipv6.ts";
import { CONTROL, SLOT } from "./leases.ts";

/** Descriptors of the maps, for the programs and for every thread that works on them. */
export interface FastPathMaps {
  readonly leases: number;
  readonly slots: number;
  readonly control: number;
  readonly reasons: number;
}

const NUMBER = 4;
const COUNTER = 8;

/**
 * @param peers that may have a lease at once; there is a slot more, as 0 is nobody's
 * @param reasons that packets can be left alone for
 * @throws SyscallError
 */
export function createMaps(bpf: Bpf, libc: Libc, peers: number, reasons: number): FastPathMaps {
  const array = { type: BPF_MAP_TYPE_ARRAY, keySize: NUMBER, flags: BPF_F_MMAPABLE };
  const made: number[] = [];
  const create = (...[map]: Parameters<Bpf["createMap"]>) => {
    const fd = bpf.createMap(map);
    made.push(fd);
    return fd;
  };
  try {
    return {
      leases: create({
        type: BPF_MAP_TYPE_HASH,
        name: "teredo_leases",
        keySize: IPV6_LENGTH,
        valueSize: NUMBER,
        entries: peers,
      }),
      slots: create({ ...array, name: "teredo_slots", valueSize: SLOT, entries: peers + 1 }),
      control: create({ ...array, name: "teredo_control", valueSize: CONTROL, entries: 1 }),
      reasons: create({
        type: BPF_MAP_TYPE_PERCPU_ARRAY,
        name: "teredo_reasons",
        keySize: NUMBER,
        valueSize: COUNTER,
        entries: reasons,
      }),
    };
  } catch (error) {
    for (const fd of made) libc.call.close(fd);
    throw error;
  }
}

/** Reads what the programs have counted, each processor for itself. */
export class Counts {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #bpf: Bpf;
  readonly #map: number;
  readonly #count: number;
  readonly #processors: number = possibleProcessors();
  readonly #place: { cursorAt: number; keysAt: number; valuesAt: number };

  /** @param count how many counters the map has */
  constructor(libc: Libc, arena: Arena, bpf: Bpf, map: number, count: number) {
    this.#libc = libc;
    this.#arena = arena;
    this.#bpf = bpf;
    this.#map = map;
    this.#count = count;
    this.#place = {
      cursorAt: arena.take(NUMBER),
      keysAt: arena.take(NUMBER * count),
      valuesAt: arena.take(COUNTER * this.#processors * count),
    };
  }

  /** All counters, by their numbers in the map. @throws SyscallError */
  read(): number[] {
    const errno = this.#bpf.lookUpFirst(this.#map, this.#count, this.#place);
    if (errno !== 0) throw failure(this.#libc, "bpf", "BPF_MAP_LOOKUP_BATCH", errno);
    return Array.from({ length: this.#count }, (_, i) => this.#sum(i));
  }

  #sum(number: number): number {
    let sum = 0;
    const from = this.#place.valuesAt + COUNTER * this.#processors * number;
    for (let i = 0; i < this.#processors; i++) sum += this.#arena.readU64(from + COUNTER * i);
    return sum;
  }
}

/** As many as the kernel keeps values for: it counts up to the last that may be put in. */
function possibleProcessors(): number {
  const ranges = readFileSync("/sys/devices/system/cpu/possible", "utf8").trim();
  return ranges.split(",").reduce((sum, range) => {
    const [first, last = first] = range.split("-").map(Number);
    return sum + last! - first! + 1;
  }, 0);
}
