import type { Qualification } from "../servers/qualification.ts";
import { isAdvertisement } from "../messages/advertisement.ts";
import { FromClients } from "./from_clients.ts";
import { FromNatives } from "./from_natives.ts";
import { FromServers } from "./from_servers.ts";
import type { ClientBubbles } from "../peers/bubbles.ts";
import { DISCOVERY_PATH, FILTERING_PATH, SERVICE_PATH } from "../contract.ts";
import { Counter } from "../../counters.ts";
import type { LocalDiscovery } from "../peers/discovery.ts";
import { Drop } from "../../drops.ts";
import type { FilteringTest } from "../servers/filtering.ts";
import type { EchoTests } from "../peers/echo_tests.ts";
import { NO_HOME } from "../servers/homes.ts";
import {
  DESTINATION_AT,
  isBubble,
  isLinkLocal,
  isMulticast,
  isUnroutable,
  SOURCE_AT,
} from "../../wire/ipv6.ts";
import { isUnicast } from "../../wire/ipv4.ts";
import { Opened } from "./opened.ts";
import type { ClientParts } from "../parts.ts";
import type { ClientPeers } from "../peers/states.ts";
import { NO_PEER } from "../../peers/index.ts";
import type { Strangers } from "./strangers.ts";
import { isTeredo, TEREDO_PORT } from "../../wire/teredo_address.ts";
import type { Traversal } from "../peers/traversal.ts";
import type { Millis } from "../../time.ts";
import type { TunnelSink } from "../../tunnel.ts";
import type { UdpDatagram } from "../../wire/udp_datagram.ts";

/** What a client does with what comes to it, in the order of RFC 4380 §5.2.3. */
export class Reception {
  readonly fromNatives: FromNatives;
  readonly #parts: ClientParts;
  readonly #qualification: Qualification;
  readonly #filtering: FilteringTest;
  readonly #states: ClientPeers;
  readonly #traversal: Traversal;
  readonly #bubbles: ClientBubbles;
  readonly #discovery: LocalDiscovery;
  readonly #strangers: Strangers;
  readonly #fromServers: FromServers;
  readonly #fromClients: FromClients;
  readonly #opened = new Opened();

  constructor(
    parts: ClientParts,
    qualification: Qualification,
    filtering: FilteringTest,
    states: ClientPeers,
    traversal: Traversal,
    bubbles: ClientBubbles,
    echoTests: EchoTests,
    discovery: LocalDiscovery,
    strangers: Strangers,
  ) {
    const opened = this.#opened;
    this.#parts = parts;
    this.#qualification = qualification;
    this.#filtering = filtering;
    this.#states = states;
    this.#traversal = traversal;
    this.#bubbles = bubbles;
    this.#discovery = discovery;
    this.#strangers = strangers;
    this.#fromServers = new FromServers(parts, states, traversal, bubbles, strangers, opened);
    this.#fromClients = new FromClients(parts, states, traversal, opened);
    this.fromNatives = new FromNatives(
      parts,
      states,
      traversal,
      bubbles,
      echoTests,
      strangers,
      opened,
    );
  }

  /** @returns why the datagram was dropped; a bubble or an advertisement that was taken in is no drop */
  receive(arrival: UdpDatagram, now: Millis, sink: TunnelSink): Drop {
    const { bytes: b, at, length, address, port } = arrival;
    const d = this.#opened.datagram;
    let drop = d.parse(b, at, length);
    if (drop !== Drop.None) return drop;
    drop = this.#opened.trailers.parse(b, d.trailersAt, d.end);
    if (drop !== Drop.None) return drop;
    if (port === 0 || !isUnicast(address)) return Drop.SourceNotGlobal;
    const { filter, homes, nat } = this.#parts;
    if (filter.isOurs(address, port) || nat.isAt(address, port)) return Drop.OwnAddress;
    if (arrival.local === DISCOVERY_PATH) return this.#fromLink(arrival, now, sink);

    const isServers = port === TEREDO_PORT &&
      this.#qualification.servers.find(address) !== undefined;
    if (isServers && isAdvertisement(b, d)) return this.#fromServer(arrival, now, sink);
    if (arrival.local === FILTERING_PATH) return Drop.NotAccepted;
    this.#opened.home = homes.find(b, d.ipv6At + DESTINATION_AT);
    if (this.#opened.home === NO_HOME) return Drop.DestinationNotOurs;
    // A server that is a relay as well sends from the same port: what has no origin is a peer's.
    if (isServers && d.originAt >= 0) return this.#fromServers.receive(arrival, now, sink);
    return this.#direct(arrival, now, sink);
  }

  #fromServer(arrival: UdpDatagram, now: Millis, sink: TunnelSink): Drop {
    const { local } = arrival;
    if (local === SERVICE_PATH) {
      return this.#qualification.receive(arrival, this.#opened.datagram, now, sink);
    }
    if (local === FILTERING_PATH) return this.#filtering.receive(arrival, this.#opened.datagram);
    const p = this.#parts.ports.owner(local);
    if (p === NO_PEER) return Drop.NotAccepted;
    return this.#traversal.receiveAdvertisement(p, arrival, this.#opened.datagram, now, sink);
  }

  /** From who is no server, or is a relay beside it. */
  #direct(arrival: UdpDatagram, now: Millis, sink: TunnelSink): Drop {
    const { bytes: b } = arrival;
    const d = this.#opened.datagram;
    const { peers, options, homes, ports } = this.#parts;
    const source = d.ipv6At + SOURCE_AT;
    const bubble = isBubble(b, d.ipv6At);
    if (isMulticast(b, source)) return Drop.SourceScope;
    if (isUnroutable(b, source)) {
      // No advertisement of a peer's gets past this: C-29.
      return bubble && isLinkLocal(b, source)
        ? this.fromNatives.challenge(arrival, source, now, sink)
        : Drop.SourceScope;
    }
    if (homes.find(b, source) !== NO_HOME) return Drop.OwnAddress;
    const p = peers.find(b, source);
    const owner = ports.owner(arrival.local);
    if (arrival.local !== SERVICE_PATH && (owner === NO_PEER || owner !== p)) {
      return Drop.SourceMismatch;
    }
    if (isTeredo(b, source, options().prefix)) {
      return this.#fromClients.receive(p, arrival, source, bubble, now, sink);
    }
    return this.fromNatives.receive(p, arrival, bubble, now, sink);
  }

  /** Case 4, RFC 4380 §5.2.8. */
  #fromLink(arrival: UdpDatagram, now: Millis, sink: TunnelSink): Drop {
    const { bytes: b, address, port } = arrival;
    const { paths, peers, counters } = this.#parts;
    const drop = this.#discovery.check(arrival, this.#opened.datagram);
    if (drop !== Drop.None) return drop;
    const p = this.#states.meet(b, this.#opened.datagram.ipv6At + SOURCE_AT, address, now);
    if (p === NO_PEER) return Drop.RateLimited;
    counters[Counter.bubbles_received]!++;
    paths.localAddress[p] = address;
    paths.localPort[p] = port;
    paths.localAt[p] = now;
    if (!peers.isTrusted(p)) peers.received(p, now);
    if (!this.#strangers.mayAnswer(address, port, now)) return Drop.RateLimited;
    this.#bubbles.sendDirect(p, address, port, SERVICE_PATH, sink);
    return Drop.None;
  }
}
