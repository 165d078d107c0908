import { IFF_LOWER_UP } from "#ffi/linux/mod.ts";
import { IFF_LOOPBACK, IFF_RUNNING, IFF_UP } from "#ffi/posix.ts";
import type { PaperLink, PaperWorld } from "../world.ts";

const ACTIVE = IFF_RUNNING | IFF_LOWER_UP;

/**
 * Gives an interface flags, and what follows from IFF_UP: it runs while it is up, and its IPv6
 * addresses and routes go when it goes down (net.ipv6.conf.*.keep_addr_on_down is 0).
 */
export function setUpFlags(world: PaperWorld, link: PaperLink, flags: number): void {
  const isUp = (flags & IFF_UP) !== 0;
  link.flags = isUp ? flags | ACTIVE : flags & ~ACTIVE;
  if (!isUp && (flags & IFF_LOOPBACK) === 0) world.flush(link, (bytes) => bytes.length === 16);
}
