import type { TunnelSink } from "../tunnel.ts";
import { type BubbleBudget, Cause } from "../guard/bubble_budget.ts";
import { BUBBLE_LENGTH, writeBubble } from "../wire/build.ts";
import { Counter, type Counters } from "../counters.ts";
import { IPV6_LENGTH } from "../wire/ipv6.ts";
import type { PeerId } from "./index.ts";
import type { Peers } from "./table.ts";
import { mappedAddressOf, serverAddressOf, TEREDO_PORT } from "../wire/teredo_address.ts";
import type { Millis } from "../time.ts";
import type { Tokens } from "../guard/token.ts";
import { UdpDatagram } from "../wire/udp_datagram.ts";

/** At least this long between two bubbles to one peer. RFC 4380 §5.2.6 */
export const BUBBLE_INTERVAL: Millis = 2_000;
/** Most bubbles in {@link BUBBLE_WINDOW} without a direct answer. RFC 4380 §5.2.6 */
export const BUBBLE_MAX = 4;
export const BUBBLE_WINDOW: Millis = 300_000;

/** A peer sent to but not heard of for this long is asked for a sign of life. */
export const REFRESH_AFTER: Millis = 20_000;
/** Of the four bubbles without answer one is kept for when the entry is no longer valid. */
export const REFRESH_MAX = BUBBLE_MAX - 1;

/**
 * Bubbles to peers in the table, within the limits of RFC 4380 §5.2.6.
 *
 * The count starts again 300 s after the last bubble, not after the first: so no 300 s, however
 * they are laid, hold more than four bubbles that were not answered. The spacing is that between
 * bubbles alone; counting packets as transmissions would forbid the refresh of a peer in the very
 * case it is for.
 */
export class Bubbles {
  readonly #peers: Peers;
  readonly #tokens: Tokens;
  readonly #budget: BubbleBudget;
  readonly #counters: Counters;
  #restricted: boolean;
  readonly #bubble = new Uint8Array(BUBBLE_LENGTH);
  readonly #out = new UdpDatagram();
  readonly #source = new Uint8Array(IPV6_LENGTH);
  readonly #peer = new Uint8Array(IPV6_LENGTH);

  /** @param restricted a direct bubble opens our own NAT beside each indirect one; they count as one */
  constructor(
    peers: Peers,
    tokens: Tokens,
    budget: BubbleBudget,
    counters: Counters,
    restricted: boolean,
  ) {
    this.#peers = peers;
    this.#tokens = tokens;
    this.#budget = budget;
    this.#counters = counters;
    this.#restricted = restricted;
    this.#out.setPayload(this.#bubble, 0, BUBBLE_LENGTH);
  }

  setRestricted(restricted: boolean): void {
    this.#restricted = restricted;
  }

  /** Whether the peer left four bubbles unanswered, the last of them less than 300 s ago. */
  areExhausted(p: PeerId, now: Millis): boolean {
    return this.#peers.bubblesSent(p) >= BUBBLE_MAX &&
      now - this.#peers.lastBubble(p) < BUBBLE_WINDOW;
  }

  /** From when on the next bubble may go out, if they are not exhausted. */
  nextAt(p: PeerId): Millis {
    return this.#peers.lastBubble(p) + BUBBLE_INTERVAL;
  }

  /**
   * Whether the budgets allow the first bubble to the Teredo address at `at`, which is not in the
   * table; if so, it counts as sent.
   */
  mayMeet(b: Uint8Array, at: number, now: Millis): boolean {
    return this.#isAllowed(serverAddressOf(b, at), mappedAddressOf(b, at), Cause.Meet, now);
  }

  /** The same for a peer in the table, to which no bubble went in the last 2 s. */
  mayAsk(p: PeerId, now: Millis): boolean {
    const peers = this.#peers;
    peers.writeAddress(p, this.#peer, 0);
    const known = peers.isTrusted(p) ? Cause.Resume : Cause.Meet;
    const cause = peers.isWanted(p) ? known : Cause.Repeat;
    return this.#isAllowed(serverAddressOf(this.#peer, 0), peers.mappedAddress(p), cause, now);
  }

  /** Whether a packet may go to a peer that has not proven that it is there; if so, it counts. */
  mayCarry(p: PeerId, now: Millis): boolean {
    return this.#budget.takeOfAddress(this.#peers.mappedAddress(p), now);
  }

  /** Whether {@link mayMeet} would allow it, which counts nothing. */
  couldMeet(b: Uint8Array, at: number, now: Millis): boolean {
    const budget = this.#budget;
    return budget.couldMeet(serverAddressOf(b, at), now) &&
      (!this.#restricted || budget.couldMeet(mappedAddressOf(b, at), now));
  }

  /** Whether {@link mayCarry} would allow it, which counts nothing. */
  couldCarry(p: PeerId, now: Millis): boolean {
    return this.#budget.couldCarry(this.#peers.mappedAddress(p), now);
  }

  #isAllowed(server: number, mapped: number, cause: Cause, now: Millis): boolean {
    return this.#budget.take(server, cause, now) &&
      (!this.#restricted || this.#budget.take(mapped, cause, now));
  }

  /** Sends one; the caller has seen that it may. RFC 4380 §5.4.1 case 3 */
  send(p: PeerId, now: Millis, sink: TunnelSink): void {
    const peers = this.#peers;
    if (now - peers.lastBubble(p) >= BUBBLE_WINDOW) peers.forgetBubbles(p);
    peers.bubbled(p, now);
    peers.writeAddress(p, this.#peer, 0);
    this.#tokens.write(this.#source, 0, this.#peer, 0, now);
    writeBubble(this.#bubble, 0, this.#source, 0, this.#peer, 0);

    const local = peers.localAddress(p);
    if (this.#restricted) {
      this.#out.setEnds(peers.mappedAddress(p), peers.mappedPort(p), local);
      sink.sendDatagram(this.#out);
      this.#counters[Counter.bubbles_sent_direct]!++;
    }
    this.#out.setEnds(serverAddressOf(this.#peer, 0), TEREDO_PORT, local);
    sink.sendDatagram(this.#out);
    this.#counters[Counter.bubbles_sent_indirect]!++;
  }

  /**
   * For a peer that packets still flow to: a bubble before the 30 s of its entry run out, so that
   * a flow in one direction never has to stop for an answer.
   */
  refresh(p: PeerId, now: Millis, sink: TunnelSink): void {
    const idle = now - this.#peers.lastBubble(p);
    if (idle < BUBBLE_INTERVAL) return;
    if (idle < BUBBLE_WINDOW && this.#peers.bubblesSent(p) >= REFRESH_MAX) return;
    this.#peers.setWanted(p);
    if (!this.mayAsk(p, now)) return;
    this.send(p, now, sink);
    this.#counters[Counter.bubbles_sent_refresh]!++;
  }
}
