import type { Libc } from "#ffi/libc.ts";
import { StartError } from "#src/errors.ts";
import {
  formatIpv6,
  formatIpv6Prefix,
  type Ipv6Prefix,
  parseIpv6,
} from "#src/protocol/wire/ipv6.ts";
import { commandError, mustRun, type Run, typed } from "../commands.ts";
import { IFCONFIG, parseIfconfig, shownInterface } from "../interfaces.ts";
import type { FoundRoute, Routes } from "../routing/socket.ts";
import { waysOf } from "../routing/ways.ts";

/** fe80::ffff:ffff:ffff, the address that other implementations give their Teredo interface. */
export const LINK_LOCAL_ADDRESS: Uint8Array = parseIpv6("fe80::ffff:ffff:ffff")!;
export const LINK_LOCAL_PREFIX_LENGTH = 64;
/** Description of a relay's interface where it keeps the kernel's name. */
export const RELAY_MARK = "teredo";

export interface InterfaceSetup {
  /** Of a TUN that exists. */
  readonly name: string;
  /** Bytes, at least 1280. */
  readonly mtu: number;
  /** The Teredo service prefix, 2001::/32. */
  readonly prefix: Ipv6Prefix;
  /** Of a client: the route of the prefix comes with an address. */
  readonly hasHome: boolean;
}

/** An interface, and what is routed into it. */
export type Routed = Pick<InterfaceSetup, "name" | "prefix">;

/**
 * Makes a TUN interface the way to all Teredo clients: up, with its MTU, a link-local address that
 * ICMPv6 errors may come from, and the route of the service prefix.
 *
 * What a crashed run has left on it goes first: an address that is there already, and belongs to
 * nothing, would keep the same one from being added, and its routes from working.
 *
 * @throws StartError when another interface has the prefix, or a command failed, with what it said
 */
export function configureTunnel(
  libc: Libc,
  run: Run,
  routes: Routes,
  setup: InterfaceSetup,
): void {
  const { name, mtu, prefix } = setup;
  const ways = waysOf(libc);
  if (mtu > ways.mostMtu) {
    throw new StartError(
      `tun(4) of ${libc.layout.system} takes no MTU of ${mtu}`,
      `set interface_mtu to ${ways.mostMtu} or less`,
    );
  }
  const route = routes.of(prefix);
  refuseOtherOwner(prefix, name, route);
  if (route !== undefined) run(ways.deleteRoute(prefix));
  deleteAddresses(run, name);

  const wishes = [ways.settle(name), ways.describe(name, RELAY_MARK), ways.lengthenQueue(name)];
  for (const argv of wishes.flat()) run(argv);
  setMtu(run, name, mtu);
  mustRun(run, addAddressTo(name));
  mustRun(run, upOf(name));
  if (!setup.hasHome) addRoute(libc, run, routes, setup);
  enableIpv6(libc, run, name);
}

/** The command that gives an interface the address of a relay's. */
export function addAddressTo(name: string): readonly string[] {
  const length = String(LINK_LOCAL_PREFIX_LENGTH);
  return [IFCONFIG, name, "inet6", addressOf(name), "prefixlen", length];
}

/** The command that takes an interface up. */
export const upOf = (name: string): readonly string[] => [IFCONFIG, name, "up"];

/** The command that gives an interface its MTU. */
export const mtuOf = (name: string, mtu: number): readonly string[] => [
  ...[IFCONFIG, name, "mtu", String(mtu)],
];

/** The command that makes the route of `prefix` into a relay's interface. */
export function addRouteTo(libc: Libc, { name, prefix }: Routed): readonly string[] {
  return waysOf(libc).addRoute(prefix, name, addressOf(name));
}

const addressOf = (name: string) => `${formatIpv6(LINK_LOCAL_ADDRESS)}%${name}`;

/**
 * Sees to it that the kernel takes IPv6 packets of an interface, once all else is done.
 *
 * @throws StartError when it does not, with what ifconfig(8) said
 */
export function enableIpv6(libc: Libc, run: Run, name: string): void {
  const argv = waysOf(libc).enableIpv6(name);
  if (argv === undefined) return;
  mustRun(run, argv);
  if (!shownInterface(run, name)?.nd6.has("IFDISABLED")) return;
  throw new StartError(`IPv6 stays disabled on ${name}`, `run \`${typed(argv)}\``);
}

/**
 * OpenBSD's and NetBSD's ifconfig(8) only warn of an MTU that was refused, and end with status 0.
 *
 * @throws StartError
 */
export function setMtu(run: Run, name: string, mtu: number): void {
  const argv = mtuOf(name, mtu);
  const ran = mustRun(run, argv);
  const [shown] = parseIfconfig(mustRun(run, [IFCONFIG, name]).stdout);
  if (shown?.mtu !== mtu) throw commandError(argv, ran);
}

/**
 * Takes away what was set up on an interface that stays: the route, if it still leads there, and the
 * addresses, as far as that is allowed.
 */
export function leaveInterface(
  libc: Libc,
  run: Run,
  routes: Routes,
  { name, prefix }: Routed,
): void {
  deleteOwnRoute(libc, run, routes, { name, prefix });
  deleteAddresses(run, name);
}

function ownerOf(routes: Routes, prefix: Ipv6Prefix): string | undefined {
  try {
    return routes.of(prefix)?.interfaceName;
  } catch {
    return undefined; // no routing socket, which is no reason to leave the rest
  }
}

/** Takes the IPv6 addresses of an interface away, as far as that is allowed. */
function deleteAddresses(run: Run, name: string): void {
  for (const address of shownInterface(run, name)?.ipv6 ?? []) {
    run([IFCONFIG, name, "inet6", address, "-alias"]);
  }
}

/** Takes the route away if it still leads to the interface `name`: else it is somebody else's. */
export function deleteOwnRoute(
  libc: Libc,
  run: Run,
  routes: Routes,
  { name, prefix }: Routed,
): void {
  if (ownerOf(routes, prefix) === name) run(waysOf(libc).deleteRoute(prefix));
}

/** @throws StartError when another interface has the prefix, or the command failed */
export function addRoute(libc: Libc, run: Run, routes: Routes, { name, prefix }: Routed): void {
  const argv = addRouteTo(libc, { name, prefix });
  const ran = run(argv);
  if (ran.status === 0) return;
  // "File exists": somebody was faster.
  const route = routes.of(prefix);
  refuseOtherOwner(prefix, name, route);
  if (route === undefined) throw commandError(argv, ran);
}

function refuseOtherOwner(prefix: Ipv6Prefix, name: string, route: FoundRoute | undefined): void {
  if (route === undefined || (!route.rejects && route.interfaceName === name)) return;
  const { problem, mend } = rivalProblem(prefix, route);
  throw new StartError(problem, mend);
}

/** A route that is in the way. Whose it is only its maker knows, so that no command deletes it. */
export function rivalProblem(prefix: Ipv6Prefix, { rejects, interfaceName }: FoundRoute) {
  const taken = rejects
    ? "refused by a route"
    : `routed to the interface ${interfaceName ?? "of another program"}`;
  return {
    problem: `${
      formatIpv6Prefix(prefix)
    } is already ${taken}, perhaps by another Teredo relay or client`,
    mend: `stop what made the route; \`route -n get -inet6 ${formatIpv6(prefix.bytes)}\` shows it`,
  };
}
