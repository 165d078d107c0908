import type { Arena } from "#ffi/arena.ts";
import { errnoName, type System } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import { EINTR, EIO, ENXIO } from "#ffi/posix.ts";
import { writeU32 } from "#src/protocol/wire/bytes.ts";
import { CAPACITY } from "../../frames.ts";
import type { TunQueue } from "../../tun_queue.ts";

/** The address family before each packet, in network byte order. tun(4), TUNSIFHEAD */
export const FAMILY_LENGTH = 4;

/**
 * What a device says whose interface an operator has destroyed: on NetBSD only this, as poll() stays
 * silent. EIO of the others is a packet that is too long; they wait with the destruction, or panic.
 */
const GONE: Readonly<Partial<Record<System, number>>> = { "OpenBSD": EIO, "NetBSD": ENXIO };

/**
 * The queue of a TUN interface on a BSD, where each read and write is one packet behind 4 bytes of its
 * address family:
 *
 *     00 00 00 AF_INET6 | packet
 *
 * A packet of another family is handed on as it is: its version tells it from IPv6, and the rules
 * count it.
 */
export class BsdTunQueue implements TunQueue {
  readonly name: string;
  /** Non-blocking; readable when a packet waits. */
  readonly fd: number;

  readonly segmentSize = 0;
  readonly transport = 0;
  readonly needsChecksum = false;
  readonly checksumStart = 0;
  readonly checksumOffset = 0;

  /** Bytes of arena that one queue takes: none, as the address family goes before the packet. */
  static readonly arenaLength: number = 0;

  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #family: number;

  /** For a descriptor that `openTun` made, maybe on another thread; `libc` and `arena` are this one's. */
  constructor(libc: Libc, arena: Arena, fd: number, name: string) {
    this.#libc = libc;
    this.#arena = arena;
    this.#family = libc.layout.AF_INET6;
    this.fd = fd;
    this.name = name;
  }

  /**
   * Reads one packet to offset `at` of the arena, with 4 free bytes before it; what exceeds `capacity`
   * is cut off.
   *
   * @returns its length; 0 when none waits; a negative errno: -ENXIO, -EIO or -EHOSTDOWN once the
   *   interface is destroyed
   */
  read(at: number, capacity: number = CAPACITY): number {
    const from = this.#arena.address(at - FAMILY_LENGTH);
    const length = this.#libc.call.read(this.fd, from, capacity + FAMILY_LENGTH);
    if (length < 0) return this.#failure();
    // The end of a device that has been revoked.
    return length > FAMILY_LENGTH ? length - FAMILY_LENGTH : -EIO;
  }

  /**
   * Hands the packet of `length` bytes at offset `at` of the arena to the kernel. The 4 bytes before
   * it are overwritten, whatever lies there. They are free in a slot; behind the Teredo headers of a
   * datagram they are those headers, which the rules have read before they let a packet pass, and as
   * packets are not joined here no other one lies in that slot.
   *
   * @returns `length`; 0 when the kernel did not take it: FreeBSD while the interface is down, or there
   *   is no room; a negative errno: -EIO or -EMSGSIZE for one that is too long
   * @throws Error once the interface is destroyed
   */
  write(at: number, length: number): number {
    const from = at - FAMILY_LENGTH;
    writeU32(this.#arena.u8, from, this.#family);
    const size = length + FAMILY_LENGTH;
    const written = this.#libc.call.write(this.fd, this.#arena.address(from), size);
    if (written < 0) return this.#writeFailure();
    return written === size ? length : 0;
  }

  #writeFailure(): number {
    const failure = this.#failure();
    const { layout } = this.#libc;
    if (-failure !== GONE[layout.system]) return failure;
    throw new Error(`The interface ${this.name} is gone: write: ${errnoName(layout, -failure)}`);
  }

  #failure(): number {
    const errno = this.#libc.errno();
    return errno === this.#libc.layout.EAGAIN || errno === EINTR ? 0 : -errno;
  }
}
