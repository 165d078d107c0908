import process from "node:process";
import { isLinkLocal } from "#src/protocol/wire/ipv6.ts";
import { Errno, unknown } from "../errno.ts";
import { equal } from "../lists.ts";
import type { Control, PaperFile } from "../file.ts";
import type { PaperKernel } from "../kernel.ts";
import type { Datagram } from "../network.ts";
import type { CommandResult, PaperOption, PaperSystem } from "../system.ts";
import type { UdpFile } from "../udp_file.ts";
import { commonWords, type Vocabulary } from "../vocabulary.ts";
import { type PaperLink, PaperWorld } from "../world.ts";
import { runCommand } from "./commands.ts";
import { IfaceSocket } from "./iface_socket.ts";
import { paperLayout, paperNames } from "./layouts.ts";
import {
  EADDRNOTAVAIL,
  EINVAL,
  ENOBUFS,
  ENOENT,
  IFF_BROADCAST,
  IFF_LOOPBACK,
  IFF_MULTICAST,
  IFF_RUNNING,
  IFF_SIMPLEX,
  IFF_UP,
  IP_RECVDSTADDR,
  IPPROTO_IP,
  NUMBERS,
  type Numbers,
  RTM_ADD,
  RTM_DELETE,
  type RtmTypes,
  SO_RCVBUF,
  SO_SNDBUF,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_SOCKET,
  type SystemName,
} from "./numbers.ts";
import { requestWords } from "./request_words.ts";
import { RouteSocket } from "./route_socket.ts";
import { parseAddress } from "./text.ts";
import type { TunDriver } from "./tun.ts";
import { DragonFlyTun } from "./tun_dragonfly.ts";
import { CLONING, FreeBsdTun } from "./tun_freebsd.ts";
import { NetBsdTun } from "./tun_netbsd.ts";
import { OpenBsdTun } from "./tun_openbsd.ts";

/** Neighbour discovery of one interface. FreeBSD: struct nd_ifinfo, ND6_IFF_* */
export interface Nd6 {
  /** ND6_IFF_IFDISABLED: IPv6 packets neither come in nor go out. */
  isDisabled: boolean;
  /** ND6_IFF_NO_DAD */
  noDad: boolean;
  autoLinkLocal: boolean;
}

export interface MachineOptions {
  /** Of FreeBSD, 14 or 15: whether an interface can be transient. */
  readonly release?: number;
  /** Whether tun(4) is in the kernel or loaded. */
  readonly tunLoaded?: boolean;
  /** Nodes of tun(4) in /dev, where they are static. */
  readonly tunNodes?: number;
  /** FreeBSD: whether rc(8) disables IPv6 on interfaces that appear, as it does by default. */
  readonly disablesNew?: boolean;
  readonly forwards?: boolean;
  /** Most bytes that a socket's buffer may have. */
  readonly maxSocketBuffer?: number;
  /** Of the interface {@link WAN}, with their prefix lengths. */
  readonly addresses?: readonly string[];
  /** Of its default routes. */
  readonly gateways?: readonly string[];
}

/** Name of the interface to the network, whatever drives it. */
const WAN = "wan0";

/** Flags of an IPv6 address, <netinet6/in6_var.h>: the same on the four. */
export const IN6_IFF_TENTATIVE = 2;

/**
 * One machine with a BSD: what the kernel holds besides interfaces, addresses and routes, which are
 * `PaperWorld`'s, and the commands of its userland. It outlives the processes on it.
 *
 * What differs between the four lies in their drivers (`tun_*.ts`) and in the texts of their commands.
 */
export class BsdMachine implements PaperSystem {
  readonly name: SystemName;
  readonly options: { -readonly [K in keyof MachineOptions]-?: NonNullable<MachineOptions[K]> };
  readonly numbers: Numbers;
  readonly layout;
  readonly names;
  readonly vocabulary: Vocabulary;
  // <sys/socket.h>, equal on the four
  readonly MSG_TRUNC = 0x10;
  readonly MSG_CTRUNC = 0x20;
  readonly receiveFlags = 0;
  readonly udpOptions: readonly PaperOption[];
  // in_pcbbind_setup() of FreeBSD, as udp_send() calls it: an address beside that of the socket
  readonly refusesSecondSource: boolean;
  // in_pcbbind_setup() of FreeBSD, in_pcbaddrisavail() of OpenBSD, in_pcbbindableaddr() of NetBSD
  readonly wrongSource = EADDRNOTAVAIL;

  readonly world = new PaperWorld();
  readonly tun: TunDriver;
  /** By name, as sysctl(8) prints them. */
  readonly sysctls: Map<string, string>;
  /** The devices of tun(4) are not there, whatever is loaded: a jail, a chroot. */
  hidesTun = false;
  /** No interface takes another MTU. */
  refusesMtu = false;
  /** What was done that no program outlives. */
  readonly fatalities: string[] = [];
  readonly descriptions = new Map<PaperLink, string>();
  /** Open routing sockets. */
  readonly listeners = new Set<RouteSocket>();
  readonly #nd6 = new Map<PaperLink, Nd6>();

  constructor(name: SystemName, options: MachineOptions = {}) {
    this.name = name;
    this.options = {
      release: 14,
      tunLoaded: true,
      tunNodes: 4,
      disablesNew: false,
      forwards: true,
      maxSocketBuffer: 2 * 1024 * 1024,
      addresses: ["192.0.2.1/24", "192.0.2.2/24", "fe80::1/64", "2001:db8::53/64"],
      gateways: ["192.0.2.254", "2001:db8::1"],
      ...options,
    };
    this.numbers = NUMBERS[name];
    this.layout = paperLayout(name);
    this.names = paperNames(name);
    const words = commonWords(this.layout);
    this.vocabulary = {
      ...words,
      domains: { ...words.domains, AF_ROUTE: this.numbers.AF_ROUTE },
      requests: requestWords(this.numbers),
      sockets: { [this.numbers.AF_ROUTE]: "route" },
    };
    this.udpOptions = [SO_RCVBUF, SO_SNDBUF].map((option) => this.#bufferOption(option));
    this.sysctls = new Map([
      ["net.inet6.ip6.forwarding", this.options.forwards ? "1" : "0"],
      ["net.inet6.ip6.auto_linklocal", "1"],
      ...(name === "FreeBSD" ? [[CLONING, "1"] as const] : []),
    ]);
    this.refusesSecondSource = name === "FreeBSD";
    this.tun = makeDriver(this);
    this.#furnish();
  }

  /** A loopback, and the interface of {@link MachineOptions.addresses}. */
  #furnish(): void {
    const { world, options } = this;
    const loopback = world.addLink(
      "lo0",
      16_384,
      IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_MULTICAST,
    );
    world.addAddress(loopback, address("127.0.0.1/8"));
    world.addAddress(loopback, address("::1/128"));
    const wan = world.addLink(
      WAN,
      1500,
      IFF_UP | IFF_BROADCAST | IFF_RUNNING | IFF_SIMPLEX | IFF_MULTICAST,
    );
    for (const text of options.addresses) world.addAddress(wan, address(text));
    for (const gateway of options.gateways) {
      const bytes = parseAddress(gateway)!;
      world.addRoute({
        destination: new Uint8Array(bytes.length),
        length: 0,
        link: wan,
        metric: 0,
        action: "send",
        origin: "static",
        gateway: bytes,
      });
    }
  }

  /** Whether the cable of that interface is out. */
  isUnplugged = false;

  /** Name of the interface to the network. */
  get ethernet(): string {
    return WAN;
  }

  get forwards(): boolean {
    return this.sysctls.get("net.inet6.ip6.forwarding") === "1";
  }

  /** As the one process of a paper kernel sees itself. */
  get pid(): number {
    return process.pid;
  }

  /** A change is told to all that listen. rt_ifmsg(), rt_newaddrmsg(), rt_ifannouncemsg() */
  tell(type: keyof RtmTypes | "RTM_ADD" | "RTM_DELETE"): void {
    const number = { ...this.numbers.types, RTM_ADD, RTM_DELETE }[type];
    for (const listener of this.listeners) listener.hear(number);
  }

  nd6(link: PaperLink): Nd6 {
    let nd6 = this.#nd6.get(link);
    if (nd6 === undefined) {
      nd6 = { isDisabled: false, noDad: false, autoLinkLocal: true };
      this.#nd6.set(link, nd6);
    }
    return nd6;
  }

  /** An IPv6 packet that came in through an interface: taken, forwarded or thrown away. */
  input(link: PaperLink, packet: Uint8Array): void {
    if (this.nd6(link).isDisabled) return; // ip6_input(): ND6_IFF_IFDISABLED
    if (this.name === "OpenBSD" && !this.forwards && this.#isOfAnother(link, packet)) return;
    this.world.arrive(link, packet);
    const source = packet.slice(8, 24);
    const destination = packet.slice(24, 40);
    if (this.world.isOwn(destination) || isLinkLocal(source, 0)) return;
    if (!this.forwards) return; // ip6_input(): not for us
    this.world.forward(packet);
  }

  /** ip6_input_if() of OpenBSD: an address of this host, and not of the interface it came in by. */
  #isOfAnother(link: PaperLink, packet: Uint8Array): boolean {
    const destination = packet.slice(24, 40);
    const isHere = link.addresses.some(({ bytes }) => equal(bytes, destination));
    return this.world.isOwn(destination) && !isHere;
  }

  /** sobuf limits: kern.ipc.maxsockbuf, sb_max. sbreserve_locked(): ENOBUFS, sosetopt(): EINVAL */
  #bufferOption(name: number): PaperOption {
    const set: PaperOption["set"] = (socket, value) => {
      const size = value.getInt32(0, true);
      if (size < 1) throw new Errno(EINVAL);
      if (size > this.options.maxSocketBuffer) throw new Errno(ENOBUFS);
      if (name === SO_RCVBUF) socket.receiveBuffer = size;
      else socket.sendBuffer = size;
    };
    return { level: SOL_SOCKET, name, size: 4, set };
  }

  open(kernel: PaperKernel, path: string, flags: number): PaperFile {
    if (path.startsWith("/dev/")) {
      if (this.hidesTun) throw new Errno(ENOENT);
      return this.tun.open(kernel, path, flags);
    }
    return unknown(`open of ${path}`);
  }

  socket(
    kernel: PaperKernel,
    domain: number,
    type: number,
    protocol: number,
  ): PaperFile | undefined {
    const { AF_ROUTE, AF_INET6 } = this.numbers;
    if (domain === AF_ROUTE && type === SOCK_RAW) return new RouteSocket(this);
    if (domain === AF_INET6 && type === SOCK_DGRAM && protocol === 0) {
      return new IfaceSocket(this, kernel, true);
    }
    return undefined;
  }

  socketIoctl(kernel: PaperKernel, request: number, argument: number): number {
    return new IfaceSocket(this, kernel, false).ioctl(request, argument);
  }

  /** ip_savecontrol(): IP_RECVDSTADDR, a struct in_addr. */
  controlOf(_kernel: PaperKernel, socket: UdpFile, { to }: Datagram): readonly Control[] {
    if (!socket.tellsLocal) return [];
    const data = new Uint8Array(4);
    new DataView(data.buffer).setUint32(0, to.address);
    return [{ level: IPPROTO_IP, type: IP_RECVDSTADDR, data }];
  }

  /** CTL_NET.PF_INET6.IPPROTO_IPV6.IPV6CTL_FORWARDING, the one that is asked by number. */
  sysctl(_kernel: PaperKernel, name: readonly number[], value: Uint8Array | undefined): Uint8Array {
    const known = [4, this.numbers.AF_INET6, 41, 1];
    if (name.length !== 4 || !name.every((it, i) => it === known[i])) throw new Errno(ENOENT);
    if (value !== undefined) unknown("sysctl that sets");
    return new Uint8Array(Int32Array.of(this.forwards ? 1 : 0).buffer);
  }

  run(kernel: PaperKernel, argv: readonly string[]): CommandResult {
    return runCommand(this, kernel, argv);
  }
}

function makeDriver(machine: BsdMachine): TunDriver {
  switch (machine.name) {
    case "FreeBSD":
      return new FreeBsdTun(machine);
    case "OpenBSD":
      return new OpenBsdTun(machine);
    case "NetBSD":
      return new NetBsdTun(machine);
    case "DragonFly BSD":
      return new DragonFlyTun(machine);
  }
}

/** `192.0.2.1/24` */
function address(text: string) {
  const [bytes, length] = text.split("/");
  return { bytes: parseAddress(bytes!)!, prefixLength: Number(length), flags: 0 };
}
