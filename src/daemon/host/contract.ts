import type { Rival } from "#src/datapath/keep/contract.ts";
import type { Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { ProcessUse } from "#src/status/snapshot.ts";
import type { Finding } from "../checks/result.ts";
import type { FilterReport, Traffic } from "./traffic.ts";
import type { NetworkWatch } from "./network.ts";
import type { HostWords } from "./words.ts";

/** What a daemon may need the right to do. */
export type Right =
  | "set up interfaces"
  | "open raw sockets"
  | "bind low ports"
  | "become a user"
  | "change the root directory";

/** How this process stands with rights, in the names that the system has for them. */
export interface Rights {
  readonly wanted: readonly string[];
  readonly missing: readonly string[];
}

/** Something in the way, and the command or step that mends it. */
export interface Problem {
  readonly problem: string;
  readonly mend: string;
}

/** One interface, without its addresses. */
export interface Device {
  /** Administratively. */
  readonly up: boolean;
  /** Of one that is up: whether it passes packets, rather than drop them. */
  readonly hasCarrier: boolean;
  /** Bytes. */
  readonly mtu: number;
  /** Whether it has the link-local address that a relay gives its interface. */
  readonly hasLinkLocal: boolean;
}

/** A packet whose way is asked for. */
export interface Journey {
  /** Of 4 or 16 bytes, as all addresses here. */
  readonly destination: Uint8Array;
  /** Whose packet it is; undefined: this host's own, of whichever address the kernel chooses. */
  readonly source?: Uint8Array | undefined;
  /** Interface that it comes in by, to be forwarded; it need not be there yet. */
  readonly comesBy?: string | undefined;
}

/** What the kernel does with a packet. */
export type Way =
  | {
    readonly kind: "sent";
    readonly interfaceName: string;
    /** Of this host's own packet, where the system tells. */
    readonly source: Uint8Array | undefined;
    readonly gateway: Uint8Array | undefined;
    /** Bytes, where the route has its own. */
    readonly mtu: number | undefined;
  }
  /** This host is its destination. */
  | { readonly kind: "taken" }
  | Refused;

export interface Refused {
  readonly kind: "refused";
  /** Completes "... is refused: ". */
  readonly why: string;
  /** A route or a rule says so; else no route leads there. */
  readonly isSaid: boolean;
}

/** Interface that the packet leaves by; undefined: by none. */
export function leavesBy(way: Way): string | undefined {
  return way.kind === "sent" ? way.interfaceName : undefined;
}

/** An entry of a routing table. */
export interface Deciding {
  /** Bits of its prefix. */
  readonly length: number;
  /** `proto bird, metric 32, table main` */
  readonly description: string;
}

export interface Interface {
  readonly name: string;
  /** Administratively. */
  readonly up: boolean;
  readonly loopback: boolean;
  /** Bytes. */
  readonly mtu: number;
  readonly ipv4: readonly number[];
}

/** An IPv6 default route that sends packets somewhere. */
export interface DefaultRoute {
  readonly interfaceName: string;
  /** Of router advertisements, whoever heeds them: the kernel or a network manager. */
  readonly fromAdvertisement: boolean;
}

/** Why the kernel refused something. */
export interface Refusal {
  /** Symbol of <errno.h>, e.g. `EADDRINUSE`. */
  readonly code: string;
  /** For messages: `EADDRINUSE (Address already in use)`. */
  readonly text: string;
}

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, `gid` included. */
  readonly groups: readonly number[];
}

/** Who connected to a Unix socket, as the kernel noted it at that moment. */
export interface UnixPeer {
  readonly uid: number;
  /** Those that the system tells: all on Linux, the effective one on a BSD. */
  readonly gids: readonly number[];
}

/** Asks the kernel who is at the other end of Unix sockets, until closed. */
export interface UnixPeers {
  /** @returns undefined when `fd` is no connected Unix socket */
  peerOf(fd: number): UnixPeer | undefined;
  close(): void;
}

/** What the checks ask of this machine; every answer is of the moment it is asked. */
export interface Host {
  readonly words: HostWords;
  /** Why no more than one worker can serve, whoever runs it; undefined: more can. */
  readonly oneWorker: string | undefined;
  /** Whether a server's native packets take a TUN interface of its own, to be forwarded from there. */
  readonly serverUsesTun: boolean;
  /**
   * Whether a packet from one interface reaches an address of another, this host's too, only where
   * IPv6 is forwarded: a relay needs that for what it serves, be it this host alone.
   */
  readonly localNeedsForwarding: boolean;
  /** Whether an interface is kept by a process of its own, where the daemon gives up the right to do so. */
  readonly keepsApart: boolean;
  /** Whether routes have metrics, so that a prefix can have a second one to be announced. */
  readonly hasMetrics: boolean;
  /** Largest MTU that a TUN interface takes, in bytes. */
  readonly mostMtu: number;
  /** A mend as it can be carried out where this process runs: in a container much cannot. */
  feasible(mend: string): string;
  rights(needed: readonly Right[]): Rights;
  /** Whether a TUN interface can be made. @param wanted the name it shall have; empty: any */
  tun(wanted: string): Finding;
  ipv6(): Finding;
  /** Whether IPv6 packets are forwarded between interfaces. */
  forwards6(): boolean;
  /**
   * Why an IPv6 default route that came by router advertisement will go while this host forwards: the
   * variable that has to be so and so. undefined: it stays.
   */
  losesAdvertisedRoute(interfaceName: string): Problem | undefined;
  /** Processor cores that this process may use. */
  cores(): number;
  /** What keeps packets from being shared out among so many workers; undefined: nothing. */
  refusesWorkers(count: number): Problem | undefined;
  /** Why no program in the kernel can carry a relay's packets past it; undefined: they can. */
  refusesFastPath(): string | undefined;
  /** All of them: at start only, for there may be thousands. */
  interfaces(): readonly Interface[];
  device(interfaceName: string): Device | undefined;
  /**
   * How to switch IPv6 on again on an interface where it is off, so that all packets are thrown away;
   * undefined: it is on, as far as can be seen.
   */
  disabledIpv6(interfaceName: string): string | undefined;
  /** Whether the kernel takes packets to this IPv4 address as its own. */
  takes4(address: number): boolean;
  /** Whether this host has an IPv4 address but those of loopback. */
  hasIpv4(): boolean;
  /**
   * What becomes of an IPv4 packet; undefined: the system does not tell. On a BSD at start only, and by
   * its destination alone.
   */
  way4(journey: Journey): Way | undefined;
  /** What becomes of an IPv6 packet. On a BSD by its destination alone. */
  way6(journey: Journey): Way;
  /** The route that decides about an IPv6 packet; undefined: the system does not tell. */
  decidingRoute6(journey: Journey): Deciding | undefined;
  /** May read the whole table: at start only. */
  defaultRoutes6(): readonly DefaultRoute[];
  /**
   * Whether a relay's route of this prefix will be the one that packets take. May read the whole table:
   * at start only.
   *
   * @param own interface of that route, which may be there already
   * @param metric of that route, where routes have one
   */
  serviceRoute(prefix: Ipv6Prefix, own: string, metric: number): Finding;
  /**
   * What reverse-path filters do to datagrams from strangers' addresses to one of this host's;
   * undefined: it is not known.
   */
  returnPath(address: number, strangers: readonly number[]): Finding | undefined;
  /** Programs that set up interfaces and run at this moment, as far as can be seen. */
  interfaceManagers(): readonly Rival[];
  /** What this host's packet filters do to some traffic; undefined: what filters are here is not known. */
  filters(traffic: () => readonly Traffic[]): FilterReport | undefined;
  /**
   * The same for one who asks again and again about the same traffic, which is only made when the
   * filters have to be looked at again.
   */
  watchFilters(traffic: () => readonly Traffic[]): FilterReport | undefined;
  /** Why a UDP socket cannot be bound there now; undefined: it can. @param port 0: any */
  refusesUdp(address: number, port: number): Refusal | undefined;
  /** Who has a UDP socket on this port, as far as it can be seen. */
  udpOwner(port: number): { readonly pid: number; readonly name: string } | undefined;
  user(name: string): User | undefined;
  isDirectory(path: string): boolean;
  /**
   * Rises with each change of this host's interfaces, addresses, routes, rules, forwarding and filters
   * that the kernel has told of; where it does not tell, whenever this is asked. Not all is told: what a
   * sysctl sets besides, and the rules of iptables-legacy, are not.
   */
  revision(): number;
  /**
   * Follows where this host stands in its networks; the caller closes it.
   *
   * @param prefix upper 32 bits of the service prefix, in which nothing is native
   * @throws SyscallError
   */
  watchNetwork(prefix: number): NetworkWatch;
  /** Of this process. */
  processUse(): ProcessUse;
  year(): number;
  /**
   * Names this run of the machine, and the network that this process is in: what is known of peers here
   * and now holds for no other. Undefined: it has no name.
   */
  instance(): string | undefined;
}
