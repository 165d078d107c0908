import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { EAGAIN } from "#ffi/linux.ts";

/** One queue of a TUN interface: every read gives and every write takes one whole IP packet. */
export class TunQueue {
  /** The interface's, as the kernel has it. */
  readonly name: string;
  /** Non-blocking; readable when a packet waits. */
  readonly fd: number;
  readonly #libc: Libc;
  readonly #arena: Arena;

  /** For a descriptor that `openTun` made, maybe on another thread; `libc` and `arena` are this one's. */
  constructor(libc: Libc, arena: Arena, fd: number, name: string) {
    this.#libc = libc;
    this.#arena = arena;
    this.fd = fd;
    this.name = name;
  }

  /**
   * Reads one packet to offset `at` of the arena; what exceeds `capacity` is cut off.
   *
   * @returns its length; 0 when none waits; a negative errno: -EBADFD once the interface is deleted
   */
  read(at: number, capacity: number): number {
    const length = this.#libc.call.read(this.fd, this.#arena.address(at), capacity);
    return length >= 0 ? length : this.#failure();
  }

  /**
   * Hands the packet of `length` bytes at offset `at` of the arena to the kernel.
   *
   * @returns `length`; 0 when the kernel cannot take it now; a negative errno: -EINVAL for what is
   *   no IP packet, -EIO while the interface is down, -EBADFD once it is deleted
   */
  write(at: number, length: number): number {
    const written = this.#libc.call.write(this.fd, this.#arena.address(at), length);
    return written >= 0 ? written : this.#failure();
  }

  #failure(): number {
    const errno = this.#libc.errno();
    return errno === EAGAIN ? 0 : -errno;
  }
}
