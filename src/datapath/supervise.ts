import { Worker } from "node:worker_threads";
import type { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { EFD_CLOEXEC, EFD_NONBLOCK, SIZEOF_EVENTFD_T } from "#ffi/linux.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Datapath } from "./datapath.ts";
import { Level, type SharedState } from "./shared.ts";
import type { ThreadData } from "./thread.ts";

/** How often the thread's heartbeat is looked at, so that its age is right whenever asked. */
const HEARTBEAT_CHECK: Millis = 250;

/** An eventfd that wakes the thread out of `poll`. */
export class Wake {
  readonly fd: number;
  readonly #libc: Libc;
  readonly #address: number;

  constructor(libc: Libc, arena: Arena) {
    this.#libc = libc;
    this.fd = check(libc, libc.call.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd", "wake");
    const at = arena.take(SIZEOF_EVENTFD_T);
    arena.u32[at >> 2] = 1;
    this.#address = arena.address(at);
  }

  signal(): void {
    this.#libc.call.write(this.fd, this.#address, SIZEOF_EVENTFD_T);
  }
}

/** What is to be done on the main thread when the datapath's comes to its end. */
export interface ThreadHooks {
  /** Runs when a stop is asked for, before the thread is told. */
  stopping(): void;
  /** Runs once, when the thread has ended: closes what it worked on. */
  ended(): void;
}

/** A compiled binary keeps each entry point by its path from the first one's folder. */
function threadUrl(self: string): URL {
  const compiled = self.includes("/$bunfs/");
  return new URL(compiled ? "./datapath/thread.js" : "./thread.ts", self);
}

/** Starts a datapath thread and watches over it. @throws Error if it fails before it serves */
export async function superviseThread(
  data: ThreadData,
  shared: SharedState,
  wake: Wake,
  hooks: ThreadHooks,
): Promise<Datapath> {
  const worker = new Worker(threadUrl(import.meta.url), { workerData: data });
  let over = false;
  const ended = new Promise<void>((resolve, reject) => {
    let failure: Error | undefined;
    worker.on("error", (error: unknown) => {
      failure ??= error instanceof Error ? error : new Error(String(error));
    });
    worker.on("exit", () => {
      over = true;
      hooks.ended();
      if (failure === undefined && !shared.stopping) {
        failure = new Error("The datapath thread ended by itself");
      }
      failure === undefined ? resolve() : reject(failure);
    });
  });
  ended.catch(() => {}); // whoever awaits it gets the error; nobody may yet
  await Promise.race([ended, new Promise<void>((resolve) => worker.once("message", resolve))]);

  let seenBeat = -1;
  let seenAt = performance.now();
  const heartbeatAge = () => {
    const beat = shared.levels[Level.Beat]!;
    if (beat !== seenBeat) [seenBeat, seenAt] = [beat, performance.now()];
    return performance.now() - seenAt;
  };
  const watch = setInterval(heartbeatAge, HEARTBEAT_CHECK);
  watch.unref();

  return {
    counters: shared.counters,
    levels: () => ({
      peers: shared.levels[Level.Peers]!,
      peersTrusted: shared.levels[Level.PeersTrusted]!,
      heldPackets: shared.levels[Level.HeldPackets]!,
      heldBytes: shared.levels[Level.HeldBytes]!,
    }),
    heartbeatAge,
    ended,
    stop: async () => {
      clearInterval(watch);
      if (over) return await ended; // what stopping works on is closed already
      try {
        hooks.stopping();
      } finally {
        shared.requestStop(); // a thread left running would keep the process alive
        wake.signal();
        await ended;
      }
    },
    setServed: (prefixes) => shared.setServed(prefixes),
  };
}
