import { Arena } from "#ffi/arena.ts";
import { SyscallError } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { StartError } from "#src/errors.ts";
import {
  type ClientHost,
  DISCOVERY_PATH,
  FILTERING_PATH,
  RANDOM_PORTS,
  SERVICE_PATH,
} from "#src/protocol/client/contract.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { TunnelSink } from "#src/protocol/tunnel.ts";
import type { Downlink, UdpOutlets } from "../downlink.ts";
import type { Kernel } from "../kernel.ts";
import { Place, type TunnelParts } from "../loop/role.ts";
import { UdpInlet } from "../udp/inlet.ts";
import { boundPort, openUdpSocket } from "../udp/socket.ts";
import type { Uplink } from "../uplink.ts";
import { NOTHING, type Waiter } from "../waiter.ts";

/** For the structures of one socket's set-up. */
const SETUP_ARENA = 64 * 1024;

/** Most sockets of a client beside that of its service port. */
export const OTHER_SOCKETS: number = FILTERING_PATH + 1;

/** By what the sockets of a client are opened. */
export interface PortOptions {
  /** That of the service port, of which the others have the address. */
  readonly service: number;
  /** Unsigned 32-bit number; 0 is every address. */
  readonly address: number;
  /** Bytes wanted for each of a socket's two buffers. */
  readonly buffer: number;
  /** Whether to ask for `UDP_GRO`. */
  readonly gro: boolean;
  /** That of local discovery; undefined: there is none. */
  readonly discovery: number | undefined;
  /** Bound to ports of their own, where a thread cannot open any that serve; undefined: it can. */
  readonly spare: readonly number[] | undefined;
}

/** A client's sockets: that of its service port, random ones that come and go, and of local discovery. */
export class ClientPorts implements ClientHost, UdpOutlets {
  readonly #kernel: Kernel;
  readonly #libc: Libc;
  readonly #uplink: Uplink;
  readonly #downlink: Downlink;
  readonly #waiter: Waiter;
  readonly #options: PortOptions;
  readonly #spare: number[] | undefined;
  /** Of the filtering test: by no other may a secondary address of a server have been asked. */
  readonly #filteringSpare: number[] | undefined;
  readonly #discovery: UdpInlet | undefined;
  /** By path. */
  readonly #random: (UdpInlet | undefined)[] = new Array(FILTERING_PATH + 1).fill(undefined);

  constructor(kernel: Kernel, parts: TunnelParts, options: PortOptions) {
    this.#kernel = kernel;
    this.#libc = parts.libc;
    this.#uplink = parts.uplink;
    this.#downlink = parts.downlink;
    this.#waiter = parts.waiter;
    this.#options = options;
    this.#spare = options.spare?.slice(0, RANDOM_PORTS);
    this.#filteringSpare = options.spare?.slice(RANDOM_PORTS);
    this.#downlink.leaveBy(this);
    if (options.discovery === undefined) return;
    this.#discovery = new UdpInlet(options.discovery, DISCOVERY_PATH);
    this.#waiter.watch(placeOf(DISCOVERY_PATH), options.discovery);
  }

  /** @returns 0 as well where the system gives none: peers behind symmetric NATs have to do without */
  openPort(path: number): number {
    const arena = Arena.plain(this.#libc, SETUP_ARENA);
    try {
      const { fd, port } = this.#take(path, arena);
      this.#random[path] = new UdpInlet(fd, path);
      this.#waiter.watch(placeOf(path), fd);
      return port;
    } catch (error) {
      if (error instanceof SyscallError || error instanceof StartError) return 0;
      throw error;
    } finally {
      arena.close();
    }
  }

  #spareFor(path: number): number[] | undefined {
    return path === FILTERING_PATH ? this.#filteringSpare : this.#spare;
  }

  #take(path: number, arena: Arena): { readonly fd: number; readonly port: number } {
    const { address, buffer, gro } = this.#options;
    const spare = this.#spareFor(path);
    if (spare === undefined) {
      return openUdpSocket(this.#kernel, this.#libc, arena, { address, port: 0, buffer, gro });
    }
    const fd = spare.shift();
    if (fd === undefined) throw new StartError("no socket is left", "");
    return { fd, port: boundPort(this.#libc, arena, fd, "random port") };
  }

  closePort(path: number): void {
    const fd = this.#random[path]?.fd;
    if (fd === undefined) return;
    this.#downlink.forsake(path);
    this.#waiter.watch(placeOf(path), NOTHING);
    this.#random[path] = undefined;
    // One of a few is used again, last of all.
    const spare = this.#spareFor(path);
    if (spare === undefined) this.#libc.call.close(fd);
    else spare.push(fd);
  }

  fdOf(path: number): number {
    if (path === SERVICE_PATH) return this.#options.service;
    return this.#random[path]?.fd ?? NOTHING;
  }

  /** A batch of each that has something, but for that of the service port. */
  receive(now: Millis, sink: TunnelSink): void {
    for (let path = 1; path <= FILTERING_PATH; path++) {
      this.#receiveBy(this.#random[path], now, sink);
    }
    this.#receiveBy(this.#discovery, now, sink);
  }

  #receiveBy(inlet: UdpInlet | undefined, now: Millis, sink: TunnelSink): void {
    if (inlet === undefined || !this.#waiter.isReady(placeOf(inlet.path))) return;
    // What is left of a batch lies where the next would.
    if (this.#uplink.hasMore) return;
    this.#downlink.flush();
    this.#uplink.receive(now, sink, inlet);
  }

  /** Closes those that were opened here. */
  close(): void {
    for (let path = 1; path <= FILTERING_PATH; path++) this.closePort(path);
  }
}

function placeOf(path: number): number {
  return Place.Wake + (path === DISCOVERY_PATH ? OTHER_SOCKETS : path);
}
