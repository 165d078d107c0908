import type { System } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import { formatIpv6, formatIpv6Prefix, type Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { IFCONFIG } from "../interfaces.ts";

type Argv = readonly string[];

export const ROUTE = "/sbin/route";

/** Packets that may wait for us, at 1500 bytes 15 MB at the most. */
const QUEUE_LENGTH = 10_000;

/** How one system does with commands what tun(4) leaves to them. */
export interface Ways {
  /** Loads the driver where it is a module. */
  readonly loadTun: Argv | undefined;
  /** Whether ifconfig(8) destroys what an open of a unit's device has made; else it makes it first. */
  readonly destroysOpened: boolean;
  /** Whether `ifconfig tunN create` makes the device too. */
  readonly createsDevice: boolean;
  /** What an operator does when a device is missing. */
  missingDevice(path: string): string;
  /** Largest MTU that tun(4) takes, in bytes. */
  readonly mostMtu: number;
  /** Settings for any interface, which its system may not know or need: they may fail. */
  settle(name: string): readonly Argv[];
  /** Leaves a mark on an interface that keeps the kernel's name: may fail. */
  describe(name: string, description: string): readonly Argv[];
  /** Switches IPv6 on, last of all; undefined where nothing switches it off. */
  enableIpv6(name: string): Argv | undefined;
  /** Makes room for packets that wait to be read, where there is too little: may fail. */
  lengthenQueue(name: string): readonly Argv[];
  /** The route of `prefix` into an interface that has the link-local `address`. */
  addRoute(prefix: Ipv6Prefix, name: string, address: string): Argv;
  deleteRoute(prefix: Ipv6Prefix): Argv;
}

const freebsd: Ways = {
  loadTun: ["/sbin/kldload", "-n", "if_tuntap"],
  destroysOpened: true,
  createsDevice: true,
  // For nobody but root an open makes the device. tunclone()
  missingDevice: () =>
    "run `kldload if_tuntap` and `sysctl net.link.tun.devfs_cloning=1`, and start as root; a jail needs " +
    "a network stack of its own (vnet) and a devfs ruleset that shows tun*",
  mostMtu: 65_535,
  settle: (name) => [[IFCONFIG, name, "inet6", "no_dad", "-auto_linklocal"]],
  describe: () => [],
  // devd(8) and rc(8) switch it off on new interfaces where ipv6_activate_all_interfaces is not set,
  // and ip6_input() then throws everything away.
  enableIpv6: (name) => [IFCONFIG, name, "inet6", "-ifdisabled"],
  lengthenQueue: () => [],
  addRoute: (prefix, name) => [
    ...[ROUTE, "-n", "add", "-inet6", formatIpv6Prefix(prefix)],
    ...["-interface", name],
  ],
  deleteRoute: (prefix) => [ROUTE, "-n", "delete", "-inet6", formatIpv6Prefix(prefix)],
};

const makeDevice = (path: string) =>
  `run \`cd /dev && sh MAKEDEV ${path.slice(path.lastIndexOf("/") + 1)}\``;

const describe = (name: string, text: string) => [[IFCONFIG, name, "description", text]];

const openbsd: Ways = {
  loadTun: undefined,
  destroysOpened: true,
  createsDevice: false,
  missingDevice: makeDevice,
  mostMtu: 16_384, // TUNMRU
  settle: () => [],
  describe,
  enableIpv6: () => undefined,
  lengthenQueue: () => [],
  // -iface wants an address of the interface, not its name.
  addRoute: ({ bytes, length }, _name, address) => [
    ...[ROUTE, "-n", "add", "-inet6", formatIpv6(bytes), "-prefixlen", String(length)],
    ...["-iface", address],
  ],
  deleteRoute: ({ bytes, length }) => [
    ...[ROUTE, "-n", "delete", "-inet6", formatIpv6(bytes), "-prefixlen", String(length)],
  ],
};

const netbsd: Ways = {
  loadTun: undefined,
  destroysOpened: true,
  createsDevice: false,
  missingDevice: makeDevice,
  mostMtu: 1500, // TUNMTU
  settle: () => [],
  describe,
  enableIpv6: () => undefined,
  // 256 by default; for the others it is set for the whole system, if at all.
  lengthenQueue: (name) => [
    ["/sbin/sysctl", "-w", `net.interfaces.${name}.sndq.maxlen=${QUEUE_LENGTH}`],
  ],
  addRoute: (prefix, _name, address) => [
    ...[ROUTE, "-n", "add", "-inet6", formatIpv6Prefix(prefix)],
    ...["-iface", address],
  ],
  deleteRoute: freebsd.deleteRoute,
};

const dragonfly: Ways = {
  ...freebsd,
  loadTun: ["/sbin/kldload", "if_tun"],
  destroysOpened: false, // tun_clone_destroy(): without TUN_CLONE, which `create` alone sets
  missingDevice: () => "run `kldload if_tun`",
  mostMtu: 16_380, // TUNMRU less the address family
  // Neither ifconfig(8) nor ndp(8) knows of duplicate address detection: it is the system's to switch.
  settle: () => [],
  enableIpv6: () => undefined,
};

const WAYS: Readonly<Partial<Record<System, Ways>>> = {
  "FreeBSD": freebsd,
  "OpenBSD": openbsd,
  "NetBSD": netbsd,
  "DragonFly BSD": dragonfly,
};

export function waysOf({ layout }: Pick<Libc, "layout">): Ways {
  return WAYS[layout.system]!;
}
