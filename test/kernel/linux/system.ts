import { LINUX } from "#ffi/linux/layout.ts";
import * as linux from "#ffi/linux/mod.ts";
import { platformOf } from "#ffi/platform.ts";
import { writeU32 } from "#src/protocol/wire/bytes.ts";
import { Errno, unknown } from "../errno.ts";
import type { Control } from "../file.ts";
import type { PaperKernel } from "../kernel.ts";
import type { Datagram } from "../network.ts";
import { RawFile } from "../raw_file.ts";
import type { PaperOption, PaperSystem } from "../system.ts";
import { PaperWorld } from "../world.ts";
import { setUpFlags } from "./links.ts";
import { NetlinkFile } from "./netlink_file.ts";
import { PREFIX_METRIC } from "./rtnetlink.ts";
import { type Held, TunFile } from "./tun_file.ts";
import { linuxWords } from "./words.ts";

const TUN_DEVICE = "/dev/net/tun";

/** The kernel of a Linux host. */
export interface PaperLinux extends PaperSystem {
  /** False: there is no /dev/net/tun. */
  hasTun: boolean;
  /** Of TUN: Linux 6.2. */
  hasUso: boolean;
  /** Which interfaces are TUNs, and whether a process holds them. */
  readonly held: Held;
}

const int = (level: number, name: number, set: PaperOption["set"]): PaperOption => ({
  level,
  name,
  size: 4,
  set,
});

/** One whose value changes nothing here but must be one that is known. */
const among = (level: number, name: number, known: readonly number[]) =>
  int(level, name, (socket, value) => {
    const wanted = value.getInt32(0, true);
    if (!known.includes(wanted)) unknown(`${wanted} for option ${level}, ${name}`);
    socket.options.set(`${level}:${name}`, wanted);
  });

const OPTIONS: readonly PaperOption[] = [
  among(linux.SOL_IP, linux.IP_MTU_DISCOVER, [linux.IP_PMTUDISC_DONT]),
  among(linux.SOL_SOCKET, linux.SO_RXQ_OVFL, [1]),
  among(linux.SOL_UDP, linux.UDP_GRO, [1]),
  among(linux.SOL_UDP, linux.UDP_SEGMENT, [0]),
  int(linux.SOL_SOCKET, linux.SO_RCVBUFFORCE, (socket, value, kernel) => {
    kernel.needPrivilege();
    socket.receiveBuffer = value.getInt32(0, true);
  }),
  int(linux.SOL_SOCKET, linux.SO_SNDBUFFORCE, (socket, value, kernel) => {
    kernel.needPrivilege();
    socket.sendBuffer = value.getInt32(0, true);
  }),
];

export function paperLinux(): PaperLinux {
  const held: Held = new Map();
  return {
    layout: LINUX,
    names: platformOf("linux", "x64").names,
    vocabulary: linuxWords(),
    MSG_TRUNC: linux.MSG_TRUNC,
    MSG_CTRUNC: linux.MSG_CTRUNC,
    receiveFlags: linux.MSG_TRUNC,
    udpOptions: OPTIONS,
    wrongSource: linux.EINVAL,
    hasTun: true,
    hasUso: true,
    held,
    open(kernel, path, flags) {
      if (path !== TUN_DEVICE) return unknown(`the path ${path}`);
      const known = linux.O_RDWR | linux.O_NONBLOCK | linux.O_CLOEXEC;
      if ((flags & ~known) !== 0) unknown(`flags ${flags} of ${path}`);
      if (!this.hasTun) throw new Errno(linux.ENOENT);
      return new TunFile(kernel, this);
    },
    socket(kernel, domain, type, protocol) {
      if (type !== linux.SOCK_RAW) return undefined;
      if (domain === linux.AF_NETLINK && protocol === linux.NETLINK_ROUTE) {
        return new NetlinkFile(kernel);
      }
      if (domain !== linux.AF_INET6 || protocol !== linux.IPPROTO_RAW) return undefined;
      kernel.needPrivilege();
      return new RawFile(kernel, protocol);
    },
    socketIoctl: (_, request) => unknown(`ioctl 0x${request.toString(16)} of udp`),
    controlOf,
  };
}

/** struct in_pktinfo of a datagram, where that is asked for, and what was lost before it. */
function controlOf(
  kernel: PaperKernel,
  socket: { tellsLocal: boolean; lost: number; options: ReadonlyMap<string, number> },
  { to }: Datagram,
): Control[] {
  const found: Control[] = [];
  const tellsLost = socket.options.get(`${linux.SOL_SOCKET}:${linux.SO_RXQ_OVFL}`) === 1;
  if (tellsLost && socket.lost > 0) {
    const data = new Uint8Array(Uint32Array.of(socket.lost).buffer);
    found.push({ level: linux.SOL_SOCKET, type: linux.SO_RXQ_OVFL, data });
  }
  if (socket.tellsLocal) {
    const data = new Uint8Array(linux.SIZEOF_IN_PKTINFO);
    const link = kernel.world.link("lo")?.index ?? 0;
    data.set(new Uint8Array(Int32Array.of(link).buffer), linux.IN_PKTINFO_IFINDEX_AT);
    writeU32(data, linux.IN_PKTINFO_SPEC_DST_AT, to.address);
    writeU32(data, linux.IN_PKTINFO_ADDR_AT, to.address);
    found.push({ level: linux.SOL_IP, type: linux.IP_PKTINFO, data });
  }
  return found;
}

/** A host as a new network namespace is, with `lo` up, and an interface to the IPv6 Internet. */
export function linuxWorld(): PaperWorld {
  const world = new PaperWorld();
  const lo = world.addLink("lo", 65_536, linux.IFF_LOOPBACK);
  setUpFlags(world, lo, linux.IFF_LOOPBACK | linux.IFF_UP);
  const flags = linux.IFA_F_PERMANENT;
  world.addAddress(lo, { bytes: Uint8Array.of(127, 0, 0, 1), prefixLength: 8, flags });
  const ipv6Loopback = new Uint8Array(16).fill(1, 15);
  world.addAddress(lo, { bytes: ipv6Loopback, prefixLength: 128, flags }, PREFIX_METRIC);
  return world;
}
