import { type Arena } from "#ffi/arena.ts";
import { type Libc } from "#ffi/libc.ts";
import {
  EBUSY,
  EINVAL,
  IFF_MULTI_QUEUE,
  IFF_NO_PI,
  IFF_PERSIST,
  IFF_TAP,
  IFF_TUN,
  IFF_VNET_HDR,
  IFNAMSIZ,
  IFREQ_FLAGS_AT,
  IFREQ_NAME_AT,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDWR,
  SIZEOF_IFREQ,
  SIZEOF_VIRTIO_NET_HDR,
  TUN_F_CSUM,
  TUN_F_TSO6,
  TUN_F_TSO_ECN,
  TUN_F_USO4,
  TUN_F_USO6,
  TUNGETIFF,
  TUNSETIFF,
  TUNSETOFFLOAD,
  TUNSETVNETHDRSZ,
} from "#ffi/linux/mod.ts";
import { deviceProblem, interfaceProblem, nameProblem, tunHolder } from "./problems.ts";
import { WorkersRefused } from "../../threads/workers.ts";

export const TUN_DEVICE = "/dev/net/tun";

const TCP = TUN_F_CSUM | TUN_F_TSO6;
/** What is asked for, best first. The kernel takes USO for both versions of IP or for none. */
const OFFLOADS = [
  { flags: TCP | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6, tunUdp: true },
  { flags: TCP | TUN_F_TSO_ECN, tunUdp: false },
  { flags: TCP, tunUdp: false },
] as const;

/**
 * An interface is busy for a moment after nobody has it any more, as when a process that had it is
 * still being taken down, or one was being started when it was closed. How often, and how many
 * milliseconds, that is waited for.
 */
const RELEASES = 25;
const RELEASE_TIME = 20;

export interface TunOptions {
  /** Descriptors wanted, at least 1. */
  readonly queues: number;
  /** Whether to ask for what `Offloads` says of TUN. */
  readonly offloads: boolean;
}

/**
 * A TUN interface. It lives as long as its descriptors, and its addresses and routes with it, unless it
 * is one that an administrator made to stay: `ip tuntap add`.
 */
export interface OpenTun {
  /** As the kernel has it. */
  readonly name: string;
  /** Descriptors, non-blocking, one a queue; the caller closes them. */
  readonly queues: readonly number[];
  /** See `Offloads`. */
  readonly tun: boolean;
  readonly tunUdp: boolean;
}

/**
 * Makes the interface, or takes over a persistent TUN of that name which no process holds.
 *
 * What is taken over stays when this process ends, as its maker wants it.
 *
 * @param name of at most 15 bytes; empty: the kernel names it
 * @throws StartError that says what is in the way and the command that mends it; WorkersRefused when
 *   one queue could be had
 */
export function openTun(libc: Libc, arena: Arena, name: string, options: TunOptions): OpenTun {
  const badName = nameProblem(name);
  if (badName !== undefined) throw badName;
  if (options.offloads) {
    const opened = openWith(libc, arena, name, options.queues, true);
    if (opened !== undefined) return opened;
  }
  return openWith(libc, arena, name, options.queues, false)!;
}

/**
 * Queues of an interface that the relay before this one had, to go on with.
 *
 * @returns undefined when they are not what is wanted
 */
export function resumeTun(
  libc: Libc,
  arena: Arena,
  descriptors: readonly number[],
  wanted: string,
  { queues, offloads }: TunOptions,
): OpenTun | undefined {
  if (descriptors.length !== queues) return undefined;
  const found = descriptors.map((fd) => interfaceOf(libc, arena, fd));
  const [first] = found;
  const isAny = wanted === "" || wanted.includes("%d");
  if (first === undefined || !(isAny || first.name === wanted)) return undefined;
  if (!found.every((it) => it?.name === first.name)) return undefined;
  const flags = IFF_TUN | IFF_NO_PI | (queues > 1 ? IFF_MULTI_QUEUE : 0) |
    (offloads ? IFF_VNET_HDR : 0);
  if ((first.flags & SHAPE) !== flags) return undefined;
  const had = offloads ? askForOffloads(libc, arena, descriptors[0]!) : noOffloads(libc, first.fd);
  return had === undefined ? undefined : { name: first.name, queues: descriptors, ...had };
}

/** What an interface is, by flags; one that was made to stay is its maker's. */
const SHAPE = IFF_TUN | IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE | IFF_VNET_HDR | IFF_PERSIST;

/** The interface of a queue; undefined: the descriptor is something else. */
export function interfaceOf(libc: Libc, arena: Arena, fd: number) {
  const request = arena.take(SIZEOF_IFREQ);
  if (libc.call.ioctl(fd, TUNGETIFF, arena.address(request)) === -1) return undefined;
  const flags = arena.u16[(request + IFREQ_FLAGS_AT) >> 1]!;
  return { fd, flags, name: nameIn(arena, request) };
}

/** @returns undefined, with nothing open, when the kernel has no offloads for TUN */
function openWith(
  libc: Libc,
  arena: Arena,
  wanted: string,
  count: number,
  vnet: boolean,
): OpenTun | undefined {
  // IFF_NO_PI: the first nibble of a packet tells its version, so 4 more bytes would tell nothing.
  const flags = IFF_TUN | IFF_NO_PI | (count > 1 ? IFF_MULTI_QUEUE : 0) | (vnet ? IFF_VNET_HDR : 0);
  const queues: number[] = [];
  const closeAll = () => queues.forEach((fd) => libc.call.close(fd));
  try {
    let name = wanted;
    while (queues.length < count) {
      const fd = openDevice(libc, arena);
      queues.push(fd);
      name = attach(libc, arena, fd, name, flags);
    }
    const offloads = vnet ? askForOffloads(libc, arena, queues[0]!) : noOffloads(libc, queues[0]!);
    if (offloads === undefined) {
      closeAll();
      return undefined;
    }
    return { name, queues, ...offloads };
  } catch (error) {
    closeAll();
    throw error;
  }
}

function openDevice(libc: Libc, arena: Arena): number {
  const path = arena.cString(TUN_DEVICE);
  const fd = libc.call.open(arena.address(path), O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd === -1) throw deviceProblem(libc.errno());
  return fd;
}

/** @returns the interface's name */
function attach(libc: Libc, arena: Arena, fd: number, name: string, flags: number): string {
  const request = arena.take(SIZEOF_IFREQ);
  const set = (flags: number) => {
    new TextEncoder().encodeInto(name, arena.u8.subarray(request + IFREQ_NAME_AT));
    arena.u16[(request + IFREQ_FLAGS_AT) >> 1] = flags;
    return libc.call.ioctl(fd, TUNSETIFF, arena.address(request)) === -1 ? libc.errno() : 0;
  };
  let errno = set(flags);
  for (let i = 0; i < RELEASES && errno === EBUSY && tunHolder(name) === undefined; i++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RELEASE_TIME);
    errno = set(flags);
  }
  if (errno === EINVAL && flags & IFF_MULTI_QUEUE) {
    throw new WorkersRefused(`the interface ${name} exists and has one queue`);
  }
  // One that is there may have been made for several queues: one of them is enough.
  if (errno === EINVAL && set(flags | IFF_MULTI_QUEUE) === 0) return nameIn(arena, request);
  if (errno !== 0) throw interfaceProblem(libc, name, errno);
  return nameIn(arena, request);
}

function nameIn(arena: Arena, request: number): string {
  const bytes = arena.u8.slice(request + IFREQ_NAME_AT, request + IFREQ_NAME_AT + IFNAMSIZ);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

/** Sets the best that the kernel has, for all queues of the interface. */
function askForOffloads(libc: Libc, arena: Arena, fd: number) {
  const at = arena.take(4);
  // One that is taken over may have had longer headers.
  arena.i32[at >> 2] = SIZEOF_VIRTIO_NET_HDR;
  if (libc.call.ioctl(fd, TUNSETVNETHDRSZ, arena.address(at)) === -1) return undefined;
  const best = OFFLOADS.find(({ flags }) => libc.call.ioctl(fd, TUNSETOFFLOAD, flags) === 0);
  return best === undefined ? undefined : { tun: true, tunUdp: best.tunUdp };
}

/** One that is taken over may have offloads: super-packets that nothing would tell the size of. */
function noOffloads(libc: Libc, fd: number) {
  libc.call.ioctl(fd, TUNSETOFFLOAD, 0);
  return { tun: false, tunUdp: false };
}
