import { IFF_MULTICAST, IFF_NOARP, IFF_UP } from "#ffi/linux/mod.ts";
import { changeLink, deleteAddress, makeAddress } from "../netlink/link.ts";
import { hasAddress, linkNamed } from "../netlink/look_up.ts";
import type { Link } from "../netlink/routing.ts";
import type { Netlink } from "../netlink/socket.ts";
import { LINK_LOCAL_ADDRESS, LINK_LOCAL_PREFIX_LENGTH } from "./interface.ts";

/** The flags that are set up. */
const FLAGS = IFF_UP | IFF_NOARP | IFF_MULTICAST;

/** An interface as somebody else has made it. */
export interface Found extends Link {
  /** Whether it had the address that a relay gives it. */
  readonly hasAddress: boolean;
}

/** @returns undefined when there is none of this name */
export function findInterface(netlink: Netlink, name: string): Found | undefined {
  const link = name === "" ? undefined : linkNamed(netlink, name);
  if (link === undefined) return undefined;
  return { ...link, hasAddress: hasAddress(netlink, link.index, LINK_LOCAL_ADDRESS) };
}

/**
 * Leaves an interface as it was found, for whoever made it to stay. What is no longer there, or may no
 * longer be changed, is left as it is.
 */
export function giveBack(netlink: Netlink, found: Found): void {
  const { index, name, mtu, queueLength, flags, master } = found;
  const about = `leave ${name} as it was`;
  const steps = [
    () =>
      found.hasAddress ||
      deleteAddress(netlink, index, LINK_LOCAL_ADDRESS, LINK_LOCAL_PREFIX_LENGTH),
    () =>
      changeLink(netlink, index, {
        mtu,
        queueLength,
        set: flags & FLAGS,
        clear: ~flags & FLAGS,
      }, about),
    () => master === 0 || changeLink(netlink, index, { master }, about),
    () => makeAddress(netlink, index, found.makesAddress, about),
  ];
  for (const step of steps) {
    try {
      step();
    } catch {
      // The others still have to be done.
    }
  }
}
