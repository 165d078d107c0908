import type { Counters } from "#src/protocol/counters.ts";
import type { Ipv6Prefix } from "#src/protocol/ipv6.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Gauges } from "#src/status/snapshot.ts";

/** A role's interface and sockets, open but not yet served: privileges can be dropped here. */
export interface OpenRole {
  /** UDP addresses received on, `A.B.C.D:port`. */
  readonly listening: readonly string[];
  /** TUN interface of the relay. */
  readonly interfaceName?: string;
  /** Starts the thread that serves them, which then owns every descriptor. */
  start(): Promise<Datapath>;
  /** Closes everything; for a start that fails halfway. */
  close(): void;
}

/** A running datapath thread, seen from the main thread. */
export interface Datapath {
  /** Written by the thread, read here at any moment. */
  readonly counters: Counters;
  gauges(): Gauges;
  /** Time since the thread last came round its loop. */
  heartbeatAge(): Millis;
  /** Settles when the thread has ended; rejects when it failed. */
  readonly ended: Promise<void>;
  /** Finishes what is queued, ends the thread, closes descriptors; the interface goes with them. */
  stop(): Promise<void>;
  /** Replaces the relay's served prefixes; undefined: any. */
  setServed(prefixes: readonly Ipv6Prefix[] | undefined): void;
}
