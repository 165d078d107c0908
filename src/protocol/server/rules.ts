import { copyBytes, readU16, writeU16 } from "../wire/bytes.ts";
import {
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ND_HOP_LIMIT,
  writeOrigin,
} from "../wire/build.ts";
import { payloadChecksum } from "../wire/checksum.ts";
import { Counter, type Counters, DROPS_AT } from "../counters.ts";
import { ORIGIN_LENGTH, TeredoDatagram } from "../wire/datagram.ts";
import { Drop } from "../drops.ts";
import { Broadcasts } from "../guard/broadcasts.ts";
import { isGlobalUnicast } from "../wire/ipv4.ts";
import {
  ALL_ROUTERS,
  DESTINATION_AT,
  equalIpv6,
  HOP_LIMIT_AT,
  IPV6_HEADER_LENGTH,
  IPV6_LENGTH,
  isBubble,
  isGlobalScope,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isUnspecified,
  NEXT_HEADER_AT,
  NEXT_HEADER_ICMPV6,
  PAYLOAD_LENGTH_AT,
  SOURCE_AT,
} from "../wire/ipv6.ts";
import { PRIMARY, type ServerOptions, type ServerSink, type ServerSocket } from "./contract.ts";
import { Limiter } from "../guard/limiter.ts";
import type { Authenticate } from "../wire/authentication.ts";
import { isRouterSolicitation, Solicitations } from "./solicitation.ts";
import {
  CONE_FLAG,
  hasMapping,
  isTeredo,
  mappedAddressOf,
  mappedPortOf,
  serverAddressOf,
  TEREDO_PORT,
  writeLinkLocal,
} from "../wire/teredo_address.ts";
import type { Millis } from "../time.ts";
import { UdpDatagram } from "../wire/udp_datagram.ts";

const ICMPV6_MIN_LENGTH = 4;
const ECHO_MIN_LENGTH = 8;

/** What datagrams are given to: the rules, or somebody who watches them. */
export type ServerPassage = Pick<Server, "fromUdp">;

/**
 * The rules of a Teredo server: RFC 4380 §5.3.1 in this file, §5.3.2 in `solicitation.ts`.
 *
 * It knows nothing of its clients: every answer follows from the datagram alone. What it keeps is
 * how many datagrams went to an IPv4 address lately, which may be forgotten at any time.
 */
export class Server {
  #options: ServerOptions;
  readonly #counters: Counters;
  #solicitations: Solicitations;
  readonly #solicited: Limiter;
  readonly #forwards: Limiter;
  readonly #broadcasts = new Broadcasts();
  readonly #datagram = new TeredoDatagram();
  readonly #linkLocal = new Uint8Array(IPV6_LENGTH);
  readonly #out = new UdpDatagram();

  /** @param key0 with `key1`, 64 random bits that no client knows */
  constructor(
    options: ServerOptions,
    counters: Counters,
    authenticate: Authenticate,
    key0: number,
    key1: number,
  ) {
    this.#options = options;
    this.#counters = counters;
    const { solicitationRate, solicitationBurst, forwardRate } = options;
    this.#solicited = new Limiter(solicitationRate, solicitationBurst, key0, key1);
    this.#solicitations = new Solicitations(options, counters, authenticate, this.#solicited);
    this.#forwards = new Limiter(forwardRate, forwardRate, key0, key1);
    writeLinkLocal(this.#linkLocal, 0, CONE_FLAG, options.serverAddress, TEREDO_PORT);
  }

  /** Goes on by other options, with what the limits have counted. */
  set(options: ServerOptions, authenticate: Authenticate, now: Millis): void {
    const { solicitationRate, solicitationBurst, forwardRate } = options;
    this.#options = options;
    this.#solicited.set(solicitationRate, solicitationBurst, now);
    this.#forwards.set(forwardRate, forwardRate, now);
    this.#solicitations = new Solicitations(
      options,
      this.#counters,
      authenticate,
      this.#solicited,
    );
    writeLinkLocal(this.#linkLocal, 0, CONE_FLAG, options.serverAddress, TEREDO_PORT);
  }

  /** Broadcast addresses of the subnets that this host is attached to: no client's. */
  setBroadcasts(addresses: readonly number[]): void {
    this.#broadcasts.replace(addresses);
  }

  /**
   * Takes one datagram, and counts its fate.
   *
   * The bytes from eight before its payload on may be written to: an origin indication is put before
   * the IPv6 packet in place, and an echo becomes its own reply.
   *
   * @param socket the address it came to
   * @returns why it was discarded, which nobody but the counters hears of
   */
  fromUdp(socket: ServerSocket, arrival: UdpDatagram, now: Millis, sink: ServerSink): Drop {
    let drop = this.#accept(arrival);
    if (drop === Drop.None) {
      drop = this.#isForUs(arrival.bytes, this.#datagram.ipv6At + DESTINATION_AT)
        ? this.#process(socket, arrival, now, sink)
        : this.#forward(arrival, now, sink);
    }
    if (drop !== Drop.None) this.#counters[DROPS_AT + drop]!++;
    return drop;
  }

  /** What may come in: cases 1 to 7 of RFC 4380 §5.3.1, in their order. */
  #accept(arrival: UdpDatagram): Drop {
    const { bytes: b, address, port } = arrival;
    const d = this.#datagram;
    const malformed = d.parse(b, arrival.at, arrival.length); // case 1
    if (malformed !== Drop.None) return malformed;

    const ipv6 = d.ipv6At;
    if (!isBubble(b, ipv6) && !isIcmpv6(b, ipv6)) return Drop.NotBubbleOrIcmpv6; // case 2

    // Case 3; and to port 0 nothing can be sent back.
    if (!this.#isUnicast(address)) return Drop.SourceNotGlobal;
    if (port === 0) return Drop.SourceNotGlobal;
    // Not in the RFC: by case 5 a packet between our own addresses would come back for ever.
    if (this.#isOurs(address, port)) return Drop.OwnAddress;

    const source = ipv6 + SOURCE_AT;
    const destination = ipv6 + DESTINATION_AT;
    if (
      isLinkLocal(b, source) && equalIpv6(b, destination, ALL_ROUTERS, 0) &&
      isRouterSolicitation(b, ipv6)
    ) return Drop.None; // case 4

    if (isTeredo(b, source, this.#options.prefix)) { // case 5, whoever the client's server is
      return hasMapping(b, source, address, port) ? Drop.None : Drop.SourceMismatch;
    }
    if (this.#isServed(b, destination)) { // case 6: how the bubbles of relays come in
      return this.#isSource(b, source) ? Drop.None : Drop.SourceScope;
    }
    return Drop.NotAccepted; // case 7
  }

  #isForUs(b: Uint8Array, destination: number): boolean {
    return equalIpv6(b, destination, ALL_ROUTERS, 0) ||
      equalIpv6(b, destination, this.#linkLocal, 0);
  }

  /** Packets to ff02::2 or to our own link-local address. */
  #process(socket: ServerSocket, arrival: UdpDatagram, now: Millis, sink: ServerSink): Drop {
    const { bytes: b } = arrival;
    const d = this.#datagram;
    if (isRouterSolicitation(b, d.ipv6At)) {
      return this.#solicitations.receive(socket, arrival, d, now, sink);
    }
    if (!isEchoRequest(b, d.ipv6At)) return Drop.NotHandled;
    if (this.#isTooLong(b, d.ipv6At)) return Drop.Icmpv6TooLarge;
    if (payloadChecksum(b, d.ipv6At) !== 0) return Drop.BadChecksum;
    this.#turnIntoReply(b, d.ipv6At);
    this.#out.setPayload(b, d.ipv6At, d.ipv6Length);
    this.#out.setEnds(arrival.address, arrival.port, 0);
    sink.sendDatagram(socket, this.#out);
    this.#counters[Counter.echoes_answered]!++;
    return Drop.None;
  }

  /** Echo request to echo reply, in place. RFC 4443 §4.2 */
  #turnIntoReply(b: Uint8Array, at: number): void {
    const icmp = at + IPV6_HEADER_LENGTH;
    copyBytes(b, at + DESTINATION_AT, b, at + SOURCE_AT, IPV6_LENGTH);
    copyBytes(b, at + SOURCE_AT, this.#linkLocal, 0, IPV6_LENGTH);
    b[at + HOP_LIMIT_AT] = ND_HOP_LIMIT;
    b[icmp] = ICMPV6_ECHO_REPLY;
    writeU16(b, icmp + 2, 0);
    writeU16(b, icmp + 2, payloadChecksum(b, at));
  }

  /** Packets to others: the second half of RFC 4380 §5.3.1. */
  #forward(arrival: UdpDatagram, now: Millis, sink: ServerSink): Drop {
    const { bytes: b } = arrival;
    const d = this.#datagram;
    const destination = d.ipv6At + DESTINATION_AT;
    const toClient = isTeredo(b, destination, this.#options.prefix);
    // The service prefix is what the operator says it is, in a closed network also one of fc00::/7.
    if (!toClient && !isNative(b, destination)) return Drop.DestinationScope;
    // A server carries no data (RFC 4380 §3.4); uncapped, echoes and trailers would.
    if (this.#isTooLong(b, d.ipv6At)) return Drop.Icmpv6TooLarge;
    if (d.end - d.trailersAt > this.#options.icmpMaxLength) return Drop.TrailersTooLong;

    return toClient
      ? this.#forwardToClient(arrival, destination, now, sink)
      : this.#forwardToNative(b, sink);
  }

  /** The source is a Teredo address that matched its sender: case 6 never leads here. */
  #forwardToNative(b: Uint8Array, sink: ServerSink): Drop {
    sink.sendIpv6(b, this.#datagram.ipv6At, this.#datagram.ipv6Length);
    this.#counters[Counter.native_forwarded]!++;
    return Drop.None;
  }

  #forwardToClient(
    arrival: UdpDatagram,
    destination: number,
    now: Millis,
    sink: ServerSink,
  ): Drop {
    const { bytes: b } = arrival;
    const mappedAddress = mappedAddressOf(b, destination);
    const mappedPort = mappedPortOf(b, destination);
    if (!this.#isUnicast(mappedAddress) || mappedPort === 0) {
      return Drop.MappedAddressNotGlobal;
    }
    if (this.#isOurs(mappedAddress, mappedPort)) return Drop.OwnAddress;
    // A client has nothing to tell itself; an echo service would, for ever. RFC 4380 §7.4.3
    if (arrival.address === mappedAddress && arrival.port === mappedPort) return Drop.OwnAddress;
    // Whoever asks chooses where this goes, and the origin indication makes it longer.
    if (!this.#forwards.take(mappedAddress, 0, now)) return Drop.RateLimited;

    const d = this.#datagram;
    let at = d.ipv6At;
    if (this.#isServed(b, destination)) { // it can tell our origin indication from a stranger's
      at -= ORIGIN_LENGTH;
      writeOrigin(b, at, arrival.address, arrival.port);
    }
    // To the end, not to the end of the packet: trailers are for the client. RFC 6081 §4
    // From the primary address, whatever it came to: that is the one the client's NAT knows.
    this.#out.setPayload(b, at, d.end - at);
    this.#out.setEnds(mappedAddress, mappedPort, 0);
    sink.sendDatagram(PRIMARY, this.#out);
    const bubble = isBubble(b, d.ipv6At);
    this.#counters[bubble ? Counter.bubbles_forwarded : Counter.icmpv6_forwarded]!++;
    return Drop.None;
  }

  /** Whether the Teredo address at `at` was given out by this server: bits 32 to 63 are ours. */
  #isServed(b: Uint8Array, at: number): boolean {
    return isTeredo(b, at, this.#options.prefix) &&
      serverAddressOf(b, at) === this.#options.serverAddress;
  }

  /**
   * Whether an address may be a stranger's at all. Link-local may: relays send bubbles from there,
   * but nobody from our own, which clients take router advertisements from.
   */
  #isSource(b: Uint8Array, at: number): boolean {
    return !isUnspecified(b, at) && !isLoopback(b, at) && !isMulticast(b, at) &&
      !equalIpv6(b, at, this.#linkLocal, 0);
  }

  #isUnicast(address: number): boolean {
    return isGlobalUnicast(address, this.#options.refuseReserved) && !this.#broadcasts.has(address);
  }

  #isOurs(address: number, port: number): boolean {
    return port === TEREDO_PORT && this.#options.ownAddresses.includes(address);
  }

  #isTooLong(b: Uint8Array, at: number): boolean {
    return readU16(b, at + PAYLOAD_LENGTH_AT) > this.#options.icmpMaxLength;
  }
}

/** Global unicast. */
function isNative(b: Uint8Array, at: number): boolean {
  return isGlobalScope(b, at) && !isMulticast(b, at);
}

/** Whether the packet at `at` has an ICMPv6 message, and at once: no extension header between. */
function isIcmpv6(b: Uint8Array, at: number): boolean {
  return b[at + NEXT_HEADER_AT] === NEXT_HEADER_ICMPV6 &&
    readU16(b, at + PAYLOAD_LENGTH_AT) >= ICMPV6_MIN_LENGTH;
}

function isEchoRequest(b: Uint8Array, at: number): boolean {
  const icmp = at + IPV6_HEADER_LENGTH;
  return readU16(b, at + PAYLOAD_LENGTH_AT) >= ECHO_MIN_LENGTH &&
    b[icmp] === ICMPV6_ECHO_REQUEST && b[icmp + 1] === 0;
}
