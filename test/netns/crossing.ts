import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import { sockaddrHead } from "#ffi/layout.ts";
import { openLibc } from "#ffi/open.ts";
import {
  AF_INET,
  NETLINK_NETFILTER,
  POLLFD_EVENTS_AT,
  POLLFD_FD_AT,
  POLLIN,
  SIZEOF_POLLFD,
  SIZEOF_SOCKADDR_IN,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCKADDR_IN_ADDR_AT,
  SOCKADDR_IN_PORT_AT,
} from "#ffi/linux/mod.ts";
import type { SamplePacket, Traffic } from "#src/daemon/host/traffic.ts";
import { nfgenmsg } from "#src/daemon/host/linux/firewall/sets.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { openTun } from "#src/datapath/linux/tun/open.ts";
import { bindIpv4 } from "#src/datapath/udp/socket.ts";
import { readU16, readU32, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { sh } from "#test/runtime/namespace.ts";

export const libc = await openLibc();
const arena = new Arena(libc, 64 * 1024);
const CAPACITY = 2048;
const BUFFER = arena.take(CAPACITY);
const NAME = arena.take(SIZEOF_SOCKADDR_IN);
const POLL = arena.take(SIZEOF_POLLFD);

export const RELAY_ADDRESS = 0xc6336432; // 198.51.100.50
export const RELAY_PORT = 3545;

/** ctnetlink's message that deletes connections: all, where none is named. */
const DELETE_CONNECTIONS = (1 << 8) | 2;

/** How long what should come may take, and how long what should not is waited for. */
const PATIENCE_MS = 60_000;
const SILENCE_MS = 15;

/** A TUN interface, whose other end we are. @returns its descriptor */
export function tun(name: string): number {
  return openTun(libc, arena, name, { queues: 1, offloads: false }).queues[0]!;
}

export function udpSocket(address: number, port: number): number {
  const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const fd = check(libc, libc.call.socket(AF_INET, type, 0), "socket", "UDP");
  check(libc, bindIpv4(libc, arena, fd, address, port), "bind", "UDP");
  return fd;
}

export function empty(fd: number): void {
  while (libc.call.read(fd, arena.address(BUFFER), CAPACITY) > 0) { /* thrown away */ }
}

export function write(fd: number, bytes: Uint8Array): void {
  arena.u8.set(bytes, BUFFER);
  check(libc, libc.call.write(fd, arena.address(BUFFER), bytes.length), "write", "TUN");
}

/** Whether the packet that is looked for comes out of a descriptor. @param expected how long to wait */
export function comes(
  fd: number,
  expected: boolean,
  isIt: (bytes: Uint8Array) => boolean,
): boolean {
  const end = performance.now() + (expected ? PATIENCE_MS : SILENCE_MS);
  for (;;) {
    const length = libc.call.read(fd, arena.address(BUFFER), CAPACITY);
    if (length > 0 && isIt(arena.u8.subarray(BUFFER, BUFFER + length))) return true;
    if (length > 0) continue;
    const left = Math.ceil(end - performance.now());
    if (left <= 0) return false;
    arena.i32[(POLL + POLLFD_FD_AT) >> 2] = fd;
    arena.u16[(POLL + POLLFD_EVENTS_AT) >> 1] = POLLIN;
    libc.call.poll(arena.address(POLL), 1, left);
  }
}

/**
 * A relay's host, with TUN interfaces in place of its two uplinks and of its tunnel, so that any
 * packet can be put in, and what the kernel makes of it seen.
 */
export class Crossing {
  readonly #tuns: Readonly<Record<string, number>>;
  readonly #udp: number;
  readonly #connections = new Netlink(libc, NETLINK_NETFILTER);

  constructor() {
    this.#tuns = { v4: tun("v4"), v6: tun("v6"), teredo: tun("teredo") };
    for (const command of SET_UP) sh(command);
    this.#udp = udpSocket(RELAY_ADDRESS, RELAY_PORT);
  }

  forgetConnections(): void {
    this.#connections.change(DELETE_CONNECTIONS, 0, nfgenmsg(0), "delete connections");
  }

  /** Whether the kernel carries the packet to where it should go. */
  passes(traffic: Traffic, packet: SamplePacket, expected: boolean): boolean {
    for (const fd of [this.#udp, ...Object.values(this.#tuns)]) empty(fd);
    if (traffic.path === "output") this.#send(packet);
    else write(this.#tuns[traffic.in!]!, packet.bytes);
    const fd = traffic.path === "input" ? this.#udp : this.#tuns[traffic.out!]!;
    const wanted = traffic.path === "input"
      ? packet.bytes.subarray(packet.transportAt + 8)
      : undefined;
    return comes(
      fd,
      expected,
      (bytes) => wanted === undefined ? isSame(bytes, packet) : bytes.length === wanted.length,
    );
  }

  /** By the socket; a filter may refuse it with EPERM. */
  #send({ bytes, transportAt }: SamplePacket): void {
    arena.u16[NAME >> 1] = sockaddrHead(libc.layout, AF_INET, SIZEOF_SOCKADDR_IN);
    writeU16(arena.u8, NAME + SOCKADDR_IN_PORT_AT, readU16(bytes, transportAt + 2));
    writeU32(arena.u8, NAME + SOCKADDR_IN_ADDR_AT, readU32(bytes, 16));
    arena.u8.set(bytes.subarray(transportAt + 8), BUFFER);
    const length = bytes.length - transportAt - 8;
    const to = arena.address(NAME);
    libc.call.sendto(this.#udp, arena.address(BUFFER), length, 0, to, SIZEOF_SOCKADDR_IN);
  }
}

/** Addresses and payload; the way changes hop limit and checksums, and the kernel makes an identification. */
function isSame(bytes: Uint8Array, packet: SamplePacket): boolean {
  if (bytes.length !== packet.bytes.length) return false;
  const addressesAt = packet.transportAt === 20 ? 12 : 8;
  const isIpv4Udp = packet.transportAt === 20;
  return packet.bytes.every((byte, i) => {
    if (i < addressesAt || (isIpv4Udp && i >= 26 && i < 28)) return true;
    return bytes[i] === byte;
  });
}

const SET_UP = [
  "sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.all.accept_dad=0",
  "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0",
  "sysctl -qw net.ipv4.conf.v4.rp_filter=0",
  "sysctl -qw net.ipv6.conf.v6.accept_dad=0 net.ipv6.conf.teredo.accept_dad=0",
  "ip link set lo up",
  "ip link set v4 up",
  "ip link set v6 up",
  "ip link set teredo up",
  "ip address add 198.51.100.50/24 dev v4",
  "ip route add default dev v4",
  "ip address add 2001:db8:1::1/64 dev v6 nodad",
  "ip -6 route add default dev v6",
  "ip -6 route add 2001::/32 dev teredo",
];
