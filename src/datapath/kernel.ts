import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import type { Counters } from "#src/protocol/counters.ts";
import type { PeerLeases } from "#src/protocol/peers/leases.ts";
import type { Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { Millis } from "#src/protocol/time.ts";
import type {
  FastPath,
  FastPathSetup,
  FastPathShare,
  ServerFastPath,
  ServerFastPathSetup,
} from "./fast_path.ts";
import type { HomeSetup } from "./homes.ts";
import type { Entrusted, Keeper } from "./keep/contract.ts";
import type { Inherited } from "./kept.ts";
import type { Lending } from "./lending.ts";
import type { Offloads } from "./offloads.ts";
import type { ServiceRoutes } from "./service_routes.ts";
import type { ThreadWitness } from "./threads/hang.ts";
import type { TunQueue } from "./tun_queue.ts";
import type { Words } from "./words.ts";

/** What the interface of a relay or a client is made with. */
export interface TunnelSetup {
  /** Empty: the kernel names it. Where interfaces cannot be renamed, a wish. */
  readonly interfaceName: string;
  /** Queues wanted, at least 1. */
  readonly queues: number;
  /** Whether to ask for what `Offloads` says of TUN. */
  readonly offloads: boolean;
  /** Bytes, at least 1280. */
  readonly mtu: number;
  /** The Teredo service prefix, 2001::/32. */
  readonly prefix: Ipv6Prefix;
  /** Where routes have no metric, there is one and none to be announced. */
  readonly routes: ServiceRoutes;
  /**
   * Of a client: no route is there until `Keeper.setHome` wants it. Undefined: the route of the prefix is
   * there as long as the interface.
   */
  readonly home?: HomeSetup | undefined;
  /** Whose queues to go on with, if they are as wanted. */
  readonly inherited?: Inherited | undefined;
}

/**
 * The way to all Teredo clients: a TUN interface that is up, with its MTU, a link-local address that
 * ICMPv6 errors may come from, and the route of the service prefix; of a client, what it is told to have.
 */
export interface Tunnel {
  /** As the kernel has it. */
  readonly name: string;
  /** Descriptors, non-blocking, one a queue. */
  readonly queues: readonly number[];
  /** Whether the queues may outlive the process, and interface, address and route with them. */
  readonly mayStay?: boolean;
  readonly offloads: Pick<Offloads, "tun" | "tunUdp">;
  /** For the log: what is not as it was asked for, such as the name. */
  readonly notices: readonly string[];
  /** Whether what keeps it makes an interface again that is gone, under the same descriptors. */
  readonly remakes: boolean;
  /**
   * Begins to keep it as it was set up; the caller closes what this gives.
   *
   * @param announce is called when the interface is gone or was made again: the threads have to look
   * @param mayCommand whether this process can run commands of the system, and has the right to what
   *   they do; it matters where they are what sets up interfaces
   */
  keep(announce: () => void, mayCommand: boolean): Keeper;
  /** For another process to keep it by; undefined where none can. */
  readonly entrusted?: Entrusted;
  /**
   * Takes the route away, so that no new packets come while the last ones are served. Where the
   * privilege for it is gone the route goes with the interface; and stays with it until the next start
   * on NetBSD and on FreeBSD before 15, where that takes privileges too.
   */
  stopRouting(): void;
  /** Closes the descriptors; interface, address and route go with them, as far as that is allowed. */
  close(): void;
}

/** Where a server's packets to the IPv6 Internet leave. */
export interface NativeWay {
  /** Of the interface by which they leave, where there is one. */
  readonly name?: string;
  /** Non-blocking; for {@link Kernel.nativeSender}. */
  readonly fd: number;
  close(): void;
}

/** Sends whole IPv6 packets, one by one. */
export interface PacketSender {
  /** Sends at once; bytes outside the arena are copied. @returns 0, or the errno of a refusal */
  send(b: Uint8Array, at: number, length: number): number;
}

export interface UdpTuning {
  /** Bytes wanted for each of the receive and send buffers. */
  readonly buffer: number;
  /** Whether to ask for `UDP_GRO`. */
  readonly gro: boolean;
}

/** Where a socket is to be bound, and whether it is to join datagrams. */
export interface WantedUdp {
  /** IPv4 address; 0 is every address. */
  readonly address: number;
  /** 0: any. */
  readonly port: number;
  /** Whether to ask for `UDP_GRO`. */
  readonly gro?: boolean;
}

/** What came of a {@link UdpTuning}. */
export interface UdpTuned extends Pick<Offloads, "udpGro" | "udpSegment"> {
  /** For the log: what is not as it was asked for. */
  readonly notice?: string | undefined;
}

/** Attaches the program that shares out what the sockets receive among the workers. */
export type Steer = (libc: Libc, arena: Arena, fd: number, workers: number) => void;

/**
 * What each system does in its own way. The rest of the datapath is the same for all, and reads what
 * differs in numbers from `libc.layout`.
 */
export interface Kernel {
  readonly words: Words;
  /** Bytes of arena that one {@link tunQueue} or {@link nativeSender} takes at the most. */
  readonly arenaLength: number;
  /** Why there can only be one worker; undefined: there can be more. */
  readonly oneWorker: string | undefined;
  /**
   * Milliseconds since the machine was booted, sleep included: the same for every process. Undefined
   * where no clock counts these.
   */
  bootTime?(libc: Libc): Millis;
  /** The same without sleep, as a service manager reckons. */
  monotonicTime?(libc: Libc): Millis;
  /** What {@link openThread} finds the thread by that calls this. */
  nameOfThread?(): string | undefined;
  /** What the kernel says of a thread of this process. Undefined where it does not. */
  openThread?(name: string): ThreadWitness | undefined;
  /** For the relay's sockets, whose peers each have one worker. @throws WorkersRefused */
  readonly steerRelay: Steer;
  /** For the server's sockets, where the IPv4 source decides. @throws WorkersRefused */
  readonly steerServer: Steer;

  /**
   * The port of sockets that the relay before this one has left, one for each worker, if they are what
   * `options` ask for. Undefined where none can be left.
   */
  boundAsWanted?(
    libc: Libc,
    arena: Arena,
    descriptors: readonly number[],
    options: WantedUdp,
    workers: number,
  ): number | undefined;

  /** Sets the options of an IPv4 UDP socket that only this system has. @throws SyscallError */
  tuneUdp(libc: Libc, arena: Arena, fd: number, tuning: UdpTuning): UdpTuned;

  /** @throws StartError that says what is in the way and how to mend it; WorkersRefused */
  openTunnel(libc: Libc, arena: Arena, setup: TunnelSetup): Tunnel;

  /** Opens a relay's fast path, or says why there is none. Undefined where no system has one. */
  openFastPath?(libc: Libc, setup: FastPathSetup): FastPath;

  /**
   * Who lends a relay's peers to what {@link openFastPath} made, maybe on another thread; `libc` and
   * `clock` are this one's.
   *
   * @param local our address, where the socket is bound to one; 0: each peer's own
   * @throws SyscallError
   */
  lend?(
    libc: Libc,
    share: FastPathShare,
    leases: PeerLeases,
    counters: Counters,
    local: number,
    clock: () => Millis,
  ): Lending;

  /** The same of a server. */
  openServerFastPath?(libc: Libc, setup: ServerFastPathSetup): ServerFastPath;

  /** One queue of a tunnel, maybe on another thread; `libc` and `arena` are this one's. */
  tunQueue(libc: Libc, arena: Arena, fd: number, name: string, offloads: Offloads): TunQueue;

  /** @throws StartError, SyscallError */
  openNative(libc: Libc, arena: Arena): NativeWay;

  /** What sends through a {@link NativeWay}, maybe on another thread. */
  nativeSender(libc: Libc, arena: Arena, fd: number): PacketSender;
}
