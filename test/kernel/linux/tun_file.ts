import {
  EBADFD,
  EBUSY,
  EINVAL,
  EIO,
  IFF_MULTI_QUEUE,
  IFF_MULTICAST,
  IFF_NO_PI,
  IFF_NOARP,
  IFF_POINTOPOINT,
  IFF_TUN,
  IFF_VNET_HDR,
  IFNAMSIZ,
  IFREQ_FLAGS_AT,
  IFREQ_NAME_AT,
  POLLERR,
  POLLIN,
  POLLOUT,
  SIZEOF_IFREQ,
  SIZEOF_VIRTIO_NET_HDR,
  TUN_F_CSUM,
  TUN_F_TSO4,
  TUN_F_TSO6,
  TUN_F_TSO_ECN,
  TUN_F_USO4,
  TUN_F_USO6,
  TUNSETIFF,
  TUNSETOFFLOAD,
  TUNSETVNETHDRSZ,
} from "#ffi/linux/mod.ts";
import { Errno, unknown } from "../errno.ts";
import { PaperFile } from "../file.ts";
import type { PaperKernel } from "../kernel.ts";
import { concat } from "../lists.ts";
import { dataViewOf, textOf } from "../memory.ts";
import { PacketQueue } from "../packet_queue.ts";
import type { PaperLink } from "../world.ts";

/** What an interface starts with. drivers/net/tun.c, tun_net_initialize() */
const FLAGS = IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST;
const MTU = 1500;
const QUEUE_LENGTH = 500;
const OFFLOADS = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6;
const USO = TUN_F_USO4 | TUN_F_USO6;

/** Which interfaces are TUNs, and whether a process holds them. */
export type Held = Map<PaperLink, boolean>;

/** What the driver has. */
export interface TunDriver {
  readonly held: Held;
  /** TUN_F_USO4 and TUN_F_USO6. Linux 6.2 */
  readonly hasUso: boolean;
}

/** A descriptor of /dev/net/tun. drivers/net/tun.c */
export class TunFile extends PaperFile {
  readonly kind = "tun";
  readonly #kernel: PaperKernel;
  readonly #driver: TunDriver;
  #queue: PacketQueue | undefined;
  #headerLength = 0;

  constructor(kernel: PaperKernel, driver: TunDriver) {
    super();
    this.#kernel = kernel;
    this.#driver = driver;
  }

  override ioctl(request: number, argument: number): number {
    switch (request) {
      case TUNSETIFF:
        return this.#attach(this.#kernel.memory.view(argument, SIZEOF_IFREQ));
      case TUNSETOFFLOAD:
        return this.#setOffloads(argument);
      case TUNSETVNETHDRSZ: {
        this.#attached();
        const length = this.#kernel.memory.i32(argument);
        return length === SIZEOF_VIRTIO_NET_HDR ? 0 : unknown(`TUNSETVNETHDRSZ ${length}`);
      }
      default:
        return super.ioctl(request, argument);
    }
  }

  /** tun_set_iff() */
  #attach(request: Uint8Array<ArrayBuffer>): number {
    const flags = dataViewOf(request).getUint16(IFREQ_FLAGS_AT, true);
    const rest = flags & ~(IFF_VNET_HDR | IFF_MULTI_QUEUE);
    if (this.#queue !== undefined || rest !== (IFF_TUN | IFF_NO_PI)) {
      unknown(`TUNSETIFF with flags 0x${flags.toString(16)}`);
    }
    const wanted = textOf(request.subarray(IFREQ_NAME_AT, IFNAMSIZ));
    if ((flags & IFF_MULTI_QUEUE) !== 0) {
      if (this.#kernel.world.link(wanted) === undefined) unknown("a TUN of several queues");
      throw new Errno(EINVAL); // another driver's, or of one queue
    }
    const link = this.#existing(wanted) ?? this.#make(wanted);
    this.#driver.held.set(link, true);
    this.#queue = new PacketQueue(this.#kernel.world, link);
    this.#headerLength = (flags & IFF_VNET_HDR) === 0 ? 0 : SIZEOF_VIRTIO_NET_HDR;
    request.fill(0, IFREQ_NAME_AT, IFNAMSIZ);
    new TextEncoder().encodeInto(link.name, request);
    return 0;
  }

  #existing(name: string): PaperLink | undefined {
    const link = this.#kernel.world.link(name);
    if (link === undefined) return undefined;
    const isHeld = this.#driver.held.get(link);
    if (isHeld === undefined) throw new Errno(EINVAL); // another driver's
    this.#kernel.needPrivilege();
    if (isHeld) throw new Errno(EBUSY);
    return link;
  }

  #make(name: string): PaperLink {
    this.#kernel.needPrivilege();
    const { world } = this.#kernel;
    let [free, i] = [name, 0];
    while (free === "" || (name === "" && world.link(free) !== undefined)) free = `tun${i++}`;
    return world.addLink(free, MTU, FLAGS, QUEUE_LENGTH);
  }

  #setOffloads(wanted: number): number {
    this.#attached();
    if ((wanted & ~OFFLOADS) !== 0) throw new Errno(EINVAL);
    // Both versions of IP or none; nothing without checksums.
    const uso = wanted & USO;
    if (uso !== 0 && (uso !== USO || !this.#driver.hasUso)) throw new Errno(EINVAL);
    return (wanted & TUN_F_CSUM) === 0 && wanted !== 0 ? unknown(`offloads ${wanted}`) : 0;
  }

  override read(capacity: number): Uint8Array {
    const packet = this.#attached().take();
    if (packet === undefined) throw new Errno(this.#kernel.system.layout.EAGAIN);
    return concat(new Uint8Array(this.#headerLength), packet).subarray(0, capacity);
  }

  override write(bytes: Uint8Array<ArrayBuffer>): number {
    const queue = this.#attached();
    const header = bytes.subarray(0, this.#headerLength);
    const packet = bytes.subarray(this.#headerLength);
    if (header.some((byte) => byte !== 0)) unknown("a super-packet written to tun");
    if (!queue.isUp) throw new Errno(EIO);
    if (packet[0] === undefined || packet[0] >> 4 !== 6) throw new Errno(EINVAL);
    queue.give(packet);
    return bytes.length;
  }

  override ready(): number {
    if (this.#queue === undefined || this.#isGone) return POLLERR;
    return (this.#queue.isEmpty ? 0 : POLLIN) | (this.#queue.isUp ? POLLOUT : 0);
  }

  override close(): void {
    if (this.#queue === undefined) return;
    const { link } = this.#queue;
    this.#queue.close();
    this.#driver.held.delete(link);
    this.#kernel.world.removeLink(link);
  }

  get #isGone(): boolean {
    return this.#queue !== undefined && !this.#kernel.world.links.includes(this.#queue.link);
  }

  #attached(): PacketQueue {
    if (this.#queue === undefined || this.#isGone) throw new Errno(EBADFD);
    return this.#queue;
  }
}
