import type { Counters } from "#src/protocol/counters.ts";
import type { ServerOptions } from "#src/protocol/server/contract.ts";
import type { Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { Signalling } from "./keep/contract.ts";

/** How the fast path is, for people. */
export interface FastPathReport {
  readonly on: boolean;
  /** Why it is off; what somebody should know of one that is on. */
  readonly note?: string | undefined;
  /** Peers that may be lent to the kernel at once. */
  readonly leasesLimit: number;
  /** Packets that its programs left to the daemon since the start, by why. */
  readonly leftAlone: Readonly<Record<string, number>>;
  /** Datagrams that a server's took and sent, where the threads do not tell. */
  readonly passed?: { readonly up: number; readonly down: number };
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

/** Programs in the kernel that do a part of a role's work, or why there are none. Of the main thread. */
export interface KernelPath extends Partial<Signalling> {
  /** True: there is none, whatever changes. */
  readonly isNone?: boolean;

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

  close(): void;
}

/** A relay's, whose programs carry packets of peers which the threads lend to them. */
export interface FastPath extends KernelPath {
  /** Undefined: nobody is ever lent. */
  readonly maps: FastPathMaps | undefined;

  /** Has the programs serve other addresses, if they are others; until then no packet passes. */
  serve(served: readonly Ipv6Prefix[] | undefined): void;
}

/** A server's, whose program answers router solicitations. */
export interface ServerFastPath extends KernelPath {
  /** Adds to `counters` what it has counted in the place of the threads. */
  addTo(counters: Counters): void;

  /** Goes by other rules, before the threads do. */
  setRules(rules: ServerOptions): void;

  /** The same of broadcast addresses of the subnets that this host is attached to. */
  setBroadcasts(addresses: readonly number[]): void;

  /** Whether the threads are to see all there is for a while. */
  pause(wanted: boolean): void;
}

/** What a server asks for. */
export interface ServerFastPathWish {
  /** Why there is to be none; undefined: there may be one. */
  readonly refusal: string | undefined;
  /** Broadcast addresses of the subnets that this host is attached to at the start. */
  readonly broadcasts: readonly number[];
}

/** What a system makes it of. */
export interface ServerFastPathSetup {
  /** IPv4 addresses that the sockets are bound to. */
  readonly primary: number;
  readonly secondary: number;
  readonly broadcasts: readonly number[];
  readonly rules: ServerOptions;
}

/** Of a system that has none. */
export const NO_FAST_PATH = "this system has none; Linux 6.6 has";

/** Where there is none, whatever changes. */
export function noFastPath(reason: string, leasesLimit: number): FastPath {
  const report = { on: false, note: reason, leasesLimit, leftAlone: {} };
  return {
    isNone: true,
    maps: undefined,
    report: () => report,
    permit: () => {},
    look: () => {},
    serve: () => {},
    close: () => {},
  };
}

/** The same of a server. */
export function noServerFastPath(reason: string): ServerFastPath {
  const report = { on: false, note: reason, leasesLimit: 0, leftAlone: {} };
  return {
    isNone: true,
    report: () => report,
    permit: () => {},
    look: () => {},
    addTo: () => {},
    setRules: () => {},
    setBroadcasts: () => {},
    pause: () => {},
    close: () => {},
  };
}
