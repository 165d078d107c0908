import type { Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { HomeWish } from "../homes.ts";
import type { ServiceRoutes } from "../service_routes.ts";

/** What is kept of a tunnel as it was set up, in the order in which it is put right. */
export const KEPT = [
  "interface",
  "name",
  "master",
  "flags",
  "queue",
  "mtu",
  "ipv6",
  "up",
  "address",
  "route",
  "announcement",
  "home",
  "default_route",
  "source_rule",
] as const;
export type Kept = typeof KEPT[number];

/** One thing that came of a look at what was set up. */
export type Upkeep =
  /** It is as it was set up again, after so long at the most. */
  | { readonly event: "restored"; readonly what: Kept; readonly away: Millis }
  /** It was put right so often that the next time has to wait: somebody else changes it. */
  | { readonly event: "fought"; readonly what: Kept; readonly rivals: readonly Rival[] }
  /** It could not be put right, and is tried again. */
  | {
    readonly event: "refused";
    readonly what: Kept;
    readonly problem: string;
    readonly mend?: string;
  };

/** A program of this host that sets up interfaces by itself. */
export interface Rival {
  readonly name: string;
  /** What has it leave the interface alone. */
  readonly mend: string;
}

/** Something by which the kernel tells of changes. */
export interface Signalling {
  /** Has the kernel send SIGIO to this process when it tells of a change, or no more. */
  signal(wanted: boolean): void;
}

/** Keeps a tunnel as it was set up: for one thread, which calls it again and again. */
export interface Keeper extends Partial<Signalling> {
  /**
   * Looks whether something differs, where the kernel told of a change or a second has passed, and
   * puts that right. Does not wait.
   *
   * @param isTold whether the kernel has signalled a change just now
   * @returns what is worth telling; mostly nothing
   */
  look(now: Millis, isTold?: boolean): readonly Upkeep[];
  /**
   * Sets the route that routing daemons learn, or takes it away, at once; at first it is away. What is in
   * the way is told by {@link look}, which tries again.
   */
  announce(wanted: boolean): void;
  /**
   * Gives the interface these addresses and routes at once, in place of those that it was given; at first
   * it has none. What is in the way is told by {@link look}, which tries again. Without a `HomeSetup` there
   * is nothing to give.
   */
  setHome(wish: HomeWish): void;
  /** Addresses, rules and routes that {@link setHome} has given go as well, as far as that is allowed. */
  close(): void;
}

/** What another process has to know to keep a tunnel. */
export interface Entrusted {
  readonly interfaceName: string;
  readonly index: number;
  /** Bytes. */
  readonly mtu: number;
  /** Packets, or super-packets, that may wait in each of its queues. */
  readonly queueLength: number;
  /** The Teredo service prefix, 2001::/32. */
  readonly prefix: Ipv6Prefix;
  readonly routes: ServiceRoutes;
  readonly home?: EntrustedHome | undefined;
}

/** See `HomeSetup`. */
export interface EntrustedHome {
  readonly metric: number;
  /** Number of the routing table that packets from our addresses are looked up in; undefined: in none. */
  readonly table: number | undefined;
}

/** How one system knows what was set up and sets it again. */
export interface Upheld extends Partial<Signalling> {
  /** Whether the kernel has told of a change since this was asked last, or may have made one untold. */
  hasChanged(): boolean;
  /** What differs and can be put right now, in the order of {@link KEPT}. @throws SyscallError */
  differences(): readonly Kept[];
  /** @throws SyscallError, StartError */
  putRight(what: Kept): void;
  /** Whether the announcement is to be there; {@link putRight} sets it, or takes it away. */
  announce(wanted: boolean): void;
  /** What a client's interface is to have; {@link putRight} sets it. */
  setHome(wish: HomeWish): void;
  /** Programs that run here and may have changed it. */
  rivals(): readonly Rival[];
  /** See {@link Keeper.close}. */
  close(): void;
}
