import { openSync, readlinkSync, readSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  AF_INET,
  IFF_LOOPBACK,
  IFF_UP,
  O_CLOEXEC,
  O_RDWR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from "#ffi/linux/mod.ts";
import { Netlink } from "#src/datapath/linux/netlink.ts";
import { ownersOf } from "#src/datapath/linux/owners.ts";
import { findHolder, type Holder, textOf } from "#src/datapath/linux/proc.ts";
import { addresses, links, routeTo } from "#src/datapath/linux/routing.ts";
import { steeringErrno } from "#src/datapath/linux/steering.ts";
import { TUN_DEVICE } from "#src/datapath/linux/tun.ts";
import { bindIpv4 } from "#src/datapath/udp_socket.ts";
import { readU32 } from "#src/protocol/bytes.ts";
import { type Ipv6Prefix, isLinkLocal } from "#src/protocol/ipv6.ts";
import type { Host, Interface, Route6 } from "./host.ts";
import {
  parseCapabilities,
  parseDefaultInterface4,
  parseResidentMemory,
  parseUdpInodes,
} from "./linux_proc.ts";
import { findUser } from "./passwd.ts";

const SELF = "/proc/self/status";
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
  read(SELF);
  const nameOf = (index: number | undefined) =>
    links(netlink).find((link) => link.index === index)?.name;
  return {
    platform: "linux",
    capabilities: () => parseCapabilities(read(SELF) ?? ""),
    openTunDevice: () => openErrno(libc, TUN_DEVICE),
    cores: availableParallelism,
    loadSteering: (workers) => withArena(libc, (arena) => steeringErrno(libc, arena, workers)),
    sysctl: (path) => read(`/proc/sys/${path}`),
    interfaces: () => interfaces(netlink),
    defaultInterface4: () => parseDefaultInterface4(textOf("/proc/net/route")),
    routesOf: (prefix) => routes(netlink, prefix),
    routeTo: (address) => nameOf(lookUp(netlink, address)),
    bindUdp: (address, port) => bindErrno(libc, address, port),
    udpOwner,
    user: (name) => findUser(textOf("/etc/passwd"), textOf("/etc/group"), name),
    isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
    residentMemory: () => parseResidentMemory(read(SELF) ?? ""),
    year: () => new Date().getUTCFullYear(),
  };
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
      hasLinkLocal: own.some((it) => it.family !== AF_INET && isLinkLocal(it.bytes, 0)),
    };
  });
}

function routes(netlink: Netlink, prefix: Ipv6Prefix): Route6[] {
  return ownersOf(netlink, prefix).map(({ interfaceName, rejects, fromAdvertisement, mend }) => ({
    interfaceName: interfaceName ?? "",
    fromAdvertisement,
    rejects,
    removal: mend,
  }));
}

/** Without a route the kernel answers ENETUNREACH or the like. */
function lookUp(netlink: Netlink, address: Uint8Array): number | undefined {
  try {
    return routeTo(netlink, address);
  } catch {
    return undefined;
  }
}

function withArena<T>(libc: Libc, use: (arena: Arena) => T): T {
  const arena = new Arena(libc, 4096);
  const result = use(arena);
  arena.close();
  return result;
}

function openErrno(libc: Libc, path: string): number {
  return withArena(libc, (arena) => {
    const fd = libc.call.open(arena.address(arena.cString(path)), O_RDWR | O_CLOEXEC, 0);
    const errno = fd < 0 ? libc.errno() : 0;
    if (fd >= 0) libc.call.close(fd);
    return errno;
  });
}

function bindErrno(libc: Libc, address: number, port: number): number {
  const fd = libc.call.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return libc.errno();
  const errno = withArena(
    libc,
    (arena) => bindIpv4(libc, arena, fd, address, port) < 0 ? libc.errno() : 0,
  );
  libc.call.close(fd);
  return errno;
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
