import { randomBytes } from "node:crypto";
import process from "node:process";
import type { Arena } from "#ffi/arena.ts";
import type { BsdLayout } from "#ffi/bsd/layout.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { POLLFD_EVENTS_AT, POLLFD_FD_AT, POLLIN, SIZEOF_POLLFD, SOCK_RAW } from "#ffi/posix.ts";
import { equalIpv6, IPV6_LENGTH, type Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { bsdLayout } from "../layout.ts";
import { Names } from "../names.ts";
import { MAX_MESSAGE, parseMessage, type RouteMessage, writeQuestion } from "./message.ts";

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

interface Answer {
  readonly message: RouteMessage;
  readonly route: FoundRoute;
}

/**
 * Questions to the kernel about its routing table, by RTM_GET. They take no privilege. route(4)
 *
 * Each goes through a socket of its own, in which only what came after it was opened waits.
 */
export class Routes {
  readonly #libc: Libc;
  readonly #layout: BsdLayout;
  readonly #arena: Arena;
  readonly #names: Names;
  readonly #message: number;
  readonly #pollfd: number;

  /** @param arena for one message and a name, as long as this lives */
  constructor(libc: Libc, arena: Arena) {
    this.#libc = libc;
    this.#layout = bsdLayout(libc);
    this.#arena = arena;
    this.#names = new Names(libc, arena);
    this.#message = arena.take(MAX_MESSAGE);
    this.#pollfd = arena.take(SIZEOF_POLLFD);
  }

  /**
   * By which interface packets to an IPv6 address leave.
   *
   * @param address 16 bytes
   * @returns undefined without a route
   * @throws SyscallError when there is no routing socket
   */
  to(address: Uint8Array): FoundRoute | undefined {
    return this.#ask(address, undefined)?.route;
  }

  /**
   * The route for exactly `prefix`, if there is one. NetBSD answers with the best route for the
   * prefix's address, so that one that is more specific hides it.
   *
   * @throws SyscallError when there is no routing socket
   */
  of(prefix: Ipv6Prefix): FoundRoute | undefined {
    const mask = maskOf(prefix.length);
    const answer = this.#ask(prefix.bytes, mask);
    if (answer?.message.destination === undefined) return undefined;
    const { destination, mask: found } = answer.message;
    const isExact = equalIpv6(destination, 0, prefix.bytes, 0) && equalIpv6(found, 0, mask, 0);
    return isExact ? answer.route : undefined;
  }

  #ask(address: Uint8Array, mask: Uint8Array | undefined): Answer | undefined {
    const { SOCK_CLOEXEC, AF_ROUTE } = this.#layout;
    const fd = this.#libc.call.socket(AF_ROUTE, SOCK_RAW | SOCK_CLOEXEC, 0);
    check(this.#libc, fd, "socket", "AF_ROUTE");
    try {
      const question = { address, mask, pid: process.pid, seq: randomBytes(4).readInt32LE() };
      this.#arena.u8.fill(0, this.#message, this.#message + MAX_MESSAGE);
      const length = writeQuestion(this.#arena, this.#message, this.#layout, question);
      // ESRCH: no such route.
      const written = this.#libc.call.write(fd, this.#arena.address(this.#message), length);
      if (written !== length) return undefined;
      const message = this.#receive(fd, question.seq);
      if (message === undefined || message.errno !== 0) return undefined;
      return { message, route: this.#routeOf(message) };
    } finally {
      this.#libc.call.close(fd);
    }
  }

  #receive(fd: number, seq: number): RouteMessage | undefined {
    const { call } = this.#libc;
    const { MSG_DONTWAIT, RTM_GET } = this.#layout;
    const arena = this.#arena;
    const at = this.#message;
    arena.i32[(this.#pollfd + POLLFD_FD_AT) >> 2] = fd;
    arena.u16[(this.#pollfd + POLLFD_EVENTS_AT) >> 1] = POLLIN;
    for (let i = 0; i < MAX_OTHERS; i++) {
      if (call.poll(arena.address(this.#pollfd), 1, ANSWER_MS) !== 1) return undefined;
      const length = call.recv(fd, arena.address(at), MAX_MESSAGE, MSG_DONTWAIT);
      if (length <= 0) return undefined;
      const message = parseMessage(arena.u8.slice(at, at + length), this.#layout);
      if (message?.type === RTM_GET && message.seq === seq && message.pid === process.pid) {
        return message;
      }
    }
    return undefined;
  }

  #routeOf({ index, flags }: RouteMessage): FoundRoute {
    const { RTF_REJECT, RTF_BLACKHOLE } = this.#layout;
    return {
      interfaceName: index === 0 ? undefined : this.#names.ofIndex(index),
      rejects: (flags & (RTF_REJECT | RTF_BLACKHOLE)) !== 0,
    };
  }
}

function maskOf(length: number): Uint8Array {
  const mask = new Uint8Array(IPV6_LENGTH).fill(0xff, 0, length >> 3);
  if ((length & 7) !== 0) mask[length >> 3] = 0xff00 >> (length & 7);
  return mask;
}
