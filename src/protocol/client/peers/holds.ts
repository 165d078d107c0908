import type { ClientOptions } from "../contract.ts";
import { Counter } from "../../counters.ts";
import type { Drop } from "../../drops.ts";
import type { ClientParts } from "../parts.ts";
import { Hold, type HoldOptions, NO_SLOT } from "../../peers/hold.ts";
import type { PeerId } from "../../peers/index.ts";
import { mtuOf } from "../servers/mtu.ts";
import type { Millis } from "../../time.ts";
import type { TunnelSink } from "../../tunnel.ts";
import { UdpDatagram } from "../../wire/udp_datagram.ts";

/** Most held packets gone stale that one {@link ClientHolds.expire} sees to. */
const EXPIRE_LIMIT = 512;
/** Packets of a peer that has yet to prove itself, held at most so long. */
const ARRIVALS_AGE: Millis = 4_000;
/** Part of the memory that those may take: anybody can send some. */
const ARRIVALS_SHARE = 1 / 4;

/** Packets that wait for a peer: those to it, and those of native hosts that have yet to prove themselves. */
export class ClientHolds {
  readonly departures: Hold;
  readonly arrivals: Hold;
  readonly #parts: ClientParts;
  readonly #held = new UdpDatagram();

  constructor(parts: ClientParts) {
    const options = parts.options();
    this.#parts = parts;
    this.departures = new Hold(options, parts.counters);
    this.arrivals = new Hold(ofArrivals(options, options.mtu), parts.counters);
  }

  /** Other limits, but for `mtu` and `maxPeers`. */
  set(options: ClientOptions): void {
    this.departures.set(options);
    this.arrivals.set(ofArrivals(options, this.arrivals.mtu));
  }

  /** Packets that wait to go to the peer. */
  count(p: PeerId): number {
    return this.departures.count(p);
  }

  /** False when the peer's queue takes no more. */
  push(p: PeerId, { bytes, at, length }: UdpDatagram, now: Millis): boolean {
    this.#fit(this.departures, length);
    return this.departures.push(p, bytes, at, length, now);
  }

  /** The same of a packet from the peer. */
  pushArrival(p: PeerId, b: Uint8Array, at: number, length: number, now: Millis): boolean {
    this.#fit(this.arrivals, length);
    return this.arrivals.push(p, b, at, length, now);
  }

  /** What {@link push} would say. */
  couldPush(p: PeerId, length: number): boolean {
    this.#fit(this.departures, length);
    return this.departures.couldPush(p, length);
  }

  /** A server may tell of a larger MTU than the one to begin with; few do. */
  #fit(hold: Hold, length: number): void {
    const { options, server } = this.#parts;
    if (length > hold.mtu) hold.fit(mtuOf(options(), server()));
  }

  nextExpiry(): Millis {
    return Math.min(this.departures.nextExpiry(), this.arrivals.nextExpiry());
  }

  /**
   * Lets go of packets held too long, a bounded part of them. When the last one to a peer goes that is
   * still asked, its sender is told: nothing else would, as nobody waits for the end of the asking.
   */
  expire(now: Millis, sink: TunnelSink): void {
    const { departures, arrivals } = this;
    const { peers, counters } = this.#parts;
    for (let i = 0; i < EXPIRE_LIMIT && departures.nextExpiry() <= now; i++) {
      const p = departures.oldestOwner;
      if (departures.count(p) === 1 && peers.isResolving(p)) {
        counters[Counter.peers_failed]!++;
        this.#tell(p, now, sink);
      }
      departures.expire(now, 1);
    }
    arrivals.expire(now, EXPIRE_LIMIT);
  }

  /** What waits cannot be delivered, and the senders of what would go out are told. RFC 4443 §3.1 */
  refuse(p: PeerId, reason: Drop, now: Millis, sink: TunnelSink): void {
    this.#tell(p, now, sink);
    this.discard(p, reason);
  }

  #tell(p: PeerId, now: Millis, sink: TunnelSink): void {
    const { departures: hold } = this;
    for (let slot = hold.first(p); slot !== NO_SLOT; slot = hold.next(slot)) {
      this.#held.setPayload(hold.memory, hold.at(slot), hold.length(slot));
      this.#parts.errors.unreachable(this.#held, now, sink);
    }
  }

  discard(p: PeerId, reason: Drop): void {
    this.departures.discard(p, reason);
    this.arrivals.discard(p, reason);
  }
}

function ofArrivals(options: ClientOptions, mtu: number): HoldOptions {
  const holdMemory = Math.max(mtu, options.holdMemory * ARRIVALS_SHARE);
  return { ...options, holdMemory, holdAge: Math.min(options.holdAge, ARRIVALS_AGE) };
}
