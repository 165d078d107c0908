import { SyscallError, unless } from "#ffi/errors.ts";
import {
  EACCES,
  EAFNOSUPPORT,
  EEXIST,
  ENODEV,
  EOPNOTSUPP,
  EPERM,
  ESRCH,
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_UP,
} from "#ffi/linux/mod.ts";
import { StartError } from "#src/errors.ts";
import { type Ipv6Prefix, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { type Netlink } from "../netlink/socket.ts";
import type { HomeSetup } from "../../homes.ts";
import type { EntrustedHome } from "../../keep/contract.ts";
import type { ServiceRoutes } from "../../service_routes.ts";
import { ownersOf, rivalProblem } from "../owners.ts";
import { addAddress, changeLink, makeAddress } from "../netlink/link.ts";
import { addRoute, deleteRoute } from "../netlink/routing.ts";
import { linkNamed } from "../netlink/look_up.ts";
import { freeTable, removeLeftOver } from "./left_over.ts";

/** fe80::ffff:ffff:ffff, the address that other implementations give their Teredo interface. */
export const LINK_LOCAL_ADDRESS: Uint8Array = parseIpv6("fe80::ffff:ffff:ffff")!;
export const LINK_LOCAL_PREFIX_LENGTH = 64;

/**
 * Packets that wait in the kernel while the thread serves other things. The default of 500 is 2 ms
 * of traffic at 250,000 packets/s; this is 40 ms, more than a pause of the garbage collector.
 */
export const QUEUE_LENGTH = 10_000;
/**
 * The same where an entry can be a super-packet of 64 KB: 128 MB at the most, a fifth of a second at
 * 6 Gbit/s, 8 ms of single packets at 250,000 a second.
 */
export const SUPER_QUEUE_LENGTH = 2_000;

export interface InterfaceSetup {
  /** Of a TUN that exists. */
  readonly interfaceName: string;
  /** Bytes, at least 1280. */
  readonly mtu: number;
  /** Packets, or super-packets, that may wait in each of its queues. */
  readonly queueLength: number;
  /** The Teredo service prefix, 2001::/32. */
  readonly prefix: Ipv6Prefix;
  readonly routes: ServiceRoutes;
  /** Of a client: the route of the prefix comes with an address. */
  readonly home?: HomeSetup | undefined;
}

/** An interface, ready for packets. */
export interface Configured {
  /** Another one once it had to be made again. */
  index: number;
  readonly prefix: Ipv6Prefix;
  /** Of its route: see {@link ServiceRoutes}. */
  readonly metric: number;
  readonly protocol: number | undefined;
  /** Of a client. */
  readonly home?: EntrustedHome | undefined;
}

/**
 * Makes a TUN interface the way to all Teredo clients: up, with its MTU, a link-local address that
 * ICMPv6 errors may come from, and the route of the service prefix. May be repeated.
 *
 * Of a client's that route, its addresses and all else wait for `Keeper.setHome`, and what one has left
 * that was killed goes.
 *
 * @throws StartError when another interface has the prefix, IPv6 is off or privileges are missing;
 *   SyscallError otherwise
 */
export function configureTunnel(netlink: Netlink, setup: InterfaceSetup): Configured {
  const { interfaceName: name, prefix, routes: { metric, protocol } } = setup;
  const index = linkNamed(netlink, name)?.index;
  if (index === undefined) throw new StartError(`the interface ${name} is gone`);
  refuseOtherOwner(netlink, prefix, index, metric);
  try {
    // Before it comes up, or the kernel has made an address already.
    makeAddress(netlink, index, false, `set up ${name}`);
    changeLink(netlink, index, {
      mtu: setup.mtu,
      queueLength: setup.queueLength,
      // Nobody is there to answer a neighbour solicitation, and no group has a member.
      set: IFF_UP | IFF_NOARP,
      clear: IFF_MULTICAST,
    }, `set up ${name}`);
    addAddress(netlink, index, LINK_LOCAL_ADDRESS, LINK_LOCAL_PREFIX_LENGTH);
    const configured = { index, prefix, metric, protocol };
    if (setup.home !== undefined) return { ...configured, home: homeOf(netlink, index, setup) };
    unless([EEXIST], () => addRoute(netlink, configured));
    return configured;
  } catch (error) {
    throw explained(error, name);
  }
}

function homeOf(netlink: Netlink, index: number, { home, prefix }: InterfaceSetup): EntrustedHome {
  removeLeftOver(netlink, index, prefix);
  const { metric, sourceRouting } = home!;
  return { metric, table: sourceRouting ? freeTable(netlink) : undefined };
}

/**
 * Takes the route away, so that no new packets come while the last ones are served.
 *
 * The rest goes when the TUN is closed; so does the route when the privilege to delete it is gone.
 */
export function tearDown(netlink: Netlink, tunnel: Configured): void {
  unless([ESRCH, ENODEV, EPERM], () => deleteRoute(netlink, tunnel));
}

/** One of a higher metric is no hindrance: ours wins while it is there. */
function refuseOtherOwner(
  netlink: Netlink,
  prefix: Ipv6Prefix,
  index: number,
  metric: number,
): void {
  const owners = ownersOf(netlink, prefix).filter((owner) => owner.metric <= metric);
  const other = owners.find((owner) => owner.index !== index);
  if (other === undefined) return;
  const { problem, mend } = rivalProblem(prefix, other, metric);
  throw new StartError(problem, mend);
}

/** The operator's side of what the kernel answers. */
function explained(error: unknown, name: string): unknown {
  if (!(error instanceof SyscallError)) return error;
  switch (error.errno) {
    case EPERM:
      return new StartError(
        `no permission to configure the interface ${name}`,
        "start as root or with the capability CAP_NET_ADMIN",
      );
    case EACCES:
    case EAFNOSUPPORT:
    case EOPNOTSUPP:
      return new StartError(
        `IPv6 is off on the interface ${name} (${error.message})`,
        "run `sysctl -w net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0`",
      );
    default:
      return error;
  }
}
