import type { Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";

/** How the fast path is, for people. */
export interface FastPathReport {
  readonly on: boolean;
  /** Why it is off; what somebody should know of one that is on. */
  readonly note?: string | undefined;
  /** Peers that may be lent to the kernel at once. */
  readonly leasesLimit: number;
  /** Packets that its programs left to the relay since the start, by why. */
  readonly leftAlone: Readonly<Record<string, number>>;
}

/** What a relay asks for. */
export interface FastPathWish {
  /** Why there is to be none; undefined: there may be one. */
  readonly refusal: string | undefined;
  /** Peers that may be lent to the kernel at once. */
  readonly peers: number;
}

/** What a system makes a fast path of. */
export interface FastPathSetup {
  /** A queue of the TUN interface, whose descriptor stays the same when the interface is made again. */
  readonly tun: number;
  /** Our UDP port. */
  readonly port: number;
  /** Upper 32 bits of the service prefix. */
  readonly prefix: number;
  /** Addresses that clients may reach; undefined: any. */
  readonly served: readonly Ipv6Prefix[] | undefined;
  readonly peers: number;
  /** Tells the threads that links, IPv4 addresses, routes or rules may be others. */
  readonly announceWays: () => void;
  /** Tells them whether to lend peers. */
  readonly setLending: (wanted: boolean) => void;
}

/** Descriptors of the maps by which peers are lent; see `linux/fast_path/leases.ts`. */
export interface FastPathMaps {
  readonly leases: number;
  readonly slots: number;
  readonly control: number;
}

/** What one thread lends peers by: the maps, and its own slots from the first up to, without, the second. */
export interface FastPathShare extends FastPathMaps {
  readonly range: readonly [from: number, end: number];
}

/** Slot 0 is nobody's. */
export function fastPathShare(
  fastPath: FastPath,
  worker: number,
  workers: number,
): FastPathShare | undefined {
  if (fastPath.maps === undefined) return undefined;
  const { leasesLimit } = fastPath.report();
  const first = (i: number) => 1 + Math.floor(leasesLimit * i / workers);
  const { leases, slots, control } = fastPath.maps;
  return { leases, slots, control, range: [first(worker), first(worker + 1)] };
}

/**
 * Programs in the kernel that carry packets of peers which the threads lend to them; or why there are
 * none. Of the main thread.
 */
export interface FastPath {
  /** Undefined: nobody is ever lent. */
  readonly maps: FastPathMaps | undefined;

  report(): FastPathReport;

  /**
   * Whether packets may pass this host's filters by; until it was asked for they do not.
   *
   * @param refusal why they may not; undefined: they may
   * @param note what somebody should know then
   */
  permit(refusal: string | undefined, note?: string): void;

  /** Follows this host's interfaces, addresses and routes: cheap while nothing changes. */
  look(): void;

  /** Has the programs serve other addresses, if they are others; until then no packet passes. */
  serve(served: readonly Ipv6Prefix[] | undefined): void;

  close(): void;
}

/** Of a system that has none. */
export const NO_FAST_PATH = "this system has none; Linux 6.6 has";

/** Where there is none, whatever changes. */
export function noFastPath(reason: string, leasesLimit: number): FastPath {
  const report = { on: false, note: reason, leasesLimit, leftAlone: {} };
  return {
    maps: undefined,
    report: () => report,
    permit: () => {},
    look: () => {},
    serve: () => {},
    close: () => {},
  };
}
