import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  AF_INET,
  O_CLOEXEC,
  O_RDWR,
  SIZEOF_SOCKADDR_IN,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCKADDR_IN_ADDR_AT,
  SOCKADDR_IN_PORT_AT,
} from "#ffi/linux.ts";
import { writeU16, writeU32 } from "#src/protocol/bytes.ts";
import { parseIpv4 } from "#src/protocol/ipv4.ts";
import type { Host } from "./host.ts";
import {
  parseCapabilities,
  parseDefaultInterface4,
  parseInterfaceNames,
  parseRoutes6,
  parseUdpInodes,
} from "./linux_proc.ts";
import { findUser } from "./passwd.ts";

const TUN_DEVICE = "/dev/net/tun";

/** This machine, seen through /proc and a few system calls. It changes nothing. */
export function linuxHost(libc: Libc): Host {
  return {
    platform: "linux",
    capabilities: () => parseCapabilities(text("/proc/self/status")),
    openTunDevice: () => openErrno(libc, TUN_DEVICE),
    sysctl: (path) => optionalText(`/proc/sys/${path}`)?.trim(),
    ipv4Addresses,
    interfaceNames: () => parseInterfaceNames(text("/proc/net/dev")),
    defaultInterface4: () => parseDefaultInterface4(text("/proc/net/route")),
    routes6: () => parseRoutes6(text("/proc/net/ipv6_route")),
    bindUdp: (address, port) => bindErrno(libc, address, port),
    udpOwner,
    user: (name) => findUser(text("/etc/passwd"), text("/etc/group"), name),
    isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
    year: () => new Date().getUTCFullYear(),
  };
}

function optionalText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function text(path: string): string {
  return optionalText(path) ?? "";
}

function ipv4Addresses(): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    const ipv4 = addresses.filter((it) => it.family === "IPv4" && !it.internal)
      .flatMap((it) => parseIpv4(it.address) ?? []);
    if (ipv4.length > 0) found.set(name, ipv4);
  }
  return found;
}

function openErrno(libc: Libc, path: string): number {
  const arena = new Arena(libc, 4096);
  const fd = libc.call.open(arena.address(arena.cString(path)), O_RDWR | O_CLOEXEC, 0);
  const errno = fd < 0 ? libc.errno() : 0;
  if (fd >= 0) libc.call.close(fd);
  arena.close();
  return errno;
}

function bindErrno(libc: Libc, address: number, port: number): number {
  const fd = libc.call.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return libc.errno();
  const arena = new Arena(libc, 4096);
  const at = arena.take(SIZEOF_SOCKADDR_IN);
  arena.u16[at >> 1] = AF_INET;
  writeU16(arena.u8, at + SOCKADDR_IN_PORT_AT, port);
  writeU32(arena.u8, at + SOCKADDR_IN_ADDR_AT, address);
  const bound = libc.call.bind(fd, arena.address(at), SIZEOF_SOCKADDR_IN);
  const errno = bound < 0 ? libc.errno() : 0;
  libc.call.close(fd);
  arena.close();
  return errno;
}

function udpOwner(port: number): { pid: number; name: string } | undefined {
  const tables = ["/proc/net/udp", "/proc/net/udp6"];
  const inodes = tables.flatMap((table) => parseUdpInodes(text(table), port));
  const wanted = new Set(inodes.map((inode) => `socket:[${inode}]`));
  if (wanted.size === 0) return undefined;
  for (const pid of list("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const folder = `/proc/${pid}/fd`;
    if (list(folder).some((fd) => wanted.has(link(`${folder}/${fd}`)))) {
      return { pid: Number(pid), name: text(`/proc/${pid}/comm`).trim() };
    }
  }
  return undefined;
}

// Processes end while they are looked at, and those of others cannot be read.
function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
