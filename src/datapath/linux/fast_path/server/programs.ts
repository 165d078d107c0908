import { randomBytes } from "node:crypto";
import { Arena } from "#ffi/arena.ts";
import { Bpf } from "#ffi/linux/bpf_calls.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  BPF_F_MMAPABLE,
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_PERCPU_ARRAY,
  BPF_PROG_TYPE_SCHED_CLS,
  BPF_TCX_INGRESS,
} from "#ffi/linux/mod.ts";
import type { Counters } from "#src/protocol/counters.ts";
import type { ServerOptions } from "#src/protocol/server/contract.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { loadProgram } from "../../bpf/load.ts";
import { Counts } from "../maps.ts";
import { BUCKET_SIZE, BUCKETS } from "./bucket.ts";
import { addCounts, COUNT_CELLS, leftAloneIn } from "./counts.ts";
import { serverAnswer, type ServerProgramOptions } from "./program.ts";
import type { ServerReason } from "./reasons.ts";

/** What the program is made for; another one is made where any of it changes. */
export interface ServerAnswerOptions
  extends Pick<ServerProgramOptions, "primary" | "secondary" | "broadcasts" | "ttl"> {
  readonly rules:
    & ServerProgramOptions["rules"]
    & Pick<ServerOptions, "solicitationRate" | "solicitationBurst">;
}

const NUMBER = 4;
const COUNTER = 8;
const NONE = -1;
/** For a program with as many broadcast addresses as there can be. */
const LOADING_ARENA = 128 * 1024;

/**
 * The server's program in the kernel, with its maps. All there is of them is gone when their descriptors
 * are closed, as also by the end of the process.
 */
export class ServerPrograms {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #bpf: Bpf;
  readonly #counts: Counts;
  readonly #open: number;
  readonly #factors: readonly [number, number] = [oddNumber(), oddNumber()];
  readonly #control: number;
  readonly #countsMap: number;
  #buckets = NONE;
  #limit: readonly [rate: number, burst: number] = [0, 0];
  #program = NONE;
  /** By interface. */
  readonly #links = new Map<number, number>();

  /**
   * Loads the program. No packet is its before {@link attach}.
   *
   * @param arena some pages of it stay in use
   * @throws SyscallError, ProgramRefused by a kernel without what it needs
   */
  constructor(libc: Libc, arena: Arena, options: ServerAnswerOptions) {
    this.#libc = libc;
    this.#arena = arena;
    this.#bpf = new Bpf(libc, arena);
    this.#control = this.#bpf.createMap({
      type: BPF_MAP_TYPE_ARRAY,
      name: "teredo_control",
      keySize: NUMBER,
      valueSize: NUMBER,
      entries: 1,
      flags: BPF_F_MMAPABLE,
    });
    this.#countsMap = NONE;
    try {
      this.#open = this.#bpf.mapOver(this.#control, NUMBER);
      this.#countsMap = this.#bpf.createMap({
        type: BPF_MAP_TYPE_PERCPU_ARRAY,
        name: "teredo_counts",
        keySize: NUMBER,
        valueSize: COUNTER,
        entries: COUNT_CELLS,
      });
      this.#counts = new Counts(libc, arena, this.#bpf, this.#countsMap, COUNT_CELLS);
      this.serve(options);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Whether anything is answered; where it is not, the threads see all there is. */
  set open(wanted: boolean) {
    Atomics.store(this.#arena.u32, this.#open >> 2, Number(wanted));
  }

  /** Descriptor of the program, which stays this one's. */
  get program(): number {
    return this.#program;
  }

  /**
   * Goes on by other options, in the place of those before. Where the limit is another, buckets are full.
   *
   * @throws SyscallError, ProgramRefused; then the program is the one before
   */
  serve(options: ServerAnswerOptions): void {
    const { rules } = options;
    const limit = [rules.solicitationRate, rules.solicitationBurst] as const;
    const isSame = this.#buckets !== NONE && limit.every((it, i) => it === this.#limit[i]);
    const map = isSame ? this.#buckets : this.#createBuckets();
    let program = NONE;
    try {
      program = this.#load(options, map);
      for (const link of this.#links.values()) this.#bpf.replace(link, program);
    } catch (error) {
      if (!isSame) this.#release(map);
      this.#release(program);
      throw error;
    }
    this.#release(this.#program);
    this.#program = program;
    if (isSame) return;
    this.#release(this.#buckets);
    this.#buckets = map;
    this.#limit = limit;
  }

  #createBuckets(): number {
    return this.#bpf.createMap({
      type: BPF_MAP_TYPE_ARRAY,
      name: "teredo_buckets",
      keySize: NUMBER,
      valueSize: BUCKET_SIZE,
      entries: BUCKETS,
    });
  }

  #load({ rules, ...options }: ServerAnswerOptions, map: number): number {
    const { solicitationRate: rate, solicitationBurst: burst } = rules;
    const program = serverAnswer({
      ...options,
      rules,
      control: this.#control,
      counts: this.#countsMap,
      buckets: { map, rate, burst, factors: this.#factors },
    });
    // Other rules come for as long as the daemon lives, and an arena never gets smaller.
    const arena = Arena.plain(this.#libc, LOADING_ARENA);
    try {
      return loadProgram(this.#libc, arena, BPF_PROG_TYPE_SCHED_CLS, "teredo_server", program);
    } finally {
      arena.close();
    }
  }

  /**
   * Has the program see what comes in by these interfaces, and by no others.
   *
   * @throws SyscallError, and nothing is attached
   */
  attach(interfaces: readonly number[]): void {
    try {
      for (const index of this.#links.keys()) {
        if (!interfaces.includes(index)) this.#detachFrom(index);
      }
      for (const index of interfaces) {
        if (this.#links.has(index)) continue;
        this.#links.set(index, this.#bpf.attach(this.#program, index, BPF_TCX_INGRESS));
      }
    } catch (error) {
      this.detach();
      throw error;
    }
  }

  #detachFrom(index: number): void {
    this.#release(this.#links.get(index)!);
    this.#links.delete(index);
  }

  /** From here on the threads get every datagram. */
  detach(): void {
    for (const index of this.#links.keys()) this.#detachFrom(index);
  }

  /** Adds to `counters` what the threads would have counted. @throws SyscallError */
  addTo(counters: Counters): void {
    addCounts(counters, this.#counts.read());
  }

  /** Datagrams left alone so far, by why. @throws SyscallError */
  leftAlone(): Readonly<Record<ServerReason, number>> {
    return leftAloneIn(this.#counts.read());
  }

  close(): void {
    this.detach();
    for (const fd of [this.#program, this.#buckets, this.#countsMap, this.#control]) {
      this.#release(fd);
    }
  }

  #release(fd: number): void {
    if (fd !== NONE) this.#libc.call.close(fd);
  }
}

function oddNumber(): number {
  return (readU32(randomBytes(4), 0) | 1) >>> 0;
}
