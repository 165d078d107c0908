import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { TunnelGauges, TunnelRules, TunnelSink } from "#src/protocol/tunnel.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import type { Downlink } from "../downlink.ts";
import type { WatchedRules } from "../fates/tunnel.ts";
import type { AskedRules } from "../peers/answers.ts";
import type { SharedState } from "../threads/shared.ts";
import type { Uplink } from "../uplink.ts";
import type { Waiter } from "../waiter.ts";

/** Places in the waiter's list; behind them those of sockets that only some roles have. */
export const Place = { Udp: 0, Tun: 1, Wake: 2, Others: 3 } as const;

/** What the loop of a tunnel works with. */
export interface TunnelParts {
  readonly libc: Libc;
  readonly arena: Arena;
  readonly shared: SharedState;
  readonly uplink: Uplink;
  readonly downlink: Downlink;
  readonly waiter: Waiter;
}

/** What the rules of a role let the loop do with them, besides giving them packets. */
export interface RoleRules extends TunnelRules, WatchedRules, AskedRules {
  readonly gauges: TunnelGauges;
}

/** What is a role's own in the loop of a tunnel: its rules, and one call in each of the loop's steps. */
export interface TunnelRole {
  readonly rules: RoleRules;
  /** When there is something to do that is not the rules'; Infinity: never. */
  readonly nextAt: Millis;

  /** Before the first turn. */
  begin(now: Millis, sink: TunnelSink): void;
  /** Takes what the main thread has changed. @param isWatched whether somebody is to see every packet */
  adopt(isWatched: boolean, now: Millis, sink: TunnelSink): void;
  /** A batch of each socket beside that of the service port. */
  receive(now: Millis, sink: TunnelSink): void;
  /** The rules sent a datagram; passed a packet to the IPv6 side. */
  sentDatagram(datagram: UdpDatagram, now: Millis): void;
  sentIpv6(b: Uint8Array, at: number, now: Millis): void;
  /** Behind a turn, when all is sent. */
  settle(now: Millis, sink: TunnelSink): void;
  /** Somebody asks about peers. */
  takeIn(): void;
  /** Tells of its levels. */
  publish(): void;
  /** Before the last batches, and again behind them. */
  finish(): void;
  /** Lets go of what it has opened; nothing else is called any more. */
  close(): void;
}
