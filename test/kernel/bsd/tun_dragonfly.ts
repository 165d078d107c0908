import { Errno } from "../errno.ts";
import type { PaperKernel } from "../kernel.ts";
import {
  EACCES,
  EAFNOSUPPORT,
  EBUSY,
  EEXIST,
  EINVAL,
  EIO,
  ENOENT,
  ENOTTY,
  ENXIO,
  IFF_BROADCAST,
  IFF_MULTICAST,
  IFF_POINTOPOINT,
  IFF_RUNNING,
  IFF_UP,
} from "./numbers.ts";
import { intAt, TunDriver, type TunFile, type Unit, unitNumber } from "./tun.ts";

/** <net/tun/if_tun.h>: of what is written, the address family included. */
const TUNMRU = 16_384;
/** TUN_PREALLOCATED_UNITS: nodes that are there from the start, and that the clone never gives. */
const PREALLOCATED = 4;

/** tun(4) of DragonFly BSD 6: sys/net/tun/if_tun.c, whose functions are named here. */
export class DragonFlyTun extends TunDriver {
  override readonly queueLength = 50; // ifqmaxlen
  override readonly newFlags = IFF_MULTICAST; // tuncreate()
  override readonly mtus = [72, 65_535] as const; // ifioctl(): IF_MINMTU, IF_MAXMTU

  /** tunclone() of `/dev/tun`; tunopen() of a node. */
  override unitOf(kernel: PaperKernel, path: string): Unit {
    if (!this.isLoaded) throw new Errno(ENOENT);
    if (!kernel.isPrivileged) throw new Errno(EACCES); // mode 0600
    const node = path.slice("/dev/".length);
    if (node === "tun") return this.make(this.#lowestClone(), true, false);
    const number = unitNumber(node);
    if (number === undefined) throw new Errno(ENOENT);
    const unit = this.units.get(number);
    if (unit === undefined) {
      if (number >= PREALLOCATED) throw new Errno(ENOENT);
      return this.make(number, false, false);
    }
    if (unit.holder !== undefined) throw new Errno(EBUSY);
    return unit;
  }

  /** devfs_clone_bitmap_get(), in which the preallocated are set. */
  #lowestClone(): number {
    let number = PREALLOCATED;
    while (this.units.has(number)) number++;
    return number;
  }

  override opened(): void {}

  /** tunclose(): what tunclone() made is destroyed; what `ifconfig create` made keeps its addresses. */
  override closed(unit: Unit): void {
    this.down(unit);
    unit.link.flags &= ~IFF_RUNNING;
    if (!unit.isGrouped) this.purge(unit); // without TUN_CLONE
    if (unit.madeByOpen && unit.number >= PREALLOCATED) this.detach(unit);
  }

  /** tun_clone_create(): TUN_CLONE, which isGrouped stands for, and TUN_MANUALMAKE */
  override create(number: number | undefined): Unit {
    if (!this.isLoaded) throw new Errno(EINVAL);
    if (number !== undefined && this.units.has(number)) throw new Errno(EEXIST);
    return this.make(number ?? this.lowestFree(), false, true);
  }

  /** tun_clone_destroy() */
  override destroy(unit: Unit): void {
    if (!unit.isGrouped) throw new Errno(ENXIO);
    if (unit.holder !== undefined) {
      this.fatal(`destroying ${unit.link.name} while it is open panics`); // si_drv1 is gone
    }
    this.detach(unit);
  }

  /** tunioctl() */
  override ownIoctl(unit: Unit, request: number, argument: number, kernel: PaperKernel): number {
    const { numbers } = this.machine;
    switch (request) {
      case numbers.TUNSIFHEAD:
        unit.head = intAt(kernel, argument) !== 0;
        return 0;
      case numbers.TUNSIFMODE:
        this.#setMode(unit, intAt(kernel, argument));
        return 0;
      default:
        throw new Errno(ENOTTY);
    }
  }

  /** IFF_MULTICAST stays where it is. */
  #setMode(unit: Unit, value: number): void {
    if ((unit.link.flags & IFF_UP) !== 0) throw new Errno(EBUSY);
    if (!this.isMode(value)) throw new Errno(EINVAL);
    unit.link.flags &= ~(IFF_BROADCAST | IFF_POINTOPOINT);
    unit.link.flags |= value;
  }

  /** tunwrite(), which does not look at IFF_UP. */
  override write(unit: Unit, bytes: Uint8Array<ArrayBuffer>): number {
    if (bytes.length === 0) return 0;
    if (bytes.length > TUNMRU) throw new Errno(EIO);
    if (!this.input(unit, bytes, unit.head)) throw new Errno(EAFNOSUPPORT);
    return bytes.length;
  }

  /** tunifoutput_serialized() */
  override takes(unit: Unit, isIpv6: boolean): boolean {
    return unit.holder !== undefined && (unit.head || !isIpv6);
  }

  /** tunread() */
  override readsNone(_unit: Unit, file: TunFile): never {
    return this.nothingWaits(file.nonBlocking);
  }

  /** tunifinit() */
  override addressAdded(unit: Unit): void {
    unit.link.flags |= IFF_UP | IFF_RUNNING;
  }
}
