import { SyscallError } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { ARPHRD_ETHER, RTN_UNICAST } from "#ffi/linux/mod.ts";
import { Ipv4Way } from "../netlink/ipv4_way.ts";
import { linkAt } from "../netlink/look_up.ts";
import type { Link } from "../netlink/routing.ts";
import { Netlink } from "../netlink/socket.ts";
import type { Ways } from "./lender.ts";
import { KnownWays } from "./known_ways.ts";
import type { LeaseWay } from "./slots.ts";

/**
 * Asks the kernel by which interface it sends, as it would for a datagram of this host. An answer holds
 * until {@link forget}: whoever is told of changes calls it.
 *
 * Each address is a question of its own: rules, routes and what the kernel has learnt of a path may
 * concern it alone. A hundred thousand new peers a minute are as many questions, so none makes garbage.
 */
export class KernelWays implements Ways {
  readonly #netlink: Netlink;
  readonly #asked: Ipv4Way;
  readonly #known = new KnownWays();
  /** What they leave by: a few interfaces, for all addresses. */
  readonly #links = new Map<number, Link | undefined>();

  /** @throws SyscallError */
  constructor(libc: Libc) {
    this.#netlink = new Netlink(libc);
    this.#asked = new Ipv4Way(this.#netlink.channel);
  }

  to(address: number, local: number): LeaseWay | undefined {
    const known = this.#known;
    if (!known.find(address, local)) {
      known.index = 0;
      this.#ask(address, local);
      known.add(address, local);
    }
    return known.index === 0 ? undefined : known;
  }

  forget(): void {
    this.#known.clear();
    this.#links.clear();
  }

  close(): void {
    this.#netlink.close();
  }

  /** A program can send by what has Ethernet's frames: it writes none of another kind. */
  #ask(address: number, local: number): void {
    const asked = this.#asked;
    if (!asked.ask(address, local) || asked.type !== RTN_UNICAST) return;
    const { index, mtu, gateway, isVia } = asked;
    const link = this.#linkAt(index);
    if (link?.type !== ARPHRD_ETHER) return;
    const known = this.#known;
    known.index = index;
    known.mtu = mtu || link.mtu;
    // Of a next hop with an IPv6 address the routes know.
    known.nextHop = gateway !== 0 ? gateway : isVia ? 0 : address;
  }

  #linkAt(index: number): Link | undefined {
    const known = this.#links.get(index);
    if (known !== undefined || this.#links.has(index)) return known;
    const asked = this.#askLink(index);
    this.#links.set(index, asked);
    return asked;
  }

  #askLink(index: number): Link | undefined {
    try {
      return linkAt(this.#netlink, index);
    } catch (error) {
      // It went away between the questions, or the kernel is short of memory.
      if (error instanceof SyscallError) return undefined;
      throw error;
    }
  }
}
