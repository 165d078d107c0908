import type { Counters } from "#src/protocol/counters.ts";
import type { ClientOptions } from "#src/protocol/client/contract.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import type { ServerOptions } from "#src/protocol/server/contract.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { ClientHandle } from "./client/news.ts";
import type { KernelPath } from "./fast_path.ts";
import type { Fates } from "./fates/wish.ts";
import type { Kept } from "./kept.ts";
import type { Legacy } from "./legacy.ts";
import type { OffloadReport, RefusedOffload } from "./offloads.ts";
import type { PeerAsker } from "./peers/asker.ts";
import type { Tape } from "./recorder/tape.ts";
import type { Entrusted, Keeper } from "./keep/contract.ts";
import type { Workers } from "./threads/workers.ts";

/** A role's interface and sockets, open but not yet served: privileges can be dropped here. */
export interface OpenRole {
  /** UDP addresses received on, `A.B.C.D:port`. */
  readonly listening: readonly string[];
  /** Whether they are of another network namespace, whose addresses are not to be seen from here. */
  readonly isLent?: boolean;
  /** TUN interface of the relay or client. */
  readonly interfaceName?: string;
  /** Interface by which a server's native packets leave, where that is one of its own. */
  readonly nativeName?: string;
  readonly workers: Workers;
  readonly offloads: OffloadReport;
  readonly fastPath?: KernelPath;
  /** For the log: what is not as it was asked for, such as the interface's name. */
  readonly notices: readonly string[];
  /**
   * Begins to keep the interface as it was set up; undefined where there is nothing to keep.
   *
   * @param mayCommand see `Tunnel.keep`
   */
  keep?(mayCommand: boolean): Keeper;
  /** For another process to keep the interface by; undefined where none can. */
  readonly entrusted?: Entrusted;
  /** What can outlive this process, where a system can hand it to the next. */
  readonly kept?: Kept;
  /**
   * Starts the threads that serve them, which then own every descriptor.
   *
   * @param legacy of the relay that ran before this one
   */
  start(legacy?: Legacy): Promise<Datapath>;
  /** Closes everything; for a start that fails halfway. */
  close(): void;
}

/** Levels of the relay's state, as last published by the threads; all 0 for the server. */
export interface Levels {
  readonly peers: number;
  readonly peersTrusted: number;
  /** Also those that are trusted still. */
  readonly peersResolving: number;
  readonly peersFailed: number;
  readonly heldPackets: number;
  readonly heldBytes: number;
  /** Of the fast path; see `Level`. */
  readonly leases: number;
  readonly leasesRefused: number;
  readonly passedUp: number;
  readonly passedDown: number;
}

/** The running threads of a datapath, seen from the main thread as one. */
export interface Datapath {
  /** Sums over the threads at this moment; the next call fills the same array. */
  counters(): Counters;
  levels(): Levels;
  /** To have the threads tell what becomes of some peers' packets. */
  readonly fates: Fates;
  /** What each thread records packets on; empty where none does. */
  readonly tapes?: readonly Tape[];
  /** What a client tells of itself; undefined for others. */
  readonly client?: ClientHandle;
  /** To ask each thread about its peers; empty for the server. */
  readonly peers?: readonly PeerAsker[];
  /** Which of the offloads found at start the kernel refuses to any of them. */
  refusedOffloads(): readonly RefusedOffload[];
  /** Time since the thread heard of least lately came round its loop. */
  heartbeatAge(): Millis;
  /** Settles when all threads have ended, as they do when one does; rejects when one failed. */
  readonly ended: Promise<void>;
  /**
   * Finishes what is queued, ends the threads, closes descriptors; the interface goes with them.
   *
   * @param routing stays where a successor gets the same interface: what comes meanwhile waits in it
   * @returns what a relay leaves to its successor
   */
  stop(routing?: "ends" | "stays"): Promise<Legacy | undefined>;
  /** Replaces the IPv4 broadcast addresses of the subnets that this host is attached to. */
  setBroadcasts(addresses: readonly number[]): void;
  /**
   * Goes on by these rules, of the role that it has, on every thread from one instant on.
   *
   * @returns false when they are too many to be handed over: nothing has changed
   */
  setRules(rules: RelayRules | ServerRules | ClientRules): boolean;
}

/** What a relay goes by, all its workers together. */
export type RelayRules = Omit<RelayOptions, "servicePort">;

/** What a client goes by. */
export interface ClientRules extends Omit<ClientOptions, "servicePort" | "identity"> {
  /** Secure qualification; undefined: by nonce alone. RFC 4380 §5.2.2 */
  readonly identity: ClientSecret | undefined;
  /** Addresses of this host, which is relayed for; undefined: it is a client. RFC 4380 §5.5 */
  readonly relayedFor?: readonly Ipv6Prefix[] | undefined;
}

/** By what a client shows its servers who it is. */
export interface ClientSecret {
  /** 1 to 255 bytes. */
  readonly clientId: Uint8Array;
  readonly key: Uint8Array;
  /** HMAC of authentication values. */
  readonly algorithm: ServerRules["algorithm"];
}

/** What a server goes by, all its workers together. */
export interface ServerRules extends ServerOptions {
  /** HMAC of authentication values. RFC 4380 §5.2.2 */
  readonly algorithm: "sha1" | "sha256";
}

/** The threads by themselves, which know nothing of shares, nor of what is asked of all. */
export type Threads = Omit<Datapath, "setRules" | "fates" | "tapes" | "client">;
