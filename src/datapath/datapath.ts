import type { Counters } from "#src/protocol/counters.ts";
import type { Ipv6Prefix } from "#src/protocol/ipv6.ts";
import type { Millis } from "#src/protocol/time.ts";

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

/** Levels of the relay's state, as last published by the thread; all 0 for the server. */
export interface Levels {
  readonly peers: number;
  readonly peersTrusted: number;
  readonly heldPackets: number;
  readonly heldBytes: number;
}

/** A running datapath thread, seen from the main thread. */
export interface Datapath {
  /** Written by the thread, read here at any moment. */
  readonly counters: Counters;
  levels(): Levels;
  /** Time since the thread last came round its loop. */
  heartbeatAge(): Millis;
  /** Settles when the thread has ended; rejects when it failed. */
  readonly ended: Promise<void>;
  /** Finishes what is queued, ends the thread, closes descriptors; the interface goes with them. */
  stop(): Promise<void>;
  /** Replaces the relay's served prefixes; undefined: any. */
  setServed(prefixes: readonly Ipv6Prefix[] | undefined): void;
}
