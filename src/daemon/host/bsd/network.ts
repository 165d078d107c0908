import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import { sockaddrHead } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  AF_INET,
  IFF_LOOPBACK,
  IFF_UP,
  SIZEOF_SOCKADDR_IN,
  SIZEOF_SOCKLEN_T,
  SOCK_DGRAM,
  SOCKADDR_IN_ADDR_AT,
  SOCKADDR_IN_PORT_AT,
} from "#ffi/posix.ts";
import { RouteChanges } from "#src/datapath/bsd/keep/changes.ts";
import { bsdLayout } from "#src/datapath/bsd/layout.ts";
import { Requests } from "#src/datapath/bsd/requests.ts";
import { Routes } from "#src/datapath/bsd/routing/socket.ts";
import { Opened } from "#src/datapath/opened.ts";
import { readU32, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { IPV6_LENGTH, type Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import {
  type AttachedAddress,
  isNativeAddress,
  type NativeIpv6,
  type NetworkNow,
  type NetworkWatch,
} from "../network.ts";
import { ipv6In, type ListInterfaces } from "./interfaces.ts";

const DEFAULT: Ipv6Prefix = { bytes: new Uint8Array(IPV6_LENGTH), length: 0 };
/** IN6_IFF_TENTATIVE, _DUPLICATED, _DETACHED, _DEPRECATED. <netinet6/in6_var.h> */
const UNUSABLE = 0x02 | 0x04 | 0x08 | 0x10;
/** For requests, a message, names and two socket addresses. */
const ARENA = 8192;
/** Of a datagram that is never sent. */
const DISCARD = 9;

/** See {@link NetworkWatch}. It starts no process, and takes no privilege. @throws SyscallError */
export class BsdNetworkWatch implements NetworkWatch {
  readonly #libc: Libc;
  readonly #list: ListInterfaces;
  readonly #prefix: number;
  readonly #opened = new Opened();
  readonly #arena: Arena;
  readonly #changes: RouteChanges;
  readonly #requests: Requests;
  readonly #routes: Routes;
  /** struct sockaddr_in, and its length as getsockname(2) wants it. */
  readonly #name: number;
  readonly #length: number;

  /** @param prefix upper 32 bits of the service prefix */
  constructor(libc: Libc, list: ListInterfaces, prefix: number) {
    this.#libc = libc;
    this.#list = list;
    this.#prefix = prefix;
    const { AF_INET6, SOCK_CLOEXEC } = bsdLayout(libc);
    const opened = this.#opened;
    [this.#arena, this.#changes, this.#requests] = opened.run(() => {
      const arena = opened.add(new Arena(libc, ARENA), (it) => it.close());
      const changes = opened.add(new RouteChanges(libc), (it) => it.close());
      const made = libc.call.socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      const fd = check(libc, made, "socket", "of interfaces");
      opened.add(fd, () => libc.call.close(fd));
      return [arena, changes, new Requests(libc, arena, fd)] as const;
    });
    this.#routes = new Routes(libc, this.#arena);
    this.#name = this.#arena.take(SIZEOF_SOCKADDR_IN);
    this.#length = this.#arena.take(SIZEOF_SOCKLEN_T);
  }

  hasChanged(): boolean {
    return this.#changes.any();
  }

  look(destinations: readonly number[], own: string, source = 0): NetworkNow {
    const listed = this.#list();
    const ipv4 = Object.keys(listed).flatMap((name) => this.#attached(listed, name));
    const nativeIpv6 = this.#native(listed, own);
    // The kernel, which is not asked with it, may name a way; an answer would come to nobody.
    const isMissing = source !== 0 && !ipv4.some(({ address }) => address === source);
    if (isMissing) return { ipv4, localAddress: undefined, way: "", nativeIpv6 };
    const { chosen, way } = this.#towardsAny(destinations, ipv4);
    const localAddress = chosen && (source || chosen);
    return { ipv4, localAddress, way, nativeIpv6 };
  }

  #attached(listed: ReturnType<ListInterfaces>, name: string): AttachedAddress[] {
    const loopback = (this.#requests.flagsOf(name) & IFF_LOOPBACK) !== 0;
    return (listed[name] ?? []).flatMap(({ address: text, netmask = "" }) => {
      const address = parseIpv4(text);
      if (address === undefined) return [];
      const mask = parseIpv4(netmask) ?? 0xffff_ffff;
      const length = 32 - Math.log2(2 ** 32 - mask);
      const last = (address | ~mask) >>> 0;
      const broadcast = length > 30 ? undefined : last;
      return [{ interfaceName: name, loopback, address, length, broadcast }];
    });
  }

  /**
   * What of the gateways can be asked, takes a process: another address tells of most of them. A way by
   * an interface without a carrier is none, though FreeBSD keeps its routes: in_if_link_down() of NetBSD
   * detaches its addresses, rt_if_linkstate_change() of OpenBSD takes its routes down.
   */
  #towardsAny(destinations: readonly number[], had: readonly AttachedAddress[]) {
    for (const destination of destinations) {
      const chosen = this.#towards(destination);
      if (chosen === undefined) continue;
      const way = had.find(({ address }) => address === chosen)?.interfaceName ?? "";
      if (this.#requests.hasCarrier(way)) return { chosen, way };
    }
    return { chosen: undefined, way: "" };
  }

  /** The kernel chooses the address when a socket is connected, without sending anything. */
  #towards(destination: number): number | undefined {
    const { call, layout } = this.#libc;
    const arena = this.#arena;
    const fd = call.socket(AF_INET, SOCK_DGRAM | layout.SOCK_CLOEXEC, 0);
    if (fd < 0) return undefined;
    try {
      arena.u8.fill(0, this.#name, this.#name + SIZEOF_SOCKADDR_IN);
      arena.u16[this.#name >> 1] = sockaddrHead(layout, AF_INET, SIZEOF_SOCKADDR_IN);
      writeU16(arena.u8, this.#name + SOCKADDR_IN_PORT_AT, DISCARD);
      writeU32(arena.u8, this.#name + SOCKADDR_IN_ADDR_AT, destination);
      const name = arena.address(this.#name);
      if (call.connect(fd, name, SIZEOF_SOCKADDR_IN) !== 0) return undefined;
      arena.u32[this.#length >> 2] = SIZEOF_SOCKADDR_IN;
      if (call.getsockname(fd, name, arena.address(this.#length)) !== 0) return undefined;
      return readU32(arena.u8, this.#name + SOCKADDR_IN_ADDR_AT);
    } finally {
      call.close(fd);
    }
  }

  #native(listed: ReturnType<ListInterfaces>, own: string): NativeIpv6 | undefined {
    const route = this.#routes.of(DEFAULT);
    const via = route?.interfaceName;
    if (route === undefined || route.rejects || via === undefined || via === own) return undefined;
    const isUp = (name: string) => (Math.max(0, this.#requests.flagsOf(name)) & IFF_UP) !== 0;
    if (!isUp(via) || !this.#requests.hasCarrier(via)) return undefined;
    const names = [via, ...Object.keys(listed).filter((it) => it !== via && it !== own)];
    for (const name of names) {
      const addresses = (listed[name] ?? []).map(({ address }) => ipv6In(address));
      const address = addresses.find((it) => it !== undefined && this.#isUsable(name, it));
      if (address !== undefined) return { address, via };
    }
    return undefined;
  }

  #isUsable(name: string, address: Uint8Array): boolean {
    if (!isNativeAddress(address, this.#prefix)) return false;
    // Of one that the kernel does not tell of nothing speaks against it.
    return (Math.max(0, this.#requests.addressFlags(name, address)) & UNUSABLE) === 0;
  }

  close(): void {
    this.#opened.close();
  }
}
