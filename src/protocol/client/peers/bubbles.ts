import { BUBBLE_LENGTH, writeBubble } from "../../wire/build.ts";
import { writeU32 } from "../../wire/bytes.ts";
import { type ClientOptions, SERVICE_PATH } from "../contract.ts";
import { Counter } from "../../counters.ts";
import { NO_HOME } from "../servers/homes.ts";
import { IPV6_LENGTH } from "../../wire/ipv6.ts";
import type { ClientParts } from "../parts.ts";
import type { PeerId } from "../../peers/index.ts";
import {
  mappedAddressOf,
  mappedPortOf,
  serverAddressOf,
  TEREDO_PORT,
} from "../../wire/teredo_address.ts";
import type { Millis } from "../../time.ts";
import {
  ALTERNATES_MAX,
  DISCOVERY_ADVERTISEMENT,
  DISCOVERY_SOLICITATION,
  writeAlternateAddressTrailer,
  writeNeighborDiscoveryTrailer,
  writeNonceTrailer,
  writeRandomPortTrailer,
} from "../../wire/trailers.ts";
import type { TunnelSink } from "../../tunnel.ts";
import { UdpDatagram } from "../../wire/udp_datagram.ts";

/** Nonce, random port and neighbor discovery, or all alternate addresses. */
const TRAILERS_MAX_LENGTH = 6 + 4 + 4 + 6 * ALTERNATES_MAX;

/** What a direct bubble has to say besides that it comes from us. RFC 6081 §4.4 */
export type Discovery = typeof DISCOVERY_SOLICITATION | typeof DISCOVERY_ADVERTISEMENT | -1;

/** Writes and sends a client's bubbles; when one may go out, others decide. RFC 6081 §5.2.4, §5.4.4 */
export class ClientBubbles {
  readonly #parts: ClientParts;
  readonly #bubble = new Uint8Array(BUBBLE_LENGTH + TRAILERS_MAX_LENGTH);
  readonly #out = new UdpDatagram();
  readonly #peer = new Uint8Array(IPV6_LENGTH);
  readonly #nonce = new Uint8Array(4);
  readonly #alternateAddresses: number[] = [0];
  readonly #alternatePorts: number[] = [0];

  constructor(parts: ClientParts) {
    this.#parts = parts;
  }

  /** Of our addresses the one that the peer knows us by; `NO_HOME`: there is none. */
  homeOf(p: PeerId): number {
    const { paths, homes } = this.#parts;
    const home = paths.home[p]!;
    return home !== NO_HOME && homes.has(home) ? home : homes.current;
  }

  /** The mapping in the peer's address. */
  embeddedAddress(p: PeerId): number {
    this.#parts.peers.writeAddress(p, this.#peer, 0);
    return mappedAddressOf(this.#peer, 0);
  }

  embeddedPort(p: PeerId): number {
    this.#parts.peers.writeAddress(p, this.#peer, 0);
    return mappedPortOf(this.#peer, 0);
  }

  /** The server in its address. */
  serverAddress(p: PeerId): number {
    this.#parts.peers.writeAddress(p, this.#peer, 0);
    return serverAddressOf(this.#peer, 0);
  }

  /** Straight to a mapping, with the nonce of the peer's last indirect bubble. RFC 6081 §5.2.4.2 */
  sendDirect(
    p: PeerId,
    address: number,
    port: number,
    path: number,
    sink: TunnelSink,
    discovery: Discovery = -1,
  ): void {
    const { paths, filter, nat, options } = this.#parts;
    let at = this.#begin(p);
    // To ourselves it would be an answer to ourselves. RFC 4380 §5.2.6
    if (at === 0 || filter.isOurs(address, port) || nat.isAt(address, port)) return;
    const { symmetric } = options().extensions;
    if (symmetric && paths.hasNonceReceived(p)) {
      writeU32(this.#nonce, 0, paths.nonceReceived(p));
      at = writeNonceTrailer(this.#bubble, at, this.#nonce, 0);
    }
    const randomPort = paths.randomPort[p]!;
    if (path !== SERVICE_PATH && randomPort !== 0) {
      at = writeRandomPortTrailer(this.#bubble, at, randomPort);
    }
    if (discovery !== -1) at = writeNeighborDiscoveryTrailer(this.#bubble, at, discovery);
    this.#send(at, address, port, path, sink);
    this.#parts.counters[Counter.bubbles_sent_direct]!++;
  }

  /** By way of the peer's server, with a nonce of its own. RFC 6081 §5.2.4.1, §5.4.4.2, §5.6.4.1 */
  sendIndirect(p: PeerId, now: Millis, sink: TunnelSink): void {
    const { paths, peers, filter, nonces, options } = this.#parts;
    let at = this.#begin(p);
    const server = serverAddressOf(this.#peer, 0);
    if (at === 0 || !filter.isServer(server) || filter.isOurServer(server)) return;
    const { extensions } = options();
    if (extensions.symmetric) {
      const nonce = nonces.draw32();
      paths.setNonceSent(p, nonce, now);
      writeU32(this.#nonce, 0, nonce);
      at = writeNonceTrailer(this.#bubble, at, this.#nonce, 0);
      const randomPort = paths.randomPort[p]!;
      if (randomPort !== 0) at = writeRandomPortTrailer(this.#bubble, at, randomPort);
      if (extensions.hairpin && !peers.isTrusted(p)) at = this.#writeAlternates(at, options());
    }
    this.#send(at, server, TEREDO_PORT, SERVICE_PATH, sink);
    this.#parts.counters[Counter.bubbles_sent_indirect]!++;
  }

  /** The local address, where it is not the one that everybody sees. */
  #writeAlternates(at: number, { localAddress, servicePort }: ClientOptions): number {
    if (localAddress === 0 || this.#parts.nat.isAt(localAddress, servicePort)) return at;
    this.#alternateAddresses[0] = localAddress;
    this.#alternatePorts[0] = servicePort;
    const addresses = this.#alternateAddresses;
    const ports = this.#alternatePorts;
    return writeAlternateAddressTrailer(this.#bubble, at, addresses, ports);
  }

  /**
   * A bubble to who is no peer: the 16 bytes at `at` of `b`, whose datagrams come from the mapping.
   * RFC 4380 §5.2.3
   */
  answerStranger(
    home: number,
    b: Uint8Array,
    at: number,
    address: number,
    port: number,
    sink: TunnelSink,
  ): void {
    const end = writeBubble(this.#bubble, 0, this.#parts.homes.bytes(home), 0, b, at);
    this.#send(end, address, port, SERVICE_PATH, sink);
    this.#parts.counters[Counter.bubbles_sent_direct]!++;
  }

  /** @returns the offset after the bubble; 0: we have no address to send it from */
  #begin(p: PeerId): number {
    const home = this.homeOf(p);
    if (home === NO_HOME) return 0;
    this.#parts.peers.writeAddress(p, this.#peer, 0);
    return writeBubble(this.#bubble, 0, this.#parts.homes.bytes(home), 0, this.#peer, 0);
  }

  #send(length: number, address: number, port: number, path: number, sink: TunnelSink): void {
    this.#out.setPayload(this.#bubble, 0, length);
    this.#out.setEnds(address, port, path);
    sink.sendDatagram(this.#out);
  }
}

/** At least this long between two answers to one peer's indirect bubbles. */
export const ANSWER_INTERVAL: Millis = 1_000;
