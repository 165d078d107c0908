import type { Libc } from "#ffi/libc.ts";
import {
  AF_INET,
  AF_INET6,
  IFA_F_DADFAILED,
  IFA_F_DEPRECATED,
  IFA_F_TENTATIVE,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_UP,
  RTN_UNICAST,
} from "#ffi/linux/mod.ts";
import { Changes, IPV4_CHANGES, IPV6_CHANGES } from "#src/datapath/linux/netlink/changes.ts";
import { wayOf } from "#src/datapath/linux/netlink/look_up.ts";
import {
  addresses,
  type InterfaceAddress,
  type Link,
  links,
  routesOf,
} from "#src/datapath/linux/netlink/routing.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { IPV6_LENGTH, type Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import {
  type AttachedAddress,
  isNativeAddress,
  type NativeIpv6,
  type NetworkNow,
  type NetworkWatch,
} from "../network.ts";
import { ipv4Bytes, ROOT_SERVERS_6 } from "../samples.ts";

const DEFAULT: Ipv6Prefix = { bytes: new Uint8Array(IPV6_LENGTH), length: 0 };
/** Of an address that cannot be used, or not any more for what is new. */
const UNUSABLE = IFA_F_DEPRECATED | IFA_F_TENTATIVE | IFA_F_DADFAILED;
const RUNNING = IFF_UP | IFF_LOWER_UP;
const IPV4_BITS = 32;

/** See {@link NetworkWatch}. @throws SyscallError */
export class LinuxNetworkWatch implements NetworkWatch {
  readonly #netlink: Netlink;
  readonly #changes: Changes;
  readonly #prefix: number;

  /** @param prefix upper 32 bits of the service prefix */
  constructor(libc: Libc, prefix: number) {
    this.#prefix = prefix;
    this.#netlink = new Netlink(libc);
    this.#changes = new Changes(libc, IPV4_CHANGES | IPV6_CHANGES);
  }

  signal(wanted: boolean): void {
    this.#changes.signal(wanted);
  }

  hasChanged(): boolean {
    return this.#changes.any();
  }

  look(destinations: readonly number[], own: string, source = 0): NetworkNow {
    const all = new Map(links(this.#netlink).map((link) => [link.index, link]));
    const had = addresses(this.#netlink);
    return {
      ipv4: had.filter(({ family }) => family === AF_INET).map((it) => attached(it, all)),
      ...this.#way4(destinations, source, all),
      nativeIpv6: this.#native(had, all, own),
    };
  }

  /**
   * The kernel goes on to name ways by an interface that has lost its carrier, unless it was told not to
   * (`ignore_routes_with_linkdown`, ip-sysctl): nothing leaves by them.
   */
  #way4(destinations: readonly number[], from: number, all: ReadonlyMap<number, Link>) {
    for (const destination of destinations) {
      const journey = from === 0 ? {} : { source: ipv4Bytes(from) };
      const way = wayOf(this.#netlink, { destination: ipv4Bytes(destination), ...journey });
      if (typeof way === "number" || way.type !== RTN_UNICAST) continue;
      const link = all.get(way.index);
      if (link === undefined || !isRunning(link)) continue;
      const localAddress = from || (way.source && readU32(way.source, 0));
      if (localAddress === undefined) continue;
      const by = way.gateway === undefined ? [] : [formatIpv4(readU32(way.gateway, 0))];
      return { localAddress, way: [link.name, ...by].join(", ") };
    }
    return { localAddress: undefined, way: "" };
  }

  /**
   * Not only where the kernel would send a packet by it: ours may win, as of a lower metric, and a rule
   * may have packets looked up elsewhere.
   */
  #native(
    had: readonly InterfaceAddress[],
    all: ReadonlyMap<number, Link>,
    own: string,
  ): NativeIpv6 | undefined {
    const isOther = (index: number) => {
      const link = all.get(index);
      return link !== undefined && link.name !== own && (link.flags & IFF_LOOPBACK) === 0 &&
        isRunning(link);
    };
    const usable = had.filter(({ family, bytes, flags, index }) =>
      family === AF_INET6 && (flags & UNUSABLE) === 0 && isOther(index) &&
      isNativeAddress(bytes, this.#prefix)
    );
    // Without an address none of the routes matters: a full table of them is read for nothing.
    if (usable.length === 0) return undefined;
    const via = this.#defaultsBy().find(isOther);
    if (via === undefined) return undefined;
    const { bytes } = usable.find(({ index }) => index === via) ?? usable[0]!;
    return { address: bytes, via: all.get(via)!.name };
  }

  /** Indexes of the interfaces that default routes lead to, the one that is taken first. */
  #defaultsBy(): number[] {
    const taken = wayOf(this.#netlink, { destination: ROOT_SERVERS_6[0]! });
    const first = typeof taken === "number" || taken.type !== RTN_UNICAST ? [] : [taken.index];
    const routes = routesOf(this.#netlink, DEFAULT).filter(({ type }) => type === RTN_UNICAST)
      .sort((a, b) => a.metric - b.metric);
    return [...first, ...routes.map(({ index }) => index)];
  }

  close(): void {
    this.#netlink.close();
    this.#changes.close();
  }
}

function isRunning({ flags }: Link): boolean {
  return (flags & RUNNING) === RUNNING;
}

function attached(
  { bytes, prefixLength, broadcast, index }: InterfaceAddress,
  all: ReadonlyMap<number, Link>,
): AttachedAddress {
  const link = all.get(index);
  return {
    interfaceName: link?.name ?? "",
    loopback: ((link?.flags ?? 0) & IFF_LOOPBACK) !== 0,
    address: readU32(bytes, 0),
    length: Math.min(prefixLength, IPV4_BITS),
    broadcast: broadcast === undefined ? undefined : readU32(broadcast, 0),
  };
}
