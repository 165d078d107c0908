import { randomBytes } from "node:crypto";
import process from "node:process";
import type { Arena } from "#ffi/arena.ts";
import type { BsdLayout } from "#ffi/bsd/layout.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  ESRCH,
  POLLFD_EVENTS_AT,
  POLLFD_FD_AT,
  POLLIN,
  SIZEOF_POLLFD,
  SOCK_RAW,
} from "#ffi/posix.ts";
import { equalIpv6, IPV6_LENGTH, type Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { Millis } from "#src/protocol/time.ts";
import { bsdLayout } from "../layout.ts";
import { Names } from "../names.ts";
import { MAX_MESSAGE, parseMessage, type RouteMessage, writeQuestion } from "./message.ts";

/** The kernel answers at once, FreeBSD's from another thread of its own. */
const PATIENCE: Millis = 1_000;
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

/** `none`: there is no such route. `untold`: an answer did not come, or another than is asked for. */
type Reply = Answer | "none" | "untold";

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
  readonly #patience: Millis;
  readonly #message: number;
  readonly #pollfd: number;

  /**
   * @param arena for one message and a name, as long as this lives
   * @param patience how long to wait for an answer
   */
  constructor(libc: Libc, arena: Arena, patience: Millis = PATIENCE) {
    this.#libc = libc;
    this.#patience = patience;
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
    const reply = this.decision(address);
    return typeof reply === "string" ? undefined : reply;
  }

  /**
   * The same for who must not take a missing answer for a missing route.
   *
   * @throws SyscallError when there is no routing socket
   */
  decision(address: Uint8Array): FoundRoute | "none" | "untold" {
    const reply = this.#ask(address, undefined);
    return typeof reply === "string" ? reply : reply.route;
  }

  /**
   * The route for exactly `prefix`, if there is one. NetBSD answers with the best route for the
   * prefix's address, so that one that is more specific hides it.
   *
   * @throws SyscallError when there is no routing socket
   */
  of(prefix: Ipv6Prefix): FoundRoute | undefined {
    const mask = maskOf(prefix.length);
    const reply = this.#ask(prefix.bytes, mask);
    if (typeof reply === "string" || reply.message.destination === undefined) return undefined;
    const { destination, mask: found } = reply.message;
    const isExact = equalIpv6(destination, 0, prefix.bytes, 0) && equalIpv6(found, 0, mask, 0);
    return isExact ? reply.route : undefined;
  }

  #ask(address: Uint8Array, mask: Uint8Array | undefined): Reply {
    const { SOCK_CLOEXEC, AF_ROUTE } = this.#layout;
    const fd = this.#libc.call.socket(AF_ROUTE, SOCK_RAW | SOCK_CLOEXEC, 0);
    check(this.#libc, fd, "socket", "AF_ROUTE");
    try {
      const question = { address, mask, pid: process.pid, seq: randomBytes(4).readInt32LE() };
      this.#arena.u8.fill(0, this.#message, this.#message + MAX_MESSAGE);
      const length = writeQuestion(this.#arena, this.#message, this.#layout, question);
      const written = this.#libc.call.write(fd, this.#arena.address(this.#message), length);
      if (written !== length) return this.#libc.errno() === ESRCH ? "none" : "untold";
      const message = this.#receive(fd, question.seq);
      if (message === undefined) return "untold";
      if (message.errno !== 0) return message.errno === ESRCH ? "none" : "untold";
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
      if (call.poll(arena.address(this.#pollfd), 1, this.#patience) !== 1) return undefined;
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
