import { NONE } from "#ffi/layout.ts";
import { EACCES, EINVAL, IPPROTO_IP, IPPROTO_UDP, POLLIN, POLLOUT } from "#ffi/posix.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { Errno, errnoOf, unknown } from "./errno.ts";
import { type Control, type Message, PaperFile } from "./file.ts";
import type { PaperKernel } from "./kernel.ts";
import { dataViewOf } from "./memory.ts";
import type { Datagram, Endpoint, Receiver } from "./network.ts";
import { endpointOf, nameOf } from "./sockaddr.ts";

/** The most that an IPv4 datagram of UDP carries. */
const MAX_PAYLOAD = 65_507;
const BROADCAST = 0xffff_ffff;
const ANY: Endpoint = { address: 0, port: 0 };

/** An IPv4 UDP socket. */
export class UdpFile extends PaperFile implements Receiver {
  readonly kind = "udp";
  bound: Endpoint = ANY;
  sharesPort = false;
  receiveBuffer = 65_536;
  sendBuffer = 65_536;
  /** Whether the address that a datagram was sent to is told. */
  tellsLocal = false;
  /** Datagrams that found no room. */
  lost = 0;
  /** Values of options that only the system knows, by level and name: `1:40`. */
  readonly options = new Map<string, number>();
  readonly #kernel: PaperKernel;
  readonly #queue: { datagram: Datagram; control: readonly Control[] }[] = [];

  constructor(kernel: PaperKernel) {
    super();
    this.#kernel = kernel;
  }

  override bind(name: Uint8Array<ArrayBuffer>): void {
    const { network } = this.#kernel.world;
    const { layout } = this.#kernel.system;
    const { address, port } = endpointOf(layout, name);
    if (this.bound.port !== 0) throw new Errno(EINVAL);
    if (!network.isOwn(address)) throw new Errno(layout.EADDRNOTAVAIL);
    if (port !== 0 && port < 1024) this.#needLowPort();
    const wanted = { address, port: port === 0 ? network.freePort() : port };
    if (!network.isFree(wanted, this.sharesPort)) throw new Errno(layout.EADDRINUSE);
    this.bound = wanted;
    network.add(this);
  }

  /** Of what is connected and never sends, only the address that the kernel chooses is looked at. */
  override connect(name: Uint8Array<ArrayBuffer>): void {
    const { layout } = this.#kernel.system;
    const { network } = this.#kernel.world;
    const to = endpointOf(layout, name);
    const address = network.sourceFor(to.address);
    if (address === undefined) throw new Errno(errnoOf(layout, "ENETUNREACH"));
    this.bound = { address, port: network.freePort() };
  }

  /** Ports below 1024 are root's. */
  #needLowPort(): void {
    if (!this.#kernel.isPrivileged) throw new Errno(EACCES);
  }

  override name(): Uint8Array {
    return nameOf(this.#kernel.system.layout, this.bound);
  }

  override setOption(level: number, name: number, value: Uint8Array<ArrayBuffer>): void {
    const { layout, udpOptions } = this.#kernel.system;
    const option = udpOptions.find((it) => it.level === level && it.name === name);
    const size = option?.size ?? 4;
    if (value.length !== size) unknown(`${value.length} bytes for option ${level}, ${name}`);
    const view = dataViewOf(value);
    if (option !== undefined) return option.set(this, view, this.#kernel);
    const number = view.getInt32(0, true);
    if (level === layout.SOL_SOCKET && name === layout.SO_REUSEPORT) this.sharesPort = number !== 0;
    else if (level === layout.SOL_SOCKET && name === layout.SO_RCVBUF) this.receiveBuffer = number;
    else if (level === layout.SOL_SOCKET && name === layout.SO_SNDBUF) this.sendBuffer = number;
    else if (level === IPPROTO_IP && name === layout.localAddress.option) {
      this.tellsLocal = number !== 0;
    } else unknown(`setsockopt ${level}, ${name} of udp`);
  }

  override getOption(level: number, name: number): Uint8Array {
    const { layout } = this.#kernel.system;
    const isBuffer = level === layout.SOL_SOCKET &&
      (name === layout.SO_RCVBUF || name === layout.SO_SNDBUF);
    if (!isBuffer) unknown(`getsockopt ${level}, ${name} of udp`);
    const size = name === layout.SO_RCVBUF ? this.receiveBuffer : this.sendBuffer;
    return new Uint8Array(Int32Array.of(size).buffer);
  }

  override ioctl(request: number, argument: number): number {
    return this.#kernel.system.socketIoctl(this.#kernel, request, argument);
  }

  override ready(): number {
    return POLLOUT | (this.#queue.length > 0 ? POLLIN : 0);
  }

  deliver(datagram: Datagram): boolean {
    const waiting = this.#queue.reduce((sum, it) => sum + it.datagram.data.length, 0);
    if (waiting + datagram.data.length > this.receiveBuffer) {
      this.lost += 1;
      return false;
    }
    const control = this.#kernel.system.controlOf(this.#kernel, this, datagram);
    this.#queue.push({ datagram, control });
    return true;
  }

  override receive(): Message {
    const next = this.#queue.shift();
    if (next === undefined) throw new Errno(this.#kernel.system.layout.EAGAIN);
    const { datagram, control } = next;
    return {
      data: datagram.data,
      name: nameOf(this.#kernel.system.layout, datagram.from),
      control,
    };
  }

  override send({ data, name, control }: Message): number {
    const { layout, wrongSource, refusesSecondSource } = this.#kernel.system;
    const { network } = this.#kernel.world;
    if (name === undefined) return unknown("send through udp without an address");
    const to = endpointOf(layout, name);
    if (to.port === 0) throw new Errno(EINVAL);
    const { local, segment } = this.#wishesOf(control);
    if (to.address === BROADCAST) throw new Errno(EACCES); // without SO_BROADCAST
    if (local !== 0 && this.bound.address !== 0 && refusesSecondSource) throw new Errno(EINVAL);
    if (local !== 0 && !network.isOwn(local)) throw new Errno(wrongSource);
    const size = segment === 0 ? data.length : segment;
    if (Math.min(size, data.length) > MAX_PAYLOAD) throw new Errno(layout.EMSGSIZE);
    if (!network.reaches(to.address)) throw new Errno(errnoOf(layout, "ENETUNREACH"));
    if (this.bound.port === 0) unknown("send through udp that is not bound");
    const from = { address: local || this.#sourceFor(to), port: this.bound.port };
    for (let at = 0; at < data.length || at === 0; at += size || 1) {
      network.carry({ from, to, data: data.slice(at, at + size) });
    }
    return data.length;
  }

  override close(): void {
    this.#kernel.world.network.remove(this);
  }

  /** What the kernel chooses: of a host of its own, that very address. */
  #sourceFor(to: Endpoint): number {
    const { network } = this.#kernel.world;
    if (this.bound.address !== 0) return this.bound.address;
    return network.isOwn(to.address) ? to.address : unknown("which address udp sends from");
  }

  /** What the control messages of a datagram ask for. */
  #wishesOf(control: readonly Control[]): { local: number; segment: number } {
    const { UDP_SEGMENT, localAddress } = this.#kernel.system.layout;
    let [local, segment] = [0, 0];
    for (const { level, type, data } of control) {
      if (level === IPPROTO_IP && type === localAddress.sentType) {
        if (data.length !== localAddress.length) throw new Errno(EINVAL);
        local = readU32(data, localAddress.sentAt);
      } else if (level === IPPROTO_UDP && type === UDP_SEGMENT && UDP_SEGMENT !== NONE) {
        if (data.length !== 2) throw new Errno(EINVAL);
        segment = data[0]! | (data[1]! << 8);
      } else unknown(`control message ${level}, ${type} of udp`);
    }
    return { local, segment };
  }
}
