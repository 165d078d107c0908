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
import { commandError, mustRun, type Run } from "../commands.ts";
import { IFCONFIG, isUnit, shownInterface, shownInterfaces } from "../interfaces.ts";
import { bsdLayout } from "../layout.ts";
import { Names } from "../names.ts";
import {
  deviceProblem,
  heldProblem,
  isFree,
  isLeftByRelay,
  isLeftByServer,
  isStale,
  nameProblem,
} from "./problems.ts";
import { waysOf } from "../routing/ways.ts";

/** The device that stands for the next free unit, where there is one; else a prefix of each unit's. */
export const TUN_DEVICE = "/dev/tun";
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

/** What an interface is wanted as. */
export interface TunWish {
  /** Of at most 15 bytes; empty: the kernel names it. A server does with another one. */
  readonly name: string;
  readonly role: "relay" | "server";
}

/**
 * Opens a unit of tun(4) and gives it the name wanted where names can be changed. A unit that is wanted
 * by its own name, such as `tun3`, is opened whether or not it exists; else one that no other program
 * uses.
 *
 * What a crashed run has left is destroyed, or used again where it has kept the kernel's name. FreeBSD
 * before 15 and NetBSD leave something, as their tun(4) keeps interfaces at the last close.
 *
 * @throws StartError that says what is in the way and the command that mends it; SyscallError
 */
export function openTun(libc: Libc, arena: Arena, run: Run, wish: TunWish): OpenTun {
  const badName = nameProblem(wish.name);
  if (badName !== undefined) throw badName;
  const opener = new Opener(libc, arena, run);
  const tun = opener.open(wish);
  try {
    opener.prepare(tun);
    return { ...tun, name: opener.rename(tun.name, wish) };
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
  /** The last command that was to make a device and failed. */
  #failed: StartError | undefined;

  constructor(libc: Libc, arena: Arena, run: Run) {
    this.#libc = libc;
    this.#layout = bsdLayout(libc);
    this.#arena = arena;
    this.#run = run;
    this.#names = new Names(libc, arena);
  }

  open({ name, role }: TunWish): OpenTun {
    if (isUnit(name)) return this.#openUnit(name);
    return this.#layout.clonesTun ? this.#clone() : this.#openFree(role);
  }

  #openUnit(name: string): OpenTun {
    const isThere = this.#names.exists(name);
    const isCreated = !isThere && this.#isCreatedFirst(name);
    const fd = this.#openLoaded(`/dev/${name}`, name);
    const made = isCreated || (!isThere && waysOf(this.#libc).destroysOpened);
    if (fd >= 0) return { name, fd, made };
    if (isCreated) this.#run([IFCONFIG, name, "destroy"]);
    if (fd === -EBUSY) throw heldProblem(name, shownInterface(this.#run, name)?.openedBy);
    throw this.#deviceProblem(`/dev/${name}`, fd);
  }

  /** The kernel picks a unit that does not exist yet. */
  #clone(): OpenTun {
    const fd = this.#openLoaded(TUN_DEVICE);
    if (fd >= 0) return { name: this.#nameOf(fd), fd, made: true };
    throw this.#deviceProblem(TUN_DEVICE, fd);
  }

  /** Where an interface that an open has made could not be destroyed. */
  #isCreatedFirst(name: string): boolean {
    const { destroysOpened, loadTun } = waysOf(this.#libc);
    if (destroysOpened) return false;
    if (loadTun !== undefined) this.#try(loadTun);
    return this.#try([IFCONFIG, name, "create"]);
  }

  /**
   * What a crashed run of this role has left; else a unit that does not exist; else, where devices are
   * few, one that somebody has made and nobody given an address, which stays.
   */
  #openFree(role: TunWish["role"]): OpenTun {
    const all = shownInterfaces(this.#run).filter(({ name }) => isUnit(name));
    const isLeft = role === "relay" ? isLeftByRelay : isLeftByServer;
    // What exists on OpenBSD no program has left: there it goes with the program.
    const left = this.#layout.destroysTun ? [] : all.filter(isLeft).map(({ name }) => name);
    const units = Array.from({ length: MAX_UNITS }, (_, unit) => `tun${unit}`);
    const fresh = units.filter((name) => all.every((shown) => shown.name !== name));
    const free = all.filter(isFree).map(({ name }) => name);
    let missing: StartError | undefined;
    for (const name of [...left, ...fresh, ...free]) {
      const isFresh = fresh.includes(name);
      if (isFresh && missing !== undefined) continue;
      const fd = this.#open(`/dev/${name}`);
      if (fd >= 0) return { name, fd, made: isFresh || left.includes(name) };
      if (fd === -EBUSY) continue;
      const problem = deviceProblem(this.#libc, `/dev/${name}`, -fd);
      if (fd !== -ENOENT && fd !== -ENXIO) throw problem;
      missing ??= problem;
    }
    if (missing !== undefined) throw missing;
    throw new StartError(
      `tun0 to tun${MAX_UNITS - 1} are all in use`,
      "end a program that has one; `ifconfig -a` shows them with their processes",
    );
  }

  /** Loads the driver when the device is missing. @returns a descriptor or a negative errno */
  #openLoaded(path: string, unit?: string): number {
    const first = this.#open(path);
    const { loadTun, createsDevice } = waysOf(this.#libc);
    if ((first !== -ENOENT && first !== -ENXIO) || loadTun === undefined) return first;
    this.#try(loadTun);
    const second = this.#open(path);
    if (second !== -ENOENT || unit === undefined || !createsDevice) return second;
    this.#try([IFCONFIG, unit, "create"]);
    return this.#open(path);
  }

  /** Runs a command whose failure only matters if no device opens. @returns whether it succeeded */
  #try(argv: readonly string[]): boolean {
    const ran = this.#run(argv);
    if (ran.status === 0) return true;
    const failure = commandError(argv, ran);
    if (!/already loaded/.test(failure.problem)) this.#failed = failure;
    return false;
  }

  #deviceProblem(path: string, fd: number): StartError {
    return deviceProblem(this.#libc, path, -fd, this.#failed);
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
    // Without IFF_MULTICAST: no duplicate address detection, no link-local address by itself. FreeBSD
    // and NetBSD; DragonFly BSD's TUNSIFMODE leaves the flag as it is, and OpenBSD has none: there the
    // address is tentative for a second, and OpenBSD's ifconfig(8) adds one of its own beside it.
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

  /** @returns the name it has then @throws StartError for a relay whose name is taken */
  rename(name: string, { name: wanted, role }: TunWish): string {
    try {
      return this.#rename(name, wanted);
    } catch (error) {
      if (role === "relay" || !(error instanceof StartError)) throw error;
      return name;
    }
  }

  #rename(name: string, wanted: string): string {
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
        `choose another interface_name; \`ifconfig ${name}\` shows what it is`,
      );
    }
    mustRun(this.#run, [IFCONFIG, name, "destroy"]);
  }
}
