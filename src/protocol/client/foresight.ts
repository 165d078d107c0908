import type { OutgoingChecks } from "./checks.ts";
import type { ClientParts } from "./parts.ts";
import type { ClientPeers } from "./peers/states.ts";
import { checkContent } from "./reception/delivery.ts";
import { Opened } from "./reception/opened.ts";
import { NO_HOME } from "./servers/homes.ts";
import { Drop } from "../drops.ts";
import { NO_PEER } from "../peers/index.ts";
import type { Millis } from "../time.ts";
import { isUnicast } from "../wire/ipv4.ts";
import { DESTINATION_AT, isMulticast, isUnroutable, SOURCE_AT } from "../wire/ipv6.ts";
import { isTeredo } from "../wire/teredo_address.ts";
import type { UdpDatagram } from "../wire/udp_datagram.ts";

/** What the rules would say to a packet at this moment. Changes and counts nothing. */
export class Foresight {
  readonly #parts: ClientParts;
  readonly #checks: OutgoingChecks;
  readonly #states: ClientPeers;
  readonly #opened = new Opened();

  constructor(parts: ClientParts, checks: OutgoingChecks, states: ClientPeers) {
    this.#parts = parts;
    this.#checks = checks;
    this.#states = states;
  }

  /** Whether a packet from the IPv6 side would be sent or held, or why it would be dropped. */
  ofPacket(b: Uint8Array, at: number, length: number, now: Millis): Drop {
    const { peers } = this.#parts;
    const { room } = this.#states;
    let drop = this.#checks.checkPacket(b, at, length);
    if (this.#checks.isLinkMessage(drop, b, at)) return Drop.None;
    if (drop === Drop.None) drop = this.#checks.checkSource(b, at);
    if (drop !== Drop.None) return drop;
    const p = peers.find(b, at + DESTINATION_AT);
    if (p !== NO_PEER && peers.isValid(p, now)) return Drop.None;
    drop = this.#checks.checkEmbedded(b, at + DESTINATION_AT, p, now);
    if (drop !== Drop.None) return drop;
    if (p !== NO_PEER) return this.#states.foresee(p, length, now);
    const isRoom = !room.isFull(true) || room.giveWay(true, now) !== NO_PEER;
    return isRoom ? Drop.None : Drop.PeerTableFull;
  }

  /** The same of a datagram to the service port, from a peer that has proven itself where it comes from. */
  ofDatagram({ bytes: b, at, length, address, port }: UdpDatagram, now: Millis): Drop {
    const { filter, homes, nat, peers, paths, options } = this.#parts;
    const { datagram: d, trailers } = this.#opened;
    let drop = d.parse(b, at, length);
    if (drop === Drop.None) drop = trailers.parse(b, d.trailersAt, d.end);
    if (drop !== Drop.None) return drop;
    if (port === 0 || !isUnicast(address)) return Drop.SourceNotGlobal;
    if (filter.isOurs(address, port) || nat.isAt(address, port)) return Drop.OwnAddress;
    if (homes.find(b, d.ipv6At + DESTINATION_AT) === NO_HOME) return Drop.DestinationNotOurs;
    const source = d.ipv6At + SOURCE_AT;
    if (isMulticast(b, source) || isUnroutable(b, source)) return Drop.SourceScope;
    if (homes.find(b, source) !== NO_HOME) return Drop.OwnAddress;
    const p = peers.find(b, source);
    const isKnown = p !== NO_PEER && (peers.isMappedTo(p, address, port) && peers.isTrusted(p) ||
      paths.isLocal(p, now) && paths.isLocalAt(p, address, port));
    if (!isKnown && !filter.isPeer(address, port)) {
      return isTeredo(b, source, options().prefix) ? Drop.SourceMismatch : Drop.SourceNotGlobal;
    }
    return checkContent(b, this.#opened);
  }
}
