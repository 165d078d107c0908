import { Worker } from "node:worker_threads";
import { makeCounters } from "#src/protocol/counters.ts";
import { asError } from "#src/errors.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Threads } from "../datapath.ts";
import { type Legacy, together } from "../legacy.ts";
import { PeerAsker } from "../peers/asker.ts";
import type { PeerQuestions } from "../peers/questions.ts";
import type { Kernel } from "../kernel.ts";
import { HangWatch, HEARTBEAT_CHECK, MOST_A_LOOK, type ThreadWitness } from "./hang.ts";
import type { Ready, ThreadData } from "./loop.ts";
import { Level, type SharedState } from "./shared.ts";
import type { Wake } from "./wake.ts";

/** One worker: what its thread gets, and how it is reached once it runs. */
export interface WorkerStart {
  readonly data: ThreadData;
  readonly shared: SharedState;
  /** By which it is asked about its peers, where it has any. */
  readonly questions?: PeerQuestions;
  readonly wake: Wake;
}

/** What is to be done on the main thread when the datapath comes to its end. */
export interface ThreadHooks {
  /** Runs when a stop is asked for that ends the routing, before the threads are told. */
  stopping(): void;
  /** Runs once, when all threads have ended: closes what they worked on. Not after a hang. */
  ended(): void;
  /** Asks the kernel about them. */
  readonly openThread?: Kernel["openThread"];
}

/** What has the workers serve once all is open: {@link superviseThreads}, on threads of their own. */
export type Serve = (starts: readonly WorkerStart[], hooks: ThreadHooks) => Promise<Threads>;

/**
 * A compiled binary keeps each entry point by its path from the first one's folder; a bundle is the
 * program and its threads at once: see `src/bundle.ts`.
 */
function threadUrl(self: string): URL {
  if (self.includes("/$bunfs/")) return new URL("./datapath/threads/entry.js", self);
  return self.endsWith(".ts") ? new URL("./entry.ts", self) : new URL(self);
}

/**
 * Starts the threads of a datapath and watches over them as one: when one of them ends, all do; when one
 * hangs, that is the end as well, though it cannot be waited for: the process has to go.
 *
 * @throws Error if one fails before it serves
 */
export async function superviseThreads(
  starts: readonly WorkerStart[],
  hooks: ThreadHooks,
): Promise<Threads> {
  let running = starts.length;
  const stopAll = () => {
    for (const { shared, wake } of starts) {
      shared.requestStop();
      wake.signal();
    }
  };
  const threads = starts.map(({ data }) =>
    new Worker(threadUrl(import.meta.url), { workerData: data })
  );
  const legacies: (Legacy | undefined)[] = starts.map(() => undefined);
  const witnesses: (ThreadWitness | undefined)[] = starts.map(() => undefined);
  let failHung: (error: Error) => void;
  const ended = new Promise<void>((resolve, reject) => {
    let failure: Error | undefined;
    failHung = reject;
    threads.forEach((thread, i) => {
      const fail = (error: unknown) => {
        failure ??= starts.length === 1 ? asError(error) : ofWorker(i, starts.length, error);
      };
      thread.on("error", fail);
      thread.on("message", (said: Ready | Legacy) => {
        if (!("ready" in said)) legacies[i] = said;
        else if (said.thread !== undefined) witnesses[i] = hooks.openThread?.(said.thread);
      });
      thread.on("exit", () => {
        running -= 1;
        if (!starts[i]!.shared.stopping) fail(new Error("The datapath thread ended by itself"));
        // A part of the peers would have nobody: better that whoever restarts us does so.
        if (running > 0) return stopAll();
        hooks.ended();
        failure === undefined ? resolve() : reject(failure);
      });
    });
  });
  // Whoever awaits it gets the error; nobody may yet.
  ended.catch(() => {}).finally(() => witnesses.forEach((it) => it?.close()));
  const ready = threads.map((thread) =>
    new Promise<void>((resolve) => thread.once("message", () => resolve()))
  );
  await Promise.race([ended, Promise.all(ready)]);

  const heartbeatAge = oldestBeat(starts.map(({ shared }) => shared));
  const loopers = starts.map(({ shared }, i) => ({
    beat: () => shared.levels[Level.Beat]!,
    isEnding: () => shared.stopping,
    witness: witnesses[i],
  }));
  const hangs = new HangWatch(loopers, performance.now());
  const watch = setInterval(() => {
    heartbeatAge(); // so that it is right whenever asked
    const hung = hangs.look(performance.now());
    if (hung === undefined) return;
    const [i, how] = hung;
    failHung(ofWorker(i, starts.length, new Error(`its thread hangs: it ${how}`)));
    stopAll();
  }, HEARTBEAT_CHECK);
  // Not `unref()`: what a timer is differs from runtime to runtime.
  ended.catch(() => {}).finally(() => clearInterval(watch));

  return {
    ...sums(starts.map(({ shared }) => shared)),
    peers: starts.flatMap(({ questions, wake }) =>
      questions === undefined ? [] : new PeerAsker(questions, () => wake.signal())
    ),
    heartbeatAge,
    ended,
    stop: async (routing = "ends") => {
      // What stopping works on is closed once all have ended.
      if (running > 0) {
        try {
          if (routing === "ends") hooks.stopping();
        } finally {
          stopAll(); // a thread left running would keep the process alive
          await ended;
        }
      }
      await ended;
      return together(legacies);
    },
    setBroadcasts: (addresses) => starts.forEach(({ shared }) => shared.setBroadcasts(addresses)),
  };
}

/** Says whose failure it is; the others only end with it. */
function ofWorker(i: number, count: number, error: unknown): Error {
  return new Error(`Worker ${i + 1} of ${count}: ${asError(error).message}`, { cause: error });
}

/**
 * A function that tells the time since the thread that was heard of least lately gave a beat, as far as
 * it counts: after a stop of all threads this one may be the first to go on.
 */
export function oldestBeat(
  workers: readonly Pick<SharedState, "levels">[],
  clock: () => Millis = () => performance.now(),
): () => Millis {
  const seen = workers.map(() => ({ beat: -1, age: 0 }));
  let lookedAt = clock();
  return () => {
    const now = clock();
    const passed = Math.min(now - lookedAt, MOST_A_LOOK);
    lookedAt = now;
    seen.forEach((last, i) => {
      const beat = workers[i]!.levels[Level.Beat]!;
      [last.beat, last.age] = [beat, beat === last.beat ? last.age + passed : 0];
    });
    return Math.max(...seen.map(({ age }) => age));
  };
}

const REFUSED = [
  ["tun", Level.TunRefused],
  ["tunUdp", Level.TunUdpRefused],
  ["udpSegment", Level.UdpSegmentRefused],
] as const;

/** What the threads count and publish, as one. */
function sums(workers: readonly SharedState[]) {
  const total = makeCounters();
  const level = (cell: number) => workers.reduce((sum, { levels }) => sum + levels[cell]!, 0);
  return {
    counters: () => {
      for (let i = 0; i < total.length; i++) {
        total[i] = workers.reduce((sum, { counters }) => sum + counters[i]!, 0);
      }
      return total;
    },
    levels: () => ({
      peers: level(Level.Peers),
      peersTrusted: level(Level.PeersTrusted),
      peersResolving: level(Level.PeersResolving),
      peersFailed: level(Level.PeersFailed),
      heldPackets: level(Level.HeldPackets),
      heldBytes: level(Level.HeldBytes),
      leases: level(Level.Leases),
      leasesRefused: level(Level.LeasesRefused),
      passedUp: level(Level.PassedUp),
      passedDown: level(Level.PassedDown),
    }),
    refusedOffloads: () => REFUSED.filter(([, cell]) => level(cell) > 0).map(([name]) => name),
  };
}
