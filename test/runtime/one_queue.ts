import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { openTun } from "#src/datapath/linux/tun/open.ts";
import { LinuxTunQueue } from "#src/datapath/linux/tun/queue.ts";

/** A TUN interface of one queue and without offloads, for tests that hold its wire. */
export class OneQueue extends LinuxTunQueue {
  readonly #libc: Libc;

  constructor(libc: Libc, arena: Arena, name: string) {
    const opened = openTun(libc, arena, name, { queues: 1, offloads: false });
    super(libc, arena, opened.queues[0]!, opened.name);
    this.#libc = libc;
  }

  /** Removes the interface with its addresses and routes. */
  close(): void {
    this.#libc.call.close(this.fd);
  }
}
