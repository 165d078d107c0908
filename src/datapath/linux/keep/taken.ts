import { RTN_LOCAL } from "#ffi/linux/mod.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { wayOf } from "../netlink/look_up.ts";
import type { Netlink } from "../netlink/socket.ts";

/**
 * Whether the kernel takes what comes to an interface's addresses. For each it has a route of type local,
 * and whoever flushes the routes of all tables takes that too: the address still shows, and nothing reaches
 * it. The kernel makes that route again only with the address.
 */
export class TakenAddresses {
  readonly #netlink: Netlink;
  /**
   * Those that the kernel was seen to take: it makes the route a moment after the address, and by the rules
   * of some hosts what comes by an interface is never looked up there.
   */
  readonly #seen = new Set<string>();

  constructor(netlink: Netlink) {
    this.#netlink = netlink;
  }

  /** The address was given or taken away just now. */
  forget(address: Uint8Array): void {
    this.#seen.delete(formatIpv6(address));
  }

  /** Whether the kernel took what came to the address, and does no more. @param index of the interface */
  isLost(index: number, address: Uint8Array): boolean {
    const key = formatIpv6(address);
    const way = wayOf(this.#netlink, { destination: address, comesBy: index });
    const isTaken = typeof way !== "number" && way.type === RTN_LOCAL;
    if (isTaken) this.#seen.add(key);
    return !isTaken && this.#seen.has(key);
  }
}
