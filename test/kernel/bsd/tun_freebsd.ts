import { Errno } from "../errno.ts";
import type { PaperKernel } from "../kernel.ts";
import type { PaperLink } from "../world.ts";
import {
  EACCES,
  EAFNOSUPPORT,
  EBUSY,
  EEXIST,
  EINVAL,
  EIO,
  ENOENT,
  ENOTTY,
  IFF_BROADCAST,
  IFF_MULTICAST,
  IFF_POINTOPOINT,
  IFF_RUNNING,
  IFF_UP,
} from "./numbers.ts";
import { intAt, TunDriver, type TunFile, type Unit, unitNumber } from "./tun.ts";

/** Whether an open of /dev/tun makes an interface. A variable of the module. */
export const CLONING = "net.link.tun.devfs_cloning";
/** TUNMRU, <net/if_tun.h> */
const TUNMRU = 65_535;

/**
 * tun(4) of FreeBSD 14 and 15: sys/net/if_tuntap.c, whose functions are named here.
 */
export class FreeBsdTun extends TunDriver {
  override readonly queueLength = 50; // ifqmaxlen
  override readonly newFlags = IFF_MULTICAST; // tuncreate()
  override readonly mtus = [72, 65_535] as const; // ifhwioctl(): IF_MINMTU, IF_MAXMTU

  /** tunclone() makes what is missing; tunopen() takes it. */
  override unitOf(kernel: PaperKernel, path: string): Unit {
    if (!this.isLoaded) throw new Errno(ENOENT);
    const node = path.slice("/dev/".length);
    const found = this.#nodeOf(node) ?? this.#clone(kernel, node);
    if (!kernel.isPrivileged) throw new Errno(EACCES); // devfs: mode 0600
    if (found.holder !== undefined) throw new Errno(EBUSY);
    return found;
  }

  /** tunrename() makes an alias of the interface's name beside the node. */
  #nodeOf(node: string): Unit | undefined {
    const number = unitNumber(node);
    if (number !== undefined) return this.units.get(number);
    return [...this.units.values()].find(({ link }) => link.name === node);
  }

  get #clones(): boolean {
    return this.machine.sysctls.get(CLONING) !== "0";
  }

  #clone(kernel: PaperKernel, node: string): Unit {
    const number = node === "tun" ? this.lowestFree() : unitNumber(node);
    const mayClone = kernel.isPrivileged && this.#clones && number !== undefined;
    if (!mayClone) throw new Errno(ENOENT);
    return this.make(number, true, true);
  }

  override opened(): void {}

  /** tundtor() */
  override closed(unit: Unit): void {
    if ((unit.link.flags & IFF_UP) !== 0) this.down(unit);
    unit.queue.length = 0;
    if ((unit.link.flags & IFF_RUNNING) !== 0) {
      unit.link.flags &= ~IFF_RUNNING;
      this.purge(unit);
    }
    if (unit.transient) this.detach(unit);
  }

  /** tun_clone_create() */
  override create(number: number | undefined): Unit {
    if (!this.isLoaded) throw new Errno(EINVAL); // if_clone_create(): no cloner of this name
    if (number !== undefined && this.units.has(number)) throw new Errno(EEXIST);
    return this.make(number ?? this.lowestFree(), false, true);
  }

  /** tun_destroy() sleeps until nobody holds the device, its own holder too. */
  override destroy(unit: Unit): void {
    if (unit.holder !== undefined) {
      this.fatal(`destroying ${unit.link.name} while it is open would block forever`);
    }
    this.detach(unit);
  }

  /** tunioctl() */
  override ownIoctl(unit: Unit, request: number, argument: number, kernel: PaperKernel): number {
    const { numbers, options } = this.machine;
    switch (request) {
      case numbers.TUNGIFNAME:
        writeName(kernel, argument, unit.link);
        return 0;
      case numbers.TUNSIFHEAD:
        unit.head = intAt(kernel, argument) !== 0;
        return 0;
      case numbers.TUNSIFMODE:
        this.#setMode(unit, intAt(kernel, argument));
        return 0;
      case numbers.TUNSTRANSIENT:
        // Not in the driver of 14.
        if (options.release < 15) throw new Errno(ENOTTY);
        unit.transient = intAt(kernel, argument) !== 0;
        return 0;
      case numbers.FIONBIO:
        return 0;
      default:
        throw new Errno(ENOTTY);
    }
  }

  #setMode(unit: Unit, value: number): void {
    if ((unit.link.flags & IFF_UP) !== 0) throw new Errno(EBUSY);
    if (!this.isMode(value)) throw new Errno(EINVAL);
    unit.link.flags &= ~(IFF_BROADCAST | IFF_POINTOPOINT | IFF_MULTICAST);
    unit.link.flags |= value;
  }

  /** tunwrite(), tunwrite_l3() */
  override write(unit: Unit, bytes: Uint8Array<ArrayBuffer>): number {
    if ((unit.link.flags & IFF_UP) === 0 || bytes.length === 0) return 0;
    if (bytes.length > TUNMRU + (unit.head ? 4 : 0)) throw new Errno(EIO);
    if (!this.input(unit, bytes, unit.head)) throw new Errno(EAFNOSUPPORT);
    return bytes.length;
  }

  /** tunoutput() */
  override takes(unit: Unit, isIpv6: boolean): boolean {
    return unit.holder !== undefined && (unit.link.flags & IFF_UP) !== 0 && (unit.head || !isIpv6);
  }

  /** tunread() */
  override readsNone(_unit: Unit, file: TunFile): never {
    return this.nothingWaits(file.nonBlocking);
  }

  /** tunifioctl(), SIOCSIFADDR: tuninit() */
  override addressAdded(unit: Unit): void {
    unit.link.flags |= IFF_UP | IFF_RUNNING;
  }
}

/** strlcpy() of an interface's name into a struct ifreq. */
export function writeName(kernel: PaperKernel, argument: number, link: PaperLink): void {
  const bytes = kernel.memory.view(argument, 16);
  bytes.fill(0).set(new TextEncoder().encode(link.name).subarray(0, 15));
}
