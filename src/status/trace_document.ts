import type { JSON_VERSION } from "./document.ts";
import type { DropReason } from "./snapshot.ts";

/** `GET /trace?peer=PEER`, event `begin`: what the trace is of, and when it ends at the latest. */
export interface TraceBegin {
  readonly version: typeof JSON_VERSION;
  readonly peer: string;
  readonly packets: number;
  readonly seconds: number;
}

/** Event `packet`: one packet of that peer, or what came of one that had been held. */
export interface TracedPacket {
  /** RFC 3339. */
  readonly time: string;
  readonly way: "from_udp" | "from_ipv6" | "timer" | "from_hold";
  /** Where it came from on the UDP side, `A.B.C.D:port`. */
  readonly peer?: string;
  /** As an IPv6 packet, if it is one. */
  readonly packet?: string;
  /** More of what it is, e.g. `echo request 7`. */
  readonly what?: string;
  readonly source?: string;
  readonly destination?: string;
  readonly bytes: number;
  readonly did?: string;
  /** Where it was sent, or what was sent on its account. */
  readonly to?: readonly string[];
  /** Why it was dropped, and in words. */
  readonly reason?: DropReason;
  readonly detail?: string;
}

/** Event `left_out`: more packets than could be told, of whatever peers are looked at. */
export interface TraceLeftOut {
  readonly count: number;
}

/** Event `end`, the last one. */
export interface TraceEnd {
  /** In words. */
  readonly reason: string;
}
