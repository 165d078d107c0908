import { randomBytes } from "node:crypto";
import process from "node:process";
import { Arena } from "#ffi/arena.ts";
import type { BsdLayout } from "#ffi/bsd/layout.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { POLLFD_EVENTS_AT, POLLFD_FD_AT, POLLIN, SIZEOF_POLLFD, SOCK_RAW } from "#ffi/posix.ts";
import { equalIpv6, IPV6_LENGTH, type Ipv6Prefix } from "#src/protocol/ipv6.ts";
import { bsdLayout } from "./layout.ts";
import { Names } from "./names.ts";
import { MAX_MESSAGE, parseMessage, type RouteMessage, writeQuestion } from "./route_message.ts";

/** The kernel answers at once, FreeBSD's from another thread of its own. */
const ANSWER_MS = 1000;
/** Messages about what others do that may come before the answer. */
const MAX_OTHERS = 256;

/** Where a route leads. */
export interface FoundRoute {
  /** Undefined when the interface is gone, or the kernel did not tell it. */
  readonly interfaceName: string | undefined;
  /** Packets are refused or thrown away rather than sent. */
  readonly rejects: boolean;
}

/**
 * By which interface packets to an IPv6 address leave. Takes no privilege.
 *
 * @param address 16 bytes
 * @returns undefined without a route
 * @throws SyscallError when there is no routing socket
 */
export function routeTo(libc: Libc, address: Uint8Array): FoundRoute | undefined {
  return ask(libc, address, undefined)?.route;
}

/**
 * The route for exactly `prefix`, if there is one. NetBSD answers with the best route for the
 * prefix's address, so that one that is more specific hides it.
 *
 * @throws SyscallError when there is no routing socket
 */
export function exactRoute(libc: Libc, prefix: Ipv6Prefix): FoundRoute | undefined {
  const mask = maskOf(prefix.length);
  const answer = ask(libc, prefix.bytes, mask);
  if (answer?.message.destination === undefined) return undefined;
  const { destination, mask: found } = answer.message;
  const isExact = equalIpv6(destination, 0, prefix.bytes, 0) && equalIpv6(found, 0, mask, 0);
  return isExact ? answer.route : undefined;
}

function maskOf(length: number): Uint8Array {
  const mask = new Uint8Array(IPV6_LENGTH).fill(0xff, 0, length >> 3);
  if ((length & 7) !== 0) mask[length >> 3] = 0xff00 >> (length & 7);
  return mask;
}

interface Answer {
  readonly message: RouteMessage;
  readonly route: FoundRoute;
}

/** RTM_GET through a socket of its own, in which only what came after it was opened waits. */
function ask(libc: Libc, address: Uint8Array, mask: Uint8Array | undefined): Answer | undefined {
  const layout = bsdLayout(libc);
  const { SOCK_CLOEXEC, AF_ROUTE } = layout;
  const fd = libc.call.socket(AF_ROUTE, SOCK_RAW | SOCK_CLOEXEC, 0);
  check(libc, fd, "socket", "AF_ROUTE");
  const arena = new Arena(libc, MAX_MESSAGE);
  try {
    const seq = randomBytes(4).readInt32LE();
    const at = arena.take(MAX_MESSAGE);
    const question = { address, mask, pid: process.pid, seq };
    const length = writeQuestion(arena, at, layout, question);
    // ESRCH: no such route.
    if (libc.call.write(fd, arena.address(at), length) !== length) return undefined;
    const message = receive(libc, arena, fd, at, layout, seq);
    if (message === undefined || message.errno !== 0) return undefined;
    return { message, route: routeOf(new Names(libc, arena), message, layout) };
  } finally {
    libc.call.close(fd);
    arena.close();
  }
}

function receive(
  libc: Libc,
  arena: Arena,
  fd: number,
  at: number,
  layout: BsdLayout,
  seq: number,
): RouteMessage | undefined {
  const poll = arena.take(SIZEOF_POLLFD);
  arena.i32[(poll + POLLFD_FD_AT) >> 2] = fd;
  arena.u16[(poll + POLLFD_EVENTS_AT) >> 1] = POLLIN;
  for (let i = 0; i < MAX_OTHERS; i++) {
    if (libc.call.poll(arena.address(poll), 1, ANSWER_MS) !== 1) return undefined;
    const length = libc.call.recv(fd, arena.address(at), MAX_MESSAGE, layout.MSG_DONTWAIT);
    if (length <= 0) return undefined;
    const message = parseMessage(arena.u8.slice(at, at + length), layout);
    if (
      message?.type === layout.RTM_GET && message.seq === seq && message.pid === process.pid
    ) return message;
  }
  return undefined;
}

function routeOf(names: Names, message: RouteMessage, layout: BsdLayout): FoundRoute {
  const { index, flags } = message;
  return {
    interfaceName: index === 0 ? undefined : names.ofIndex(index),
    rejects: (flags & (layout.RTF_REJECT | layout.RTF_BLACKHOLE)) !== 0,
  };
}
