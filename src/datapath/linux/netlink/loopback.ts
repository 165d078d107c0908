import type { Libc } from "#ffi/libc.ts";
import {
  IFA_ADDRESS,
  IFA_LOCAL,
  IFADDRMSG_FAMILY_AT,
  IFADDRMSG_INDEX_AT,
  IFADDRMSG_PREFIXLEN_AT,
  IFF_UP,
  NLM_F_CREATE,
  NLM_F_REPLACE,
  RTM_NEWADDR,
  SIZEOF_IFADDRMSG,
} from "#ffi/linux/mod.ts";
import { AF_INET } from "#ffi/posix.ts";
import { changeLink } from "./link.ts";
import { attribute, message } from "./message.ts";
import { Netlink } from "./socket.ts";

/** The loopback interface is the first of every network namespace. */
const LOOPBACK = 1;
const HOST_LENGTH = 32;

/**
 * Makes a new network namespace's loopback interface one that works, and gives it addresses.
 *
 * @param addresses of 4 bytes
 * @throws SyscallError
 */
export function bringLoopbackUp(libc: Libc, addresses: readonly Uint8Array[]): void {
  const netlink = new Netlink(libc);
  try {
    changeLink(netlink, LOOPBACK, { set: IFF_UP }, "bring lo up");
    for (const address of addresses) addAddress(netlink, address);
  } finally {
    netlink.close();
  }
}

function addAddress(netlink: Netlink, address: Uint8Array): void {
  const body = message(
    SIZEOF_IFADDRMSG,
    [
      [IFADDRMSG_FAMILY_AT, 1, AF_INET],
      [IFADDRMSG_PREFIXLEN_AT, 1, HOST_LENGTH],
      [IFADDRMSG_INDEX_AT, 4, LOOPBACK],
    ],
    attribute(IFA_LOCAL, address),
    attribute(IFA_ADDRESS, address),
  );
  const about = `add address ${address.join(".")}/${HOST_LENGTH} to lo`;
  netlink.change(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body, about);
}
