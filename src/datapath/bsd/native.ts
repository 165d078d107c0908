import type { Arena } from "#ffi/arena.ts";
import { NONE } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import { copyBytes } from "#src/protocol/bytes.ts";
import { CAPACITY } from "../frames.ts";
import type { NativeWay, PacketSender } from "../kernel.ts";
import { Opened } from "../opened.ts";
import { mustRun, type Run } from "./commands.ts";
import { IFCONFIG, shownInterface } from "./interfaces.ts";
import { bsdLayout } from "./layout.ts";
import { closeTun, openTun } from "./tun.ts";
import { BsdTunQueue, FAMILY_LENGTH } from "./tun_queue.ts";
import { waysOf } from "./ways.ts";

/**
 * What a server's interface is called where interfaces can be renamed. By its name the next start
 * knows what a server has left that had no privilege to destroy it: FreeBSD before 15 keeps it.
 */
const NATIVE_NAME = "teredo-server";

/**
 * A TUN interface without address and route, into which the server's packets go: the raw sockets of a
 * BSD make the IPv6 header themselves, so that nothing could be sent in a client's name. The kernel
 * takes what comes from an interface as from a link, and forwards it where forwarding is on.
 *
 * @throws StartError, SyscallError
 */
export function openNative(libc: Libc, arena: Arena, run: Run): NativeWay {
  const opened = new Opened();
  return opened.run(() => {
    const tun = openTun(libc, arena, run, nameFor(libc, run));
    opened.add(tun, (it) => closeTun(libc, arena, run, it));
    mustRun(run, [IFCONFIG, tun.name, "up"]);
    for (const argv of waysOf(libc).settle(tun.name)) run(argv);
    return { fd: tun.fd, close: () => opened.close() };
  });
}

/** A second server on one host has the kernel's name. */
function nameFor(libc: Libc, run: Run): string {
  if (bsdLayout(libc).SIOCSIFNAME === NONE) return "";
  return shownInterface(run, NATIVE_NAME)?.openedBy === undefined ? NATIVE_NAME : "";
}

/** Writes packets into the interface of {@link openNative}. */
export class NativeSender implements PacketSender {
  readonly #arena: Arena;
  readonly #queue: BsdTunQueue;
  readonly #copy: number;

  static readonly arenaLength: number = BsdTunQueue.arenaLength + FAMILY_LENGTH + CAPACITY + 4096;

  constructor(libc: Libc, arena: Arena, fd: number) {
    this.#arena = arena;
    this.#queue = new BsdTunQueue(libc, arena, fd, "for native packets");
    this.#copy = arena.take(FAMILY_LENGTH + CAPACITY) + FAMILY_LENGTH;
  }

  /** Sends at once, from a copy: the bytes before a packet may be another datagram's still to leave. */
  send(b: Uint8Array, at: number, length: number): boolean {
    copyBytes(this.#arena.u8, this.#copy, b, at, length);
    return this.#queue.write(this.#copy, length) === length;
  }
}
