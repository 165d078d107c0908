import { AF_INET, ARPHRD_ETHER, IFF_UP } from "#ffi/linux/mod.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { addresses, type InterfaceAddress, type Link, links } from "../netlink/routing.ts";
import type { Netlink } from "../netlink/socket.ts";

/** What programs are attached to, by index. */
export interface FastPathInterfaces {
  /** Where datagrams of peers come in. */
  readonly ethernet: readonly number[];
  readonly tun: number;
  /** Of the TUN interface, in bytes. */
  readonly mtu: number;
}

/** Programs are attached to so many; datagrams that come by others go the slow way. */
export const MOST_INTERFACES = 64;

/**
 * Those that have all of the IPv4 addresses: what leaves by one of them may come from any.
 *
 * @throws SyscallError
 */
export function ethernetWith(netlink: Netlink, own: readonly number[]): readonly number[] {
  const assigned = addresses(netlink);
  const has = (index: number, address: number) =>
    assigned.some((it) =>
      it.index === index && it.family === AF_INET && readU32(it.bytes, 0) === address
    );
  return ethernetOf(links(netlink), assigned).filter((index) => own.every((it) => has(index, it)));
}

/** undefined: there is no TUN interface of this name. @throws SyscallError */
export function findInterfaces(netlink: Netlink, tun: string): FastPathInterfaces | undefined {
  const all = links(netlink);
  const own = all.find(({ name }) => name === tun);
  if (own === undefined) return undefined;
  return { ethernet: ethernetOf(all, addresses(netlink)), tun: own.index, mtu: own.mtu };
}

/**
 * Those whose frames are Ethernet's and whose IPv4 packets this host takes: not what belongs to a
 * bridge, bond or VRF, where another interface does.
 */
export function ethernetOf(
  all: readonly Link[],
  addresses: readonly InterfaceAddress[],
): readonly number[] {
  const withIpv4 = new Set(
    addresses.filter(({ family }) => family === AF_INET).map(({ index }) => index),
  );
  return all.filter(({ index, type, flags, master }) =>
    type === ARPHRD_ETHER && (flags & IFF_UP) !== 0 && master === 0 && withIpv4.has(index)
  ).map(({ index }) => index).sort((a, b) => a - b).slice(0, MOST_INTERFACES);
}
