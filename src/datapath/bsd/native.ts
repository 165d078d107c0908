import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { copyBytes } from "#src/protocol/wire/bytes.ts";
import { CAPACITY } from "../frames.ts";
import type { NativeWay, PacketSender } from "../kernel.ts";
import { Opened } from "../opened.ts";
import { mustRun, type Run } from "./commands.ts";
import { enableIpv6 } from "./tun/interface.ts";
import { IFCONFIG } from "./interfaces.ts";
import { closeTun, openTun } from "./tun/open.ts";
import { NATIVE_NAME } from "./tun/problems.ts";
import { BsdTunQueue, FAMILY_LENGTH } from "./tun/queue.ts";
import { waysOf } from "./routing/ways.ts";

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
    const tun = openTun(libc, arena, run, { name: NATIVE_NAME, role: "server" });
    opened.add(tun, (it) => closeTun(libc, arena, run, it));
    const { name, fd } = tun;
    const ways = waysOf(libc);
    for (const argv of [...ways.describe(name, NATIVE_NAME), ...ways.settle(name)]) run(argv);
    mustRun(run, [IFCONFIG, name, "up"]);
    enableIpv6(libc, run, name);
    return { name, fd, close: () => opened.close() };
  });
}

/** Writes packets into the interface of {@link openNative}. */
export class NativeSender implements PacketSender {
  readonly #arena: Arena;
  readonly #queue: BsdTunQueue;
  readonly #copy: number;
  /** EAGAIN. */
  readonly #noRoom: number;

  static readonly arenaLength: number = BsdTunQueue.arenaLength + FAMILY_LENGTH + CAPACITY + 4096;

  constructor(libc: Libc, arena: Arena, fd: number) {
    this.#arena = arena;
    this.#noRoom = libc.layout.EAGAIN;
    this.#queue = new BsdTunQueue(libc, arena, fd, "for native packets");
    this.#copy = arena.take(FAMILY_LENGTH + CAPACITY) + FAMILY_LENGTH;
  }

  /** Sends at once, from a copy: the bytes before a packet may be another datagram's still to leave. */
  send(b: Uint8Array, at: number, length: number): number {
    copyBytes(this.#arena.u8, this.#copy, b, at, length);
    const taken = this.#queue.write(this.#copy, length);
    if (taken === length) return 0;
    return taken < 0 ? -taken : this.#noRoom;
  }
}
