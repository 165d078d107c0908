import { RT_TABLE_LOCAL, RTN_LOCAL } from "#ffi/linux/mod.ts";
import type { Millis } from "#src/protocol/time.ts";
import { equalIpv6, formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { wayOf } from "../netlink/look_up.ts";
import type { Netlink } from "../netlink/socket.ts";
import { routesBy } from "../netlink/tables.ts";

/** What the kernel's own thread may take to make a route, on a host that has much else to do. */
const MAKING: Millis = 1_000;

/**
 * Whether the kernel takes what comes to an interface's addresses. For each it has a route of type local,
 * and whoever flushes the routes of all tables takes that too: the address still shows, and nothing reaches
 * it. The kernel makes that route again only with the address, and a moment after it: who flushes may be
 * there again before anybody has seen it.
 */
export class TakenAddresses {
  readonly #netlink: Netlink;
  /** When an address was first found without a route; -Infinity: it had one. */
  readonly #since = new Map<string, Millis>();

  constructor(netlink: Netlink) {
    this.#netlink = netlink;
    netlink.channel.filterLists();
  }

  /** The address was given or taken away just now. */
  forget(address: Uint8Array): void {
    this.#since.delete(formatIpv6(address));
  }

  /** Whether an address has no route yet, or no more: only after {@link MAKING} is it known which. */
  get isWaiting(): boolean {
    for (const since of this.#since.values()) if (since !== -Infinity) return true;
    return false;
  }

  /** Whether the kernel does not take what comes to the address, or no more. @param index of the interface */
  isLost(index: number, address: Uint8Array): boolean {
    const key = formatIpv6(address);
    if (this.#isTaken(index, address)) {
      this.#since.set(key, -Infinity);
      return false;
    }
    const now = performance.now();
    const since = this.#since.get(key) ?? now;
    this.#since.set(key, since);
    return now - since >= MAKING;
  }

  #isTaken(index: number, address: Uint8Array): boolean {
    const way = wayOf(this.#netlink, { destination: address, comesBy: index });
    if (typeof way !== "number" && way.type === RTN_LOCAL) return true;
    // By the rules of some hosts what comes by an interface is never looked up there.
    return routesBy(this.#netlink, index).some(({ table, prefix: { bytes, length } }) =>
      table === RT_TABLE_LOCAL && length === 128 && equalIpv6(bytes, 0, address, 0)
    );
  }
}
