import { POLLHUP } from "#ffi/posix.ts";
import { Errno } from "../errno.ts";
import type { PaperKernel } from "../kernel.ts";
import {
  EACCES,
  EBUSY,
  EEXIST,
  EINVAL,
  EIO,
  EMSGSIZE,
  ENOENT,
  ENOTTY,
  IFF_BROADCAST,
  IFF_MULTICAST,
  IFF_POINTOPOINT,
  IFF_RUNNING,
  IFF_UP,
} from "./numbers.ts";
import { intAt, TunDriver, type TunFile, type Unit, unitNumber } from "./tun.ts";

/** MAXMCLBYTES, <sys/mbuf.h> */
const MAXMCLBYTES = 64 * 1024;
/** TUN_IFF_FLAGS */
const TUN_IFF_FLAGS = IFF_UP | IFF_POINTOPOINT | IFF_MULTICAST | IFF_BROADCAST;

/** tun(4) of OpenBSD 7: sys/net/if_tun.c 1.252, whose functions are named here. */
export class OpenBsdTun extends TunDriver {
  override readonly queueLength = 256; // IFQ_MAXLEN
  override readonly newFlags = IFF_MULTICAST; // tun_create()
  override readonly mtus = [64, 16_384] as const; // tun_ioctl(): ETHERMIN, TUNMRU
  override readonly alwaysHead = true; // tun_output(): no ioctl about it
  override readonly revoked = { errno: EIO, events: POLLHUP }; // dead_read(), dead_write(), dead_poll()

  /** tun_dev_open() of a static node. */
  override unitOf(kernel: PaperKernel, path: string): Unit {
    const number = unitNumber(path.slice("/dev/".length));
    const hasNode = number !== undefined && number < this.machine.options.tunNodes;
    if (!hasNode) throw new Errno(ENOENT);
    if (!kernel.isPrivileged) throw new Errno(EACCES); // mode 0600
    const unit = this.units.get(number) ?? this.make(number, true, true);
    if (unit.holder !== undefined) throw new Errno(EBUSY);
    return unit;
  }

  override opened(unit: Unit): void {
    unit.link.flags |= IFF_UP | IFF_RUNNING;
  }

  /** tun_dev_close(): without TUN_STAYUP, which `ifconfig tunN create` leaves set, it is destroyed. */
  override closed(unit: Unit): void {
    this.down(unit);
    unit.link.flags &= ~IFF_RUNNING;
    if (unit.madeByOpen) this.detach(unit);
  }

  /** tun_create() */
  override create(number: number | undefined): Unit {
    if (number === undefined) throw new Errno(EINVAL); // if_clone_create(): a unit is wanted
    if (this.units.has(number)) throw new Errno(EEXIST);
    return this.make(number, false, true);
  }

  /** tun_clone_destroy(): VOP_REVOKE() takes the device from its holder. */
  override destroy(unit: Unit): void {
    if (unit.holder !== undefined) unit.holder.isRevoked = true;
    this.detach(unit);
  }

  /** tun_dev_ioctl() */
  override ownIoctl(unit: Unit, request: number, argument: number, kernel: PaperKernel): number {
    if (request !== this.machine.numbers.TUNSIFMODE) throw new Errno(ENOTTY);
    const isAsItIs = intAt(kernel, argument) === (unit.link.flags & TUN_IFF_FLAGS);
    if (!isAsItIs) throw new Errno(EINVAL);
    return 0;
  }

  /** tun_dev_write(); tun_input() throws away what is of no known family. */
  override write(unit: Unit, bytes: Uint8Array<ArrayBuffer>): number {
    const isTooLong = bytes.length > 4 + MAXMCLBYTES;
    if (bytes.length < 4 || isTooLong) throw new Errno(EMSGSIZE);
    this.input(unit, bytes, true);
    return bytes.length;
  }

  /** tun_output() */
  override takes(unit: Unit): boolean {
    return (unit.link.flags & IFF_RUNNING) !== 0;
  }

  /** tun_dev_read(): IO_NDELAY is the descriptor's O_NONBLOCK. */
  override readsNone(_unit: Unit, file: TunFile): never {
    return this.nothingWaits(file.nonBlocking);
  }

  /** tun_ioctl(), SIOCSIFADDR */
  override addressAdded(unit: Unit): void {
    unit.link.flags |= IFF_UP | IFF_RUNNING;
  }
}
