import { Arena } from "#ffi/arena.ts";
import { Bpf } from "#ffi/linux/bpf_calls.ts";
import type { Libc } from "#ffi/libc.ts";
import { BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_EGRESS, BPF_TCX_INGRESS } from "#ffi/linux/mod.ts";
import type { Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { loadProgram } from "../bpf/load.ts";
import { Counts, createMaps, type FastPathMaps } from "./maps.ts";
import { MAX_SERVED } from "./parts.ts";
import { REASON_NAMES, type ReasonName } from "./reasons.ts";
import { relayDown } from "./relay_down.ts";
import { relayUp } from "./relay_up.ts";

/** For both programs while they are loaded. */
const LOAD_ARENA = 64 * 1024;

export interface FastPathOptions {
  /** Our UDP port. */
  readonly servicePort: number;
  /** Upper 32 bits of the service prefix. */
  readonly prefix: number;
  /** Addresses that clients may reach and be reached from; undefined: any. */
  readonly served: readonly Ipv6Prefix[] | undefined;
  /** Time to live of datagrams: the host's. */
  readonly ttl: number;
  /** Peers that may have a lease at once. */
  readonly peers: number;
}

/** The programs can not be made for these options; the slow way knows no such limit. */
export class FastPathImpossible extends Error {
  readonly code = "ERR_FAST_PATH";
  override readonly name = "FastPathImpossible";
}

/**
 * The relay's programs in the kernel, with their maps; see `leases.ts`. All there is of them is gone
 * when its descriptors are closed, as also by the end of the process.
 */
export class FastPathPrograms {
  readonly maps: FastPathMaps;
  readonly #libc: Libc;
  readonly #bpf: Bpf;
  readonly #counts: Counts;
  #up = -1;
  #down = -1;
  readonly #links: number[] = [];
  readonly #options: FastPathOptions;

  /**
   * Loads the programs. No packet is theirs before {@link attach}, and none passes before there is a
   * lease.
   *
   * @param arena some pages of it stay in use
   * @throws SyscallError, ProgramRefused by a kernel without what they need, FastPathImpossible
   */
  constructor(libc: Libc, arena: Arena, options: FastPathOptions) {
    this.#libc = libc;
    this.#bpf = new Bpf(libc, arena);
    this.#options = options;
    this.maps = createMaps(this.#bpf, libc, options.peers, REASON_NAMES.length);
    try {
      this.serve(options.served);
      this.#counts = new Counts(libc, arena, this.#bpf, this.maps.reasons, REASON_NAMES.length);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Puts programs that serve other addresses in the place of these. While they are attached it has no
   * effect; if it fails these stay.
   *
   * @throws as the constructor
   */
  serve(served: FastPathOptions["served"]): void {
    const problem = servedProblem(served);
    if (problem !== undefined) throw new FastPathImpossible(problem);
    const libc = this.#libc;
    const arena = Arena.plain(libc, LOAD_ARENA);
    const all = { ...this.#options, served, ...this.maps };
    const load = (name: string, program: ReturnType<typeof relayUp>) =>
      loadProgram(libc, arena, BPF_PROG_TYPE_SCHED_CLS, name, program);
    const loaded: number[] = [];
    try {
      loaded.push(load("teredo_up", relayUp(all)));
      loaded.push(load("teredo_down", relayDown({ ...all, linkHeader: 0 })));
    } catch (error) {
      this.#close(loaded);
      throw error;
    } finally {
      arena.close();
    }
    this.#close([this.#up, this.#down]);
    [this.#up, this.#down] = loaded as [number, number];
  }

  /**
   * Has the programs see packets from here on.
   *
   * @param ethernet indexes of the interfaces that datagrams come in by
   * @param tun index of the TUN interface
   * @throws SyscallError, and nothing is attached
   */
  attach(ethernet: readonly number[], tun: number): void {
    try {
      for (const index of ethernet) {
        this.#links.push(this.#bpf.attach(this.#up, index, BPF_TCX_INGRESS));
      }
      this.#links.push(this.#bpf.attach(this.#down, tun, BPF_TCX_EGRESS));
    } catch (error) {
      this.detach();
      throw error;
    }
  }

  /** From here on every packet goes the slow way. */
  detach(): void {
    for (const link of this.#links.splice(0)) this.#libc.call.close(link);
  }

  /** Packets that both programs have left alone, by why. @throws SyscallError */
  leftAlone(): Readonly<Record<ReasonName, number>> {
    const counts = this.#counts.read();
    const named = REASON_NAMES.map((name, number) => [name, counts[number]]);
    return Object.fromEntries(named) as Record<ReasonName, number>;
  }

  /** Detaches, and gives back all descriptors. What other threads have mapped stays until they end. */
  close(): void {
    this.detach();
    const { leases, slots, control, reasons } = this.maps;
    this.#close([this.#up, this.#down, leases, slots, control, reasons]);
  }

  #close(descriptors: readonly number[]): void {
    for (const fd of descriptors) {
      if (fd !== -1) this.#libc.call.close(fd);
    }
  }
}

function servedProblem(served: FastPathOptions["served"]): string | undefined {
  if (served === undefined) return undefined;
  if (served.length === 0) return "nothing is served";
  if (served.length <= MAX_SERVED) return undefined;
  return `served has ${served.length} prefixes, more than ${MAX_SERVED}`;
}
