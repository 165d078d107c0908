import { Errno } from "../errno.ts";
import { PaperFile } from "../file.ts";
import type { PaperKernel } from "../kernel.ts";
import { equal } from "../lists.ts";
import { textOf } from "../memory.ts";
import type { PaperLink } from "../world.ts";
import type { BsdMachine } from "./machine.ts";
import {
  EADDRNOTAVAIL,
  EEXIST,
  EINVAL,
  ENAMETOOLONG,
  ENOTTY,
  ENXIO,
  SIOCGIFAFLAG_IN6,
  SIZEOF_IN6_IFREQ,
} from "./numbers.ts";

/** `ifr_flags`, `ifr_mtu` and `ifr_data` of struct ifreq: the union behind the name. */
const UNION_AT = 16;
const IFNAMSIZ = 16;

/** A datagram socket as something to make requests about interfaces through: ifioctl(). */
export class IfaceSocket extends PaperFile {
  readonly kind = "socket";
  readonly #machine: BsdMachine;
  readonly #kernel: PaperKernel;

  readonly #isIpv6: boolean;

  /** @param isIpv6 whether it is of AF_INET6, whose requests in6_control() answers */
  constructor(machine: BsdMachine, kernel: PaperKernel, isIpv6: boolean) {
    super();
    this.#isIpv6 = isIpv6;
    this.#machine = machine;
    this.#kernel = kernel;
  }

  override ioctl(request: number, argument: number): number {
    const { numbers } = this.#machine;
    const { memory } = this.#kernel;
    if (request >>> 0 === SIOCGIFAFLAG_IN6 && this.#isIpv6) return this.#addressFlags(argument);
    // The kernel copies as many bytes as the request says that it has.
    const ifreq = memory.dataView(argument, numbers.SIZEOF_IFREQ);
    switch (request >>> 0) {
      case numbers.SIOCGIFFLAGS:
        ifreq.setInt16(UNION_AT, (this.#linkAt(argument).flags << 16) >> 16, true);
        return 0;
      case numbers.SIOCGIFMTU:
        ifreq.setInt32(UNION_AT, this.#linkAt(argument).mtu, true);
        return 0;
      case numbers.SIOCGIFMEDIA: {
        // ifmedia_ioctl(): IFM_AVALID, and with a carrier IFM_ACTIVE; what has no media knows no such thing.
        const link = this.#linkAt(argument);
        if (link.name !== this.#machine.ethernet) throw new Errno(EINVAL);
        const size = numbers.SIOCGIFMEDIA >>> 16 & 0x1fff;
        const status = this.#machine.isUnplugged ? 0x1 : 0x3;
        memory.dataView(argument, size).setInt32(numbers.mediaStatusAt, status, true);
        return 0;
      }
      case numbers.SIOCGIFINFO_IN6: {
        // struct in6_ndireq: ndi.flags behind the name and five numbers. ND6_IFF_IFDISABLED
        const { isDisabled } = this.#machine.nd6(this.#linkAt(argument));
        memory.dataView(argument, 72).setUint32(36, isDisabled ? 0x8 : 0, true);
        return 0;
      }
      case numbers.SIOCIFDESTROY: {
        this.#kernel.needPrivilege();
        destroyLink(this.#machine, this.#linkAt(argument));
        return 0;
      }
      case numbers.SIOCSIFNAME: {
        const link = this.#linkAt(argument);
        this.#kernel.needPrivilege();
        renameLink(this.#machine, link, memory.string(memory.u64(argument + UNION_AT)));
        return 0;
      }
      default:
        throw new Errno(ENOTTY);
    }
  }

  /** struct in6_ifreq: a sockaddr_in6 behind the name, over which ifr_flags6 is written. */
  #addressFlags(argument: number): number {
    const { addresses } = this.#linkAt(argument);
    const { memory } = this.#kernel;
    const request = memory.view(argument, SIZEOF_IN6_IFREQ);
    const [length, family] = request.subarray(UNION_AT);
    const bytes = request.slice(UNION_AT + 8, UNION_AT + 24);
    const isIpv6 = length === 28 && family === this.#machine.numbers.AF_INET6;
    const found = addresses.find((it) => isIpv6 && equal(it.bytes, bytes));
    if (found === undefined) throw new Errno(EADDRNOTAVAIL);
    memory.dataView(argument + UNION_AT, 4).setInt32(0, found.flags, true);
    return 0;
  }

  #linkAt(argument: number): PaperLink {
    const name = textOf(this.#kernel.memory.view(argument, IFNAMSIZ));
    const link = this.#machine.world.link(name);
    if (link === undefined) throw new Errno(ENXIO); // ifunit()
    return link;
  }
}

/** if_clone_destroy(): a driver that does not clone has no such thing. @throws Errno */
export function destroyLink(machine: BsdMachine, link: PaperLink): void {
  const unit = machine.tun.unitOfLink(link);
  if (unit === undefined) throw new Errno(EINVAL);
  machine.tun.destroy(unit);
}

/** SIOCSIFNAME of FreeBSD's if_rename() and DragonFly BSD's ifioctl(). @throws Errno */
export function renameLink(machine: BsdMachine, link: PaperLink, name: string): void {
  if (name.length >= IFNAMSIZ) throw new Errno(ENAMETOOLONG); // copyinstr()
  if (name === "") throw new Errno(EINVAL);
  if (name === link.name && machine.name === "FreeBSD") return;
  if (machine.world.link(name) !== undefined) throw new Errno(EEXIST);
  link.name = name;
  machine.tell("RTM_IFANNOUNCE"); // IFAN_DEPARTURE, IFAN_ARRIVAL
}
