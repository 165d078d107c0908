import { remove } from "../lists.ts";
import { Errno } from "../errno.ts";
import type { PaperKernel } from "../kernel.ts";
import {
  EACCES,
  EAFNOSUPPORT,
  EBUSY,
  EEXIST,
  EHOSTDOWN,
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
import { intAt, TunDriver, type Unit, unitNumber } from "./tun.ts";

/** <net/if_tun.h> 1.22: of packets too, not only the interface's default. */
const TUNMTU = 1500;

/** tun(4) of NetBSD 10: sys/net/if_tun.c 1.173, whose functions are named here. */
export class NetBsdTun extends TunDriver {
  override readonly queueLength = 256; // IFQ_MAXLEN
  override readonly newFlags = 0; // tunattach0()
  override readonly mtus = [576, TUNMTU] as const; // tun_ioctl()

  /** tunopen() of a static node. */
  override unitOf(kernel: PaperKernel, path: string): Unit {
    const number = unitNumber(path.slice("/dev/".length));
    const hasNode = number !== undefined && number < this.machine.options.tunNodes;
    if (!hasNode) throw new Errno(ENOENT);
    if (!kernel.isPrivileged) throw new Errno(EACCES); // mode 0600
    const unit = this.units.get(number) ?? this.make(number, true, false);
    if (unit.holder !== undefined) throw new Errno(EBUSY);
    return unit;
  }

  override opened(): void {}

  /** tunclose(): the interface, its addresses, and what was set by ioctl() stay. */
  override closed(unit: Unit): void {
    const { link } = unit;
    unit.queue.length = 0;
    if ((link.flags & IFF_UP) === 0) return;
    this.down(unit);
    if ((link.flags & IFF_RUNNING) === 0) return;
    // rtinit(RTM_DELETE): the routes to what the addresses' prefixes cover
    remove(this.machine.world.routes, (it) => it.link === link && it.origin === "kernel");
  }

  /** tun_clone_create() */
  override create(number: number | undefined): Unit {
    if (number === undefined) throw new Errno(EINVAL);
    if (this.units.has(number)) throw new Errno(EEXIST);
    return this.make(number, false, false);
  }

  /** tun_clone_destroy(): an open device becomes a zombie that answers ENXIO, and tunpoll() 0. */
  override destroy(unit: Unit): void {
    if (unit.holder !== undefined) unit.holder.isRevoked = true;
    this.detach(unit);
  }

  /** tunioctl() */
  override ownIoctl(unit: Unit, request: number, argument: number, kernel: PaperKernel): number {
    const { numbers } = this.machine;
    switch (request) {
      case numbers.TUNSIFHEAD:
        unit.head = intAt(kernel, argument) !== 0;
        return 0;
      case numbers.FIONBIO:
        unit.nonBlocking = intAt(kernel, argument) !== 0;
        return 0;
      case numbers.TUNSIFMODE:
        this.#setMode(unit, intAt(kernel, argument));
        return 0;
      default:
        throw new Errno(ENOTTY);
    }
  }

  #setMode(unit: Unit, value: number): void {
    const mode = value & (IFF_POINTOPOINT | IFF_BROADCAST);
    if (mode !== IFF_POINTOPOINT && mode !== IFF_BROADCAST) throw new Errno(EINVAL);
    if ((unit.link.flags & IFF_UP) !== 0) throw new Errno(EBUSY);
    unit.link.flags &= ~(IFF_BROADCAST | IFF_POINTOPOINT | IFF_MULTICAST);
    unit.link.flags |= value;
  }

  /** tunwrite() */
  override write(unit: Unit, bytes: Uint8Array<ArrayBuffer>): number {
    if (unit.head && bytes.length < 4) throw new Errno(EIO);
    const length = bytes.length - (unit.head ? 4 : 0);
    if (length === 0 || length > TUNMTU) throw new Errno(EIO);
    if (!this.input(unit, bytes, unit.head)) throw new Errno(EAFNOSUPPORT);
    return bytes.length;
  }

  /** tun_output(): TUN_READY, <net/if_tun.h>, wants an address. */
  override takes(unit: Unit, isIpv6: boolean): boolean {
    const isReady = unit.holder !== undefined && unit.hasAddress;
    return isReady && (unit.head || !isIpv6);
  }

  /** tunread() looks at its own FIONBIO, and not at the descriptor's O_NONBLOCK. */
  override readsNone(unit: Unit): never {
    if (!unit.hasAddress) throw new Errno(EHOSTDOWN);
    return this.nothingWaits(unit.nonBlocking);
  }

  /** tun_enable() */
  override addressAdded(unit: Unit): void {
    unit.hasAddress = true;
    unit.link.flags |= IFF_UP | IFF_RUNNING;
  }
}
