import process from "node:process";
import type { Arena } from "#ffi/arena.ts";
import type { BsdLayout } from "#ffi/bsd/layout.ts";
import { check } from "#ffi/errors.ts";
import { errnoName, NONE } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  EBUSY,
  EEXIST,
  ENOENT,
  ENXIO,
  IFF_POINTOPOINT,
  IFNAMSIZ,
  IFREQ_NAME_AT,
  O_RDWR,
} from "#ffi/posix.ts";
import { StartError } from "#src/errors.ts";
import { mustRun, type Run } from "./commands.ts";
import { IFCONFIG, isUnit, shownInterface, shownInterfaces } from "./interfaces.ts";
import { bsdLayout } from "./layout.ts";
import { Names } from "./names.ts";
import {
  deviceProblem,
  heldProblem,
  isFree,
  isLeftByRelay,
  isStale,
  nameProblem,
} from "./tun_problems.ts";
import { waysOf } from "./ways.ts";

/** The device that stands for the next free unit, where there is one; else a prefix of each unit's. */
export const TUN_DEVICE = "/dev/tun";
/** Of DragonFly BSD: there from the start, and cannot be destroyed. TUN_PREALLOCATED_UNITS */
const PREALLOCATED = /^tun[0-3]$/;
/** Units looked at for a free one. */
const MAX_UNITS = 64;

/** A TUN interface of one queue. */
export interface OpenTun {
  /** As the kernel has it. */
  readonly name: string;
  /** Non-blocking; {@link closeTun} closes it. */
  readonly fd: number;
  /** Whether nobody had made the interface before, so that it goes with the process. */
  readonly made: boolean;
}

/**
 * Opens a unit of tun(4) and gives it the name `wanted` where names can be changed. A unit that is
 * `wanted` by its own name, such as `tun3`, is opened whether or not it exists; else one that no other
 * program uses.
 *
 * What a crashed run has left is destroyed, or used again where it has kept the kernel's name. FreeBSD
 * before 15 and NetBSD leave something, as their tun(4) keeps interfaces at the last close.
 *
 * @param wanted of at most 15 bytes; empty: the kernel names it, and it is not to be a relay's
 * @throws StartError that says what is in the way and the command that mends it; SyscallError
 */
export function openTun(libc: Libc, arena: Arena, run: Run, wanted: string): OpenTun {
  const badName = nameProblem(wanted);
  if (badName !== undefined) throw badName;
  const opener = new Opener(libc, arena, run);
  const tun = opener.open(wanted);
  try {
    opener.prepare(tun);
    const name = opener.rename(tun.name, wanted);
    return { ...tun, name };
  } catch (error) {
    closeTun(libc, arena, run, tun);
    throw error;
  }
}

/**
 * Closes the descriptor, then destroys the interface unless it was there before; where the privilege
 * for that is gone, what the kernel keeps is down, and is destroyed at the next start.
 *
 * In this order: FreeBSD's SIOCIFDESTROY waits until nobody holds the device, even if it is the caller
 * that does.
 */
export function closeTun(libc: Libc, arena: Arena, run: Run, tun: OpenTun): void {
  libc.call.close(tun.fd);
  if (tun.made && new Names(libc, arena).exists(tun.name)) run([IFCONFIG, tun.name, "destroy"]);
}

class Opener {
  readonly #libc: Libc;
  readonly #layout: BsdLayout;
  readonly #arena: Arena;
  readonly #run: Run;
  readonly #names: Names;

  constructor(libc: Libc, arena: Arena, run: Run) {
    this.#libc = libc;
    this.#layout = bsdLayout(libc);
    this.#arena = arena;
    this.#run = run;
    this.#names = new Names(libc, arena);
  }

  open(wanted: string): OpenTun {
    if (isUnit(wanted)) return this.#openUnit(wanted);
    return this.#layout.clonesTun ? this.#clone() : this.#openFree(wanted);
  }

  #openUnit(name: string): OpenTun {
    const isLasting = this.#layout.system === "DragonFly BSD" && PREALLOCATED.test(name);
    const made = !isLasting && !this.#names.exists(name);
    const fd = this.#openLoaded(`/dev/${name}`, name);
    if (fd >= 0) return { name, fd, made };
    if (fd === -EBUSY) throw heldProblem(name, shownInterface(this.#run, name)?.openedBy);
    throw deviceProblem(this.#libc, `/dev/${name}`, -fd);
  }

  /** The kernel picks a unit that does not exist yet. */
  #clone(): OpenTun {
    const fd = this.#openLoaded(TUN_DEVICE);
    if (fd >= 0) return { name: this.#nameOf(fd), fd, made: true };
    throw deviceProblem(this.#libc, TUN_DEVICE, -fd);
  }

  /**
   * A unit that a crashed relay has left, if this is to be one; else one that does not exist, or that
   * nobody has given an address.
   */
  #openFree(wanted: string): OpenTun {
    const all = shownInterfaces(this.#run).filter(({ name }) => isUnit(name));
    const left = wanted === "" ? [] : all.filter(isLeftByRelay).map(({ name }) => name);
    const others = all.filter((shown) => !isFree(shown)).map(({ name }) => name);
    const units = Array.from({ length: MAX_UNITS }, (_, unit) => `tun${unit}`);
    const free = units.filter((name) => !others.includes(name));
    for (const name of [...left, ...free]) {
      const fd = this.#open(`/dev/${name}`);
      // What exists on OpenBSD no program has left: there it goes with the program.
      const isOurs = !this.#layout.destroysTun || all.every((shown) => shown.name !== name);
      if (fd >= 0) return { name, fd, made: isOurs };
      if (fd !== -EBUSY) throw deviceProblem(this.#libc, `/dev/${name}`, -fd);
    }
    throw new StartError(
      `tun0 to tun${MAX_UNITS - 1} are all in use`,
      "remove one with `ifconfig tunN destroy`",
    );
  }

  /** Loads the driver when the device is missing. @returns a descriptor or a negative errno */
  #openLoaded(path: string, unit?: string): number {
    const first = this.#open(path);
    const { loadTun, createsDevice } = waysOf(this.#libc);
    if ((first !== -ENOENT && first !== -ENXIO) || loadTun === undefined) return first;
    this.#run(loadTun);
    const second = this.#open(path);
    if (second !== -ENOENT || unit === undefined || !createsDevice) return second;
    this.#run([IFCONFIG, unit, "create"]);
    return this.#open(path);
  }

  #open(path: string): number {
    const { O_NONBLOCK, O_CLOEXEC } = this.#layout;
    const at = this.#arena.address(this.#arena.cString(path));
    const fd = this.#libc.call.open(at, O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
    return fd >= 0 ? fd : -this.#libc.errno();
  }

  #nameOf(fd: number): string {
    const { TUNGIFNAME, SIZEOF_IFREQ } = this.#layout;
    if (TUNGIFNAME !== NONE) {
      const request = this.#arena.take(SIZEOF_IFREQ);
      if (this.#libc.call.ioctl(fd, TUNGIFNAME, this.#arena.address(request)) === 0) {
        return this.#names.text(request + IFREQ_NAME_AT);
      }
    }
    const own = shownInterfaces(this.#run).find(({ openedBy }) => openedBy === process.pid);
    if (own !== undefined) return own.name;
    this.#libc.call.close(fd);
    throw new StartError(`the name of the interface behind ${TUN_DEVICE} cannot be found out`);
  }

  /** Before the interface is up. @throws SyscallError */
  prepare({ fd, made }: OpenTun): void {
    const { FIONBIO, TUNSTRANSIENT, TUNSIFHEAD, TUNSIFMODE, heedsNonblock } = this.#layout;
    if (!heedsNonblock) this.#must(fd, FIONBIO, 1, "FIONBIO");
    if (made) this.#may(fd, TUNSTRANSIENT, 1);
    this.#must(fd, TUNSIFHEAD, 1, "TUNSIFHEAD");
    // Without IFF_MULTICAST: no duplicate address detection, no link-local address by itself.
    this.#may(fd, TUNSIFMODE, IFF_POINTOPOINT);
  }

  #must(fd: number, request: number, value: number, about: string): void {
    if (request !== NONE) check(this.#libc, this.#may(fd, request, value), "ioctl", about);
  }

  #may(fd: number, request: number, value: number): number {
    if (request === NONE) return 0;
    const at = this.#arena.take(4);
    this.#arena.i32[at >> 2] = value;
    return this.#libc.call.ioctl(fd, request, this.#arena.address(at));
  }

  /** @returns the name it has then */
  rename(name: string, wanted: string): string {
    if (wanted === "" || wanted === name || this.#layout.SIOCSIFNAME === NONE) return name;
    if (this.#setName(name, wanted) === EEXIST) {
      this.#destroyStale(wanted);
      const errno = this.#setName(name, wanted);
      if (errno !== 0) throw this.#renameProblem(name, wanted, errno);
    }
    return wanted;
  }

  /** @returns 0 or EEXIST @throws StartError for any other errno */
  #setName(name: string, wanted: string): number {
    const { SIOCSIFNAME, SIZEOF_IFREQ, IFREQ_DATA_AT, SOCK_CLOEXEC, AF_INET6 } = this.#layout;
    const errno = this.#names.withSocket(AF_INET6, SOCK_CLOEXEC, (fd) => {
      const request = this.#arena.take(SIZEOF_IFREQ);
      const newName = this.#arena.take(IFNAMSIZ);
      this.#names.write(request + IFREQ_NAME_AT, name);
      this.#names.write(newName, wanted);
      this.#arena.writeU64(request + IFREQ_DATA_AT, this.#arena.address(newName));
      const result = this.#libc.call.ioctl(fd, SIOCSIFNAME, this.#arena.address(request));
      return result === 0 ? 0 : this.#libc.errno();
    });
    if (errno !== 0 && errno !== EEXIST) throw this.#renameProblem(name, wanted, errno);
    return errno;
  }

  #renameProblem(name: string, wanted: string, errno: number): StartError {
    const why = errnoName(this.#layout, errno);
    return new StartError(`the interface ${name} cannot be named ${wanted}: ${why}`);
  }

  /** @throws StartError when the interface is not just what a crashed run has left */
  #destroyStale(name: string): void {
    const shown = shownInterface(this.#run, name);
    if (shown === undefined) return;
    if (shown.openedBy !== undefined) throw heldProblem(name, shown.openedBy);
    if (!isStale(shown)) {
      throw new StartError(
        `an interface ${name} exists already and is not one that a crashed relay has left`,
        `run \`ifconfig ${name} destroy\`, or choose another InterfaceName`,
      );
    }
    mustRun(this.#run, [IFCONFIG, name, "destroy"]);
  }
}
