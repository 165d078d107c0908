import { existsSync, fstatSync, openSync, readlinkSync, readSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Libc } from "#ffi/libc.ts";
import { IFF_LOWER_UP, NETLINK_NETFILTER } from "#ffi/linux/mod.ts";
import { AF_INET, IFF_LOOPBACK, IFF_UP, O_RDWR } from "#ffi/posix.ts";
import { fastPathProblem } from "#src/datapath/linux/fast_path/try.ts";
import { rivals } from "#src/datapath/linux/keep/rivals.ts";
import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import { Changes, NETWORK_CHANGES, NFTABLES_CHANGES } from "#src/datapath/linux/netlink/changes.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { ownersOf } from "#src/datapath/linux/owners.ts";
import { entriesOf, findHolder, type Holder, textOf } from "#src/datapath/linux/proc.ts";
import { hasAddress, linkNamed } from "#src/datapath/linux/netlink/look_up.ts";
import { addresses, type Link, links } from "#src/datapath/linux/netlink/routing.ts";
import { steeringErrno } from "#src/datapath/linux/steering.ts";
import { LINK_LOCAL_ADDRESS } from "#src/datapath/linux/tun/interface.ts";
import { TUN_DEVICE } from "#src/datapath/linux/tun/open.ts";
import { nameProblem, tunHolder } from "#src/datapath/linux/tun/problems.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { IPV6_LENGTH, type Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { Finding } from "../../checks/result.ts";
import {
  type DefaultRoute,
  type Device,
  type Host,
  type Interface,
  leavesBy,
} from "../contract.ts";
import { ipv4Bytes, ROOT_SERVERS_4 } from "../samples.ts";
import { isDirectory, refusesUdp, withArena } from "../parts.ts";
import {
  linuxAdvertisedRoute,
  linuxForwards6,
  linuxIpv6,
  linuxName,
  linuxRights,
  linuxTun,
  linuxWorkers,
} from "./answers.ts";
import { parseCapabilities, parseMaxFds, parseMemory, parseUdpInodes } from "./proc.ts";
import { engineOf, fromWithin, isReadOnly } from "./container.ts";
import { Firewall } from "./firewall/mod.ts";
import { LinuxNetworkWatch } from "./network.ts";
import { linuxReturnPath } from "./return_path.ts";
import { linuxServiceRoute } from "./service_route.ts";
import { linuxDecidingRoute, linuxWay } from "./ways.ts";
import { linuxHostWords } from "./words.ts";
import { findUser } from "../passwd.ts";

const DEFAULT: Ipv6Prefix = { bytes: new Uint8Array(IPV6_LENGTH), length: 0 };
const SELF = "/proc/self/status";
const LIMITS = "/proc/self/limits";
const DESCRIPTORS = "/proc/self/fd";
/** Below it the kernel takes IPv6 off an interface. RFC 8200 §5 */
const LEAST_MTU = 1280;
/** Index that no interface has. */
const ABSENT = 0x7fff_ffff;
/** Of the files in /proc that are read again and again. */
const MAX_LENGTH = 8192;

/**
 * This machine, seen through rtnetlink, /proc and a few system calls. It changes nothing.
 *
 * What was asked once before a change of the root directory can be asked after it, except for
 * users, directories and the owners of ports.
 */
export function linuxHost(libc: Libc): Host {
  const netlink = new Netlink(libc);
  const files = new Map<string, number>();
  const read = (path: string) => readAgain(files, path);
  // Opened now, so that it can be read after a change of root directory or user.
  for (const path of [SELF, LIMITS]) read(path);
  const descriptors = openQuietly(DESCRIPTORS);
  const sysctl = (path: string) => read(`/proc/sys/${path}`);
  const { oneWorker } = LINUX_KERNEL;
  const engine = engineOf({
    file: (path) => existsSync(path) ? textOf(path) : undefined,
    variable: (name) => process.env[name],
  });
  const firewall = new Firewall(libc, {
    indexOf: (name) => linkNamed(netlink, name)?.index ?? ABSENT,
    leavesBy: (destination) => leavesBy(linuxWay(netlink, { destination })),
  });
  return {
    words: linuxHostWords(engine),
    feasible: (mend) => engine === undefined ? mend : fromWithin(engine, mend, isReadOnly),
    oneWorker,
    serverUsesTun: false,
    localNeedsForwarding: false,
    keepsApart: true,
    hasMetrics: true,
    mostMtu: 65_535, // of the driver, MAX_MTU
    rights: (needed) => linuxRights(parseCapabilities(read(SELF) ?? ""), needed),
    tun: (wanted) => nameFinding(netlink, wanted) ?? linuxTun(openErrno(libc, TUN_DEVICE), engine),
    ipv6: () => linuxIpv6(sysctl),
    forwards6: () => linuxForwards6(sysctl),
    losesAdvertisedRoute: (interfaceName) => linuxAdvertisedRoute(sysctl, interfaceName),
    cores: availableParallelism,
    refusesWorkers: (count) =>
      linuxWorkers(withArena(libc, (arena) => steeringErrno(libc, arena, count))),
    refusesFastPath: () => fastPathProblem(libc),
    interfaces: () => interfaces(netlink),
    device: (name) => device(netlink, name),
    disabledIpv6: (name) => disabledIpv6(netlink, name),
    takes4: (address) => linuxWay(netlink, { destination: ipv4Bytes(address) }).kind === "taken",
    hasIpv4: () => hasIpv4(netlink),
    way4: (journey) => linuxWay(netlink, journey),
    way6: (journey) => linuxWay(netlink, journey),
    decidingRoute6: (journey) => linuxDecidingRoute(netlink, journey),
    defaultRoutes6: () => defaultRoutes6(netlink),
    serviceRoute: (prefix, own, metric) => linuxServiceRoute(netlink, prefix, own, metric),
    returnPath: (address, strangers) => linuxReturnPath(netlink, address, strangers),
    interfaceManagers: rivals,
    filters: (traffic) => firewall.look(traffic),
    watchFilters: (traffic) => firewall.watch(traffic),
    refusesUdp: (address, port) => refusesUdp(libc, address, port),
    udpOwner,
    user: (name) => findUser(textOf("/etc/passwd"), textOf("/etc/group"), name),
    isDirectory,
    revision: revisionOf(libc),
    watchNetwork: (prefix) => new LinuxNetworkWatch(libc, prefix),
    processUse: () => ({
      ...parseMemory(read(SELF) ?? ""),
      ...given("openFds", countDescriptors(descriptors)),
      ...given("maxFds", parseMaxFds(read(LIMITS) ?? "")),
    }),
    year: () => new Date().getUTCFullYear(),
    instance,
  };
}

/** Listens from the first time on: before the privileges are given up. */
function revisionOf(libc: Libc): () => number {
  let told: readonly Changes[] | undefined;
  let revision = 0;
  return () => {
    told ??= [
      new Changes(libc, NETWORK_CHANGES),
      ...quietly(() => new Changes(libc, NFTABLES_CHANGES, NETLINK_NETFILTER)),
    ];
    if (told.filter((changes) => changes.any()).length > 0) revision += 1;
    return revision;
  };
}

/** None without the right to listen, or without nf_tables: then it cannot be looked at either. */
function quietly<T>(open: () => T): T[] {
  try {
    return [open()];
  } catch {
    return [];
  }
}

/** The file stays open, and is read from its start each time. */
function readAgain(open: Map<string, number>, path: string): string | undefined {
  try {
    const fd = open.get(path) ?? openSync(path, "r");
    open.set(path, fd);
    const bytes = new Uint8Array(MAX_LENGTH);
    const length = readSync(fd, bytes, 0, bytes.length, 0);
    return new TextDecoder().decode(bytes.subarray(0, length)).trim();
  } catch {
    return undefined;
  }
}

function openQuietly(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch {
    return undefined;
  }
}

/** Since Linux 6.2 the size of /proc/PID/fd is the number of entries in it; before that it is 0. */
function countDescriptors(folder: number | undefined): number | undefined {
  const size = folder === undefined ? 0 : fstatSync(folder).size;
  return (size || entriesOf(DESCRIPTORS).length) || undefined;
}

/** A property that is there only with a value. */
function given<N extends string, T>(name: N, value: T | undefined): Partial<Record<N, T>> {
  return value === undefined ? {} : { [name]: value } as Record<N, T>;
}

/** As `2f7c…-…/4026531840`, where the second part is the number of the network namespace. */
function instance(): string | undefined {
  try {
    const boot = textOf("/proc/sys/kernel/random/boot_id").trim();
    return boot === "" ? undefined : `${boot}/${statSync("/proc/self/ns/net").ino}`;
  } catch {
    return undefined;
  }
}

function interfaces(netlink: Netlink): Interface[] {
  const all = addresses(netlink);
  return links(netlink).map(({ index, name, flags, mtu }) => {
    const own = all.filter((address) => address.index === index);
    return {
      name,
      mtu,
      up: (flags & IFF_UP) !== 0,
      loopback: (flags & IFF_LOOPBACK) !== 0,
      ipv4: own.filter((it) => it.family === AF_INET).map((it) => readU32(it.bytes, 0)),
    };
  });
}

function defaultRoutes6(netlink: Netlink): DefaultRoute[] {
  const owners = ownersOf(netlink, DEFAULT).filter(({ rejects }) => rejects === undefined);
  return owners.map(({ interfaceName = "", fromAdvertisement }) => ({
    interfaceName,
    fromAdvertisement,
  }));
}

/** What is in the way of a TUN of this name. The kernel puts a number in the place of `%d`. */
function nameFinding(netlink: Netlink, name: string): Finding | undefined {
  if (name === "" || name.includes("%d") || nameProblem(name) !== undefined) return undefined;
  const link = linkNamed(netlink, name);
  return link === undefined ? undefined : linuxName(name, link, tunHolder(name));
}

/** Not one that has the name as an alternative one: that is another's. */
function linkOf(netlink: Netlink, name: string): Link | undefined {
  const link = linkNamed(netlink, name);
  return link?.name === name ? link : undefined;
}

function device(netlink: Netlink, name: string): Device | undefined {
  const link = linkOf(netlink, name);
  if (link === undefined) return undefined;
  return {
    up: (link.flags & IFF_UP) !== 0,
    hasCarrier: (link.flags & IFF_LOWER_UP) !== 0,
    mtu: link.mtu,
    hasLinkLocal: hasAddress(netlink, link.index, LINK_LOCAL_ADDRESS),
  };
}

function disabledIpv6(netlink: Netlink, name: string): string | undefined {
  switch (linkOf(netlink, name)?.ipv6) {
    case "disabled":
      return `sysctl -w net.ipv6.conf.${name.replaceAll(".", "/")}.disable_ipv6=0`;
    case "none":
      return `ip link set dev ${name} mtu ${LEAST_MTU}`;
    default:
      return undefined;
  }
}

/** Of a host that has a way to the Internet no list is asked for. */
function hasIpv4(netlink: Netlink): boolean {
  const way = linuxWay(netlink, { destination: ipv4Bytes(ROOT_SERVERS_4[0]!) });
  if (way.kind === "sent" && way.source !== undefined) return true;
  return addresses(netlink).some(({ family, bytes }) => family === AF_INET && bytes[0] !== 127);
}

function openErrno(libc: Libc, path: string): number {
  return withArena(libc, (arena) => {
    const fd = libc.call.open(
      arena.address(arena.cString(path)),
      O_RDWR | libc.layout.O_CLOEXEC,
      0,
    );
    const errno = fd < 0 ? libc.errno() : 0;
    if (fd >= 0) libc.call.close(fd);
    return errno;
  });
}

function udpOwner(port: number): Holder | undefined {
  const tables = ["/proc/net/udp", "/proc/net/udp6"];
  const inodes = tables.flatMap((table) => parseUdpInodes(textOf(table), port));
  const wanted = new Set(inodes.map((inode) => `socket:[${inode}]`));
  if (wanted.size === 0) return undefined;
  return findHolder("fd", (path) => wanted.has(link(path)));
}

// The descriptor may be closed by now, or somebody else's.
function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
