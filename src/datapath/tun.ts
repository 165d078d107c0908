import { type Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import { type Libc } from "#ffi/libc.ts";
import {
  EAGAIN,
  IFF_NO_PI,
  IFF_TUN,
  IFNAMSIZ,
  IFREQ_FLAGS_AT,
  IFREQ_NAME_AT,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDWR,
  SIZEOF_IFREQ,
  TUNSETIFF,
  TUNSETPERSIST,
} from "#ffi/linux.ts";
import { deviceProblem, interfaceProblem, nameProblem } from "./tun_problems.ts";

export const TUN_DEVICE = "/dev/net/tun";

/**
 * A TUN interface: every read gives and every write takes one whole IP packet, without a prefix.
 *
 * The interface lives as long as the descriptor; `close` removes it with its addresses and routes.
 */
export class Tun {
  /** As the kernel has it. */
  readonly name: string;
  /** Non-blocking; readable when a packet waits. */
  readonly fd: number;
  readonly #libc: Libc;
  readonly #arena: Arena;

  /** For a descriptor that `open` made, maybe on another thread; `libc` and `arena` are this one's. */
  constructor(libc: Libc, arena: Arena, fd: number, name: string) {
    this.#libc = libc;
    this.#arena = arena;
    this.fd = fd;
    this.name = name;
  }

  /**
   * Makes the interface, or takes over a persistent TUN of that name which no process holds.
   *
   * What is taken over loses its persistence: it goes when this process ends, however that happens.
   *
   * @param name of at most 15 bytes; empty: the kernel names it
   * @throws StartError that says what is in the way and the command that mends it
   */
  static open(libc: Libc, arena: Arena, name: string): Tun {
    const badName = nameProblem(name);
    if (badName !== undefined) throw badName;
    const fd = openDevice(libc, arena);
    try {
      return new Tun(libc, arena, fd, attach(libc, arena, fd, name));
    } catch (error) {
      libc.call.close(fd);
      throw error;
    }
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

  close(): void {
    this.#libc.call.close(this.fd);
  }

  #failure(): number {
    const errno = this.#libc.errno();
    return errno === EAGAIN ? 0 : -errno;
  }
}

function openDevice(libc: Libc, arena: Arena): number {
  const path = arena.cString(TUN_DEVICE);
  const fd = libc.call.open(arena.address(path), O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd === -1) throw deviceProblem(libc.errno());
  return fd;
}

/** @returns the interface's name */
function attach(libc: Libc, arena: Arena, fd: number, name: string): string {
  const request = arena.take(SIZEOF_IFREQ);
  new TextEncoder().encodeInto(name, arena.u8.subarray(request + IFREQ_NAME_AT));
  // IFF_NO_PI: the first nibble of a packet tells its version, so 4 more bytes would tell nothing.
  arena.u16[(request + IFREQ_FLAGS_AT) >> 1] = IFF_TUN | IFF_NO_PI;
  if (libc.call.ioctl(fd, TUNSETIFF, arena.address(request)) === -1) {
    throw interfaceProblem(name, libc.errno());
  }
  check(libc, libc.call.ioctl(fd, TUNSETPERSIST, 0), "ioctl", `TUNSETPERSIST of ${name}`);
  return nameIn(arena, request);
}

function nameIn(arena: Arena, request: number): string {
  const bytes = arena.u8.slice(request + IFREQ_NAME_AT, request + IFREQ_NAME_AT + IFNAMSIZ);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}
