import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { Blocked } from "#src/datapath/udp/blocked.ts";
import { UdpSender } from "#src/datapath/udp/send.ts";
import type { Counters } from "#src/protocol/counters.ts";
import { rest } from "./role.ts";

/** For programs that have nothing better to do while a send buffer is full. */
export class WaitingSender {
  readonly #libc: Libc;
  readonly #sender: UdpSender;

  /** Bytes of arena that one sender takes. */
  static readonly arenaLength: number = UdpSender.arenaLength;

  constructor(libc: Libc, arena: Arena, fd: number, counters: Counters, joins = false) {
    this.#libc = libc;
    this.#sender = new UdpSender(libc, arena, fd, counters, joins);
  }

  /** As that of `UdpSender`. */
  queue(...args: Parameters<UdpSender["queue"]>): void {
    if (!this.#sender.hasRoom()) this.flush();
    this.#sender.queue(...args);
  }

  /** As that of `UdpSender`; the super-packet is the caller's again at the next call. */
  queueSegments(...args: Parameters<UdpSender["queueSegments"]>): void {
    if (!this.#sender.hasRoom()) this.flush();
    this.#sender.queueSegments(...args);
    if (this.#sender.blocked !== Blocked.No) this.flush();
  }

  /** Returns when all is sent. */
  flush(): void {
    this.#sender.flush();
    while (this.#sender.blocked !== Blocked.No) {
      rest(this.#libc);
      this.#sender.resume();
    }
  }
}
