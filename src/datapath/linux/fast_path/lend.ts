import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { Bpf } from "#ffi/linux/bpf_calls.ts";
import { monotonicTime } from "#ffi/linux/clock.ts";
import { copyBytes } from "#src/protocol/wire/bytes.ts";
import type { Counters } from "#src/protocol/counters.ts";
import { IPV6_LENGTH } from "#src/protocol/wire/ipv6.ts";
import type { PeerLeases } from "#src/protocol/peers/leases.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { FastPathShare } from "../../fast_path.ts";
import { CONTROL, SLOT } from "./leases.ts";
import { type LeaseMap, Lender } from "./lender.ts";
import { KernelWays } from "./ways.ts";

/** For bpf(2)'s structure, a key and a value. */
const CALLS = 4_096;

/**
 * A lender on this thread, which works on the maps itself.
 *
 * @param local our address, where the socket is bound to one; 0: each peer's own
 * @throws SyscallError
 */
export function lendTo(
  libc: Libc,
  share: FastPathShare,
  leases: PeerLeases,
  counters: Counters,
  local: number,
  clock: () => Millis,
): Lender {
  const { range } = share;
  const slots = SLOT * range[1];
  const length = CALLS + Bpf.mappedLength(slots) + Bpf.mappedLength(CONTROL);
  const arena = new Arena(libc, length);
  const bpf = new Bpf(libc, arena);
  const slotsAt = bpf.mapOver(share.slots, slots);
  const controlAt = bpf.mapOver(share.control, CONTROL);
  const ways = new KernelWays(libc);
  return new Lender(leases, counters, {
    memory: { buffer: arena.memory.buffer, slotsAt, controlAt },
    map: new KernelLeaseMap(arena, bpf, share.leases),
    ways,
    slots: range,
    local,
    clock: () => ({ kernel: monotonicTime(libc), now: clock() }),
    close: () => {
      ways.close();
      arena.close();
    },
  });
}

class KernelLeaseMap implements LeaseMap {
  readonly #arena: Arena;
  readonly #bpf: Bpf;
  readonly #fd: number;
  readonly #key: number;
  readonly #value: number;

  constructor(arena: Arena, bpf: Bpf, fd: number) {
    this.#arena = arena;
    this.#bpf = bpf;
    this.#fd = fd;
    this.#key = arena.take(IPV6_LENGTH);
    this.#value = arena.take(4);
  }

  put(address: Uint8Array, slot: number): boolean {
    copyBytes(this.#arena.u8, this.#key, address, 0, IPV6_LENGTH);
    this.#arena.u32[this.#value >> 2] = slot;
    return this.#bpf.update(this.#fd, this.#key, this.#value) === 0;
  }

  /** One that is not there any more is what is wanted. */
  delete(address: Uint8Array): void {
    copyBytes(this.#arena.u8, this.#key, address, 0, IPV6_LENGTH);
    this.#bpf.delete(this.#fd, this.#key);
  }
}
