import { POLLIN, POLLOUT } from "#ffi/posix.ts";
import { Errno, unknown } from "../errno.ts";
import { PaperFile } from "../file.ts";
import type { PaperKernel } from "../kernel.ts";
import { concat, remove } from "../lists.ts";
import type { PaperLink } from "../world.ts";
import type { BsdMachine } from "./machine.ts";
import {
  AF_INET,
  EAGAIN,
  ENXIO,
  IFF_BROADCAST,
  IFF_MULTICAST,
  IFF_POINTOPOINT,
  IFF_UP,
  O_ACCMODE,
} from "./numbers.ts";

/** What a kernel does that no test outlives: it sleeps for good, or panics. */
export class Fatal extends Error {}

/** One unit of tun(4): what its driver keeps beside the interface. */
export interface Unit {
  readonly number: number;
  readonly link: PaperLink;
  /** Whoever holds the device. */
  holder: TunFile | undefined;
  /** TUNSIFHEAD: 4 bytes of address family go before each packet. */
  head: boolean;
  /** FIONBIO */
  nonBlocking: boolean;
  /** An address has been set, since whenever. */
  hasAddress: boolean;
  /** TUNSTRANSIENT of FreeBSD 15: goes with the last close. */
  transient: boolean;
  /** Made by an open of the device. */
  readonly madeByOpen: boolean;
  /** Belongs to the group of its driver, which if_clone_create() puts it into. */
  readonly isGrouped: boolean;
  /** Packets that wait to be read, with what goes before them. */
  readonly queue: Uint8Array<ArrayBuffer>[];
}

/** tun(4) of one system. */
export abstract class TunDriver {
  readonly machine: BsdMachine;
  readonly units = new Map<number, Unit>();
  isLoaded: boolean;

  constructor(machine: BsdMachine) {
    this.machine = machine;
    this.isLoaded = machine.options.tunLoaded;
  }

  /** Packets that may wait. */
  abstract readonly queueLength: number;
  /** Flags of a new interface besides IFF_POINTOPOINT. */
  abstract readonly newFlags: number;

  /** The unit that an open of the device means. @throws Errno */
  abstract unitOf(kernel: PaperKernel, path: string): Unit;
  /** The device is taken. */
  abstract opened(unit: Unit): void;
  /** The last close. */
  abstract closed(unit: Unit): void;
  /** SIOCIFCREATE of `tunN`, or of `tun`, undefined. @throws Errno */
  abstract create(number: number | undefined): Unit;
  /** SIOCIFDESTROY. @throws Errno */
  abstract destroy(unit: Unit): void;
  /** ioctl() of the device, but for what {@link ioctl} answers. @throws Errno */
  abstract ownIoctl(unit: Unit, request: number, argument: number, kernel: PaperKernel): number;
  /** @returns bytes it took @throws Errno */
  abstract write(unit: Unit, bytes: Uint8Array<ArrayBuffer>): number;
  /** Whether the interface takes packets to be read. */
  abstract takes(unit: Unit, isIpv6: boolean): boolean;
  /** What read() says of a device that nothing waits in. */
  abstract readsNone(unit: Unit, file: TunFile): never;
  /** The first address of a family, or one more, was added. */
  abstract addressAdded(unit: Unit): void;
  /** Largest and smallest MTU. */
  abstract readonly mtus: readonly [number, number];
  /** Whether a 4-byte address family always goes before packets. */
  readonly alwaysHead: boolean = false;
  /** What a device says whose interface was destroyed: errno of each call, and events of poll(). */
  readonly revoked: { readonly errno: number; readonly events: number } = {
    errno: ENXIO,
    events: 0,
  };

  open(kernel: PaperKernel, path: string, flags: number): TunFile {
    if ((flags & O_ACCMODE) !== 2) unknown(`open of ${path} other than O_RDWR`);
    const unit = this.unitOf(kernel, path);
    const file = new TunFile(this, unit, kernel);
    unit.holder = file;
    this.opened(unit);
    return file;
  }

  unitOfLink(link: PaperLink): Unit | undefined {
    return [...this.units.values()].find((unit) => unit.link === link);
  }

  protected make(number: number, madeByOpen: boolean, isGrouped: boolean): Unit {
    const { world, options } = this.machine;
    const flags = IFF_POINTOPOINT | this.newFlags;
    const link = world.addLink(`tun${number}`, 1500, flags, this.queueLength);
    const unit: Unit = {
      number,
      link,
      holder: undefined,
      head: false,
      nonBlocking: false,
      hasAddress: false,
      transient: false,
      madeByOpen,
      isGrouped,
      queue: [],
    };
    link.output = (packet) => this.#output(unit, packet);
    this.machine.nd6(link).isDisabled = options.disablesNew;
    this.units.set(number, unit);
    this.machine.tell("RTM_IFANNOUNCE"); // IFAN_ARRIVAL
    return unit;
  }

  /** A test that comes here fails, whatever the program catches. @throws Fatal */
  protected fatal(what: string): never {
    this.machine.fatalities.push(what);
    throw new Fatal(what);
  }

  /** A read that finds nothing. @throws Errno EAGAIN; Fatal where it would wait for good */
  protected nothingWaits(nonBlocking: boolean): never {
    if (nonBlocking) throw new Errno(EAGAIN);
    return this.fatal("a read of tun would block forever");
  }

  /** The interface goes, with its addresses and all its routes. if_detach() */
  protected detach(unit: Unit): void {
    this.units.delete(unit.number);
    this.machine.descriptions.delete(unit.link);
    this.machine.world.removeLink(unit.link);
    this.machine.tell("RTM_IFANNOUNCE"); // IFAN_DEPARTURE
  }

  protected lowestFree(): number {
    let number = 0;
    while (this.units.has(number)) number++;
    return number;
  }

  /** if_down(): static routes stay where they are, and lead nowhere. */
  protected down(unit: Unit): void {
    unit.link.flags &= ~IFF_UP;
    unit.queue.length = 0;
  }

  /** if_purgeaddrs(): the addresses go, and the routes to what their prefixes cover. */
  protected purge(unit: Unit): void {
    const { world } = this.machine;
    unit.link.addresses.length = 0;
    remove(world.routes, (it) => it.link === unit.link && it.origin === "kernel");
  }

  /** Prepends the address family, if one is wanted, and queues the packet. */
  #output(unit: Unit, packet: Uint8Array): boolean {
    const isIpv6 = packet[0]! >> 4 === 6;
    if (!this.takes(unit, isIpv6)) return false;
    if (unit.queue.length >= unit.link.queueLength) return false;
    const family = isIpv6 ? this.machine.numbers.AF_INET6 : AF_INET;
    const head = unit.head || this.alwaysHead ? [Uint8Array.of(0, 0, 0, family)] : [];
    unit.queue.push(concat(...head, packet));
    return true;
  }

  /** Gives the stack a packet behind its family. @returns false for a family it does not know */
  protected input(unit: Unit, bytes: Uint8Array, hasHead: boolean): boolean {
    const { AF_INET6 } = this.machine.numbers;
    const family = hasHead ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) : AF_INET;
    const packet = hasHead ? bytes.slice(4) : bytes.slice();
    if (family === AF_INET6 && packet[0]! >> 4 === 6) this.machine.input(unit.link, packet);
    return family === AF_INET6 || family === AF_INET;
  }

  /** TUNSIFMODE of those that have it: the flags that it may set. */
  protected isMode(value: number): boolean {
    const mode = value & ~IFF_MULTICAST;
    return mode === IFF_POINTOPOINT || mode === IFF_BROADCAST;
  }
}

/** An open device of tun(4). */
export class TunFile extends PaperFile {
  readonly kind = "tun";
  readonly unit: Unit;
  /** The interface was destroyed while this was open. */
  isRevoked = false;
  /** Of the process that opened it. */
  readonly kernel: PaperKernel;
  readonly #driver: TunDriver;

  constructor(driver: TunDriver, unit: Unit, kernel: PaperKernel) {
    super();
    this.#driver = driver;
    this.unit = unit;
    this.kernel = kernel;
  }

  override ioctl(request: number, argument: number): number {
    this.#needDevice();
    return this.#driver.ownIoctl(this.unit, request >>> 0, argument, this.kernel);
  }

  override read(capacity: number): Uint8Array {
    this.#needDevice();
    const next = this.unit.queue.shift();
    return next === undefined
      ? this.#driver.readsNone(this.unit, this)
      : next.subarray(0, capacity);
  }

  override write(bytes: Uint8Array<ArrayBuffer>): number {
    this.#needDevice();
    return this.#driver.write(this.unit, bytes);
  }

  #needDevice(): void {
    if (this.isRevoked) throw new Errno(this.#driver.revoked.errno);
  }

  override ready(): number {
    if (this.isRevoked) return this.#driver.revoked.events;
    return POLLOUT | (this.unit.queue.length > 0 ? POLLIN : 0);
  }

  override close(): void {
    if (this.isRevoked) return;
    this.unit.holder = undefined;
    this.#driver.closed(this.unit);
  }
}

/** An int that an ioctl is given. */
export function intAt(kernel: PaperKernel, argument: number): number {
  return kernel.memory.i32(argument);
}

/** `tun7` to 7; undefined for another name. */
export function unitNumber(name: string): number | undefined {
  const digits = /^tun(\d+)$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
