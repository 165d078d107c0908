import type { TunnelSink } from "../tunnel.ts";
import { BUBBLE_LENGTH, writeBubble } from "../wire/build.ts";
import { Counter, type Counters } from "../counters.ts";
import type { Ipv4Filter } from "../guard/ipv4_filter.ts";
import { IPV6_LENGTH } from "../wire/ipv6.ts";
import type { BubbleBudget } from "../guard/bubble_budget.ts";
import { serverAddressOf, TEREDO_PORT } from "../wire/teredo_address.ts";
import type { Millis } from "../time.ts";
import type { Tokens } from "../guard/token.ts";
import { UdpDatagram } from "../wire/udp_datagram.ts";

/** Mappings remembered as asked by way of their server. */
const TURNS = 4_096;
/** An odd number of 32 bits, from the golden ratio: neighbours do not share a cell. */
const SPREAD = 0x9e3779b1;
/** Ethernet with its check sequence, IPv4 and UDP. */
const OUTER_HEADERS_LENGTH = 18 + 28;
/** From here on both bubbles together are no more bytes on the wire than came. */
const BOTH_LENGTH = 2 * (OUTER_HEADERS_LENGTH + BUBBLE_LENGTH) - OUTER_HEADERS_LENGTH;

/**
 * Bubbles to peers that are not in the table, whose packets came from where their address says.
 *
 * Such a packet is what is left of a flow when we were restarted, or when routing moved it here
 * from another relay. RFC 4380 §5.4.2 lets us discard it, and an entry made for it would let
 * strangers fill the table; so nothing is stored. The bubble's source carries a token, and the
 * peer's answer to it makes the entry.
 *
 * Never more bytes leave than came, to whoever was named as the sender. Not every client can be
 * asked the same way: the direct bubble alone reaches one whose server is down; Miredo's client
 * takes bubbles with a link-local source only from its server. So both go out when the packet was
 * as long as two bubbles with their headers, else they take turns: of two packets in a row one is
 * asked for by way of the server.
 */
export class Challenges {
  readonly #tokens: Tokens;
  readonly #filter: Ipv4Filter;
  readonly #counters: Counters;
  readonly #budget: BubbleBudget;
  readonly #bubble = new Uint8Array(BUBBLE_LENGTH);
  readonly #out = new UdpDatagram();
  readonly #source = new Uint8Array(IPV6_LENGTH);
  readonly #askedIndirectly = new Uint32Array(TURNS);

  constructor(tokens: Tokens, filter: Ipv4Filter, budget: BubbleBudget, counters: Counters) {
    this.#tokens = tokens;
    this.#filter = filter;
    this.#budget = budget;
    this.#counters = counters;
    this.#out.setPayload(this.#bubble, 0, BUBBLE_LENGTH);
  }

  /**
   * Asks the peer to prove itself that sent `arrival`, and has its 16 address bytes there at `peerAt`.
   *
   * @returns false when a limit forbade it
   */
  send(arrival: UdpDatagram, peerAt: number, now: Millis, sink: TunnelSink): boolean {
    const { bytes: peer, length, address, port, local } = arrival;
    if (length < BUBBLE_LENGTH || !this.#budget.mayAnswer(address, now)) return false;
    const server = serverAddressOf(peer, peerAt);
    const indirect = this.#filter.isServer(server) && !this.#filter.isOurServer(server);
    const both = length >= BOTH_LENGTH;
    const direct = both || !indirect || this.#isTurnOfDirect(address, port);

    this.#tokens.write(this.#source, 0, peer, peerAt, now);
    writeBubble(this.#bubble, 0, this.#source, 0, peer, peerAt);
    const sent = direct && this.#put(address, port, local, now, sink);
    if (!indirect || (direct && !both)) return sent;
    return this.#put(server, TEREDO_PORT, local, now, sink) || sent;
  }

  /**
   * The first packet from a mapping asks by way of the server, where most clients listen, the next
   * one directly. Of two mappings that share a cell each is taken to be the first.
   */
  #isTurnOfDirect(address: number, port: number): boolean {
    const mapping = (Math.imul(address, SPREAD) ^ port) >>> 0;
    const cell = mapping & (TURNS - 1);
    const asked = this.#askedIndirectly[cell] === mapping;
    this.#askedIndirectly[cell] = asked ? 0 : mapping;
    return asked;
  }

  #put(address: number, port: number, local: number, now: Millis, sink: TunnelSink): boolean {
    if (!this.#budget.takeForStranger(address, now)) return false;
    this.#out.setEnds(address, port, local);
    sink.sendDatagram(this.#out);
    this.#counters[Counter.bubbles_sent_challenge]!++;
    return true;
  }
}
