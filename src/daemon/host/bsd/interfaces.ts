import type { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { AF_INET, IFF_LOOPBACK, IFF_UP, SOCK_DGRAM } from "#ffi/posix.ts";
import { Requests } from "#src/datapath/bsd/requests.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { IPV6_LENGTH, isLinkLocal, isLoopback, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { Device, Interface } from "../contract.ts";

/** What `networkInterfaces()` of node:os gives, as far as it is read. */
export type ListInterfaces = () => Readonly<
  Record<string, readonly ListedAddress[] | undefined>
>;

export interface ListedAddress {
  readonly family: string;
  readonly address: string;
  readonly netmask?: string;
}

/**
 * The interfaces of a BSD, again and again without starting a process: the runtime lists addresses,
 * ioctl(2) tells the rest. Its socket is opened at once, so that it outlives chroot and user.
 */
export class BsdInterfaces {
  readonly #list: ListInterfaces;
  readonly #requests: Requests;
  /**
   * Names met so far that are still there. The runtimes leave out an interface that is down or has no
   * address: of those the kernel is asked by name.
   */
  readonly #known = new Set<string>();

  /** @param arena for one request, as long as this lives @throws SyscallError */
  constructor(libc: Libc, arena: Arena, list: ListInterfaces) {
    this.#list = list;
    const type = SOCK_DGRAM | libc.layout.SOCK_CLOEXEC;
    const fd = check(libc, libc.call.socket(AF_INET, type, 0), "socket", "of interfaces");
    this.#requests = new Requests(libc, arena, fd);
  }

  read(): Interface[] {
    const listed = this.#list();
    for (const name of Object.keys(listed)) this.#known.add(name);
    const interfaces: Interface[] = [];
    for (const name of this.#known) {
      const flags = this.#flagsOf(name);
      if (flags === undefined) {
        this.#known.delete(name);
        continue;
      }
      const addresses = listed[name] ?? [];
      interfaces.push({
        name,
        up: (flags & IFF_UP) !== 0,
        loopback: (flags & IFF_LOOPBACK) !== 0,
        mtu: this.#mtuOf(name),
        ipv4: addresses.map((it) => parseIpv4(it.address)).filter((it) => it !== undefined),
      });
    }
    return interfaces;
  }

  device(name: string): Device | undefined {
    const flags = this.#flagsOf(name);
    if (flags === undefined) return undefined;
    const addresses = this.#list()[name] ?? [];
    return {
      up: (flags & IFF_UP) !== 0,
      hasCarrier: true,
      mtu: this.#mtuOf(name),
      hasLinkLocal: addresses.some((it) => isLinkLocal(ipv6In(it.address) ?? NO_ADDRESS, 0)),
    };
  }

  /** Addresses of all interfaces but loopback's. */
  addresses(): { readonly ipv4: readonly number[]; readonly ipv6: readonly Uint8Array[] } {
    const texts = Object.values(this.#list()).flatMap((all) => all ?? []).map((it) => it.address);
    const ipv4 = texts.map(parseIpv4).filter((it) => it !== undefined && it >>> 24 !== 127);
    const ipv6 = texts.map(ipv6In).filter((it) => it !== undefined && !isLoopback(it, 0));
    return { ipv4: ipv4 as number[], ipv6: ipv6 as Uint8Array[] };
  }

  /** Also of one that no runtime lists. */
  isUp(name: string): boolean {
    return ((this.#flagsOf(name) ?? 0) & IFF_UP) !== 0;
  }

  /** Undefined when there is no such interface. */
  #flagsOf(name: string): number | undefined {
    const flags = this.#requests.flagsOf(name);
    return flags < 0 ? undefined : flags;
  }

  /** 0 for one that went meanwhile. */
  #mtuOf(name: string): number {
    return Math.max(0, this.#requests.mtuOf(name));
  }
}

const NO_ADDRESS = new Uint8Array(IPV6_LENGTH);

/** Also of `fe80::1%tun0`, and of `fe80:5::1`, which is how some of the kernels keep the zone. */
export function ipv6In(text: string): Uint8Array | undefined {
  return parseIpv6(text.replace(/%.*$/, ""));
}
