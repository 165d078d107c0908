import { BUBBLE_LENGTH, writeBubble } from "../../wire/build.ts";
import type { ClientParts } from "../parts.ts";
import { SERVICE_PATH, type Subnet } from "../contract.ts";
import type { TeredoDatagram } from "../../wire/datagram.ts";
import { Drop } from "../../drops.ts";
import { NO_HOME } from "../servers/homes.ts";
import {
  DESTINATION_AT,
  equalIpv6,
  HOP_LIMIT_AT,
  isBubble,
  parseIpv6,
  SOURCE_AT,
} from "../../wire/ipv6.ts";
import { isTeredo, mappedAddressOf, TEREDO_PORT } from "../../wire/teredo_address.ts";
import type { Millis } from "../../time.ts";
import type { TunnelSink } from "../../tunnel.ts";
import { UdpDatagram } from "../../wire/udp_datagram.ts";

/** The Teredo IPv4 Discovery Address, 224.0.0.253. RFC 4380 §2.17 */
export const DISCOVERY_GROUP = 0xe00000fd;
/** ff02::1 */
const ALL_NODES = parseIpv6("ff02::1")!;
/** RFC 4380 §5.2.8 */
const INTERVAL_MIN: Millis = 200_000;
const INTERVAL_MAX: Millis = 300_000;

/** Clients on our own link find one another without a server. RFC 4380 §5.2.8, off by default: §7.3.4 */
export class LocalDiscovery {
  readonly #parts: ClientParts;
  readonly #bubble = new Uint8Array(BUBBLE_LENGTH);
  readonly #out = new UdpDatagram();
  #nextAt: Millis = Infinity;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#out.setPayload(this.#bubble, 0, BUBBLE_LENGTH);
    this.#out.setEnds(DISCOVERY_GROUP, TEREDO_PORT, SERVICE_PATH);
  }

  get nextAt(): Millis {
    return this.#nextAt;
  }

  /** We have an address to tell. */
  start(now: Millis): void {
    this.#nextAt = this.#parts.options().localDiscovery ? now : Infinity;
  }

  tick(now: Millis, sink: TunnelSink): void {
    if (now < this.#nextAt) return;
    this.send(sink);
    this.#nextAt = now + this.#parts.nonces.between(INTERVAL_MIN, INTERVAL_MAX);
  }

  /** One discovery bubble; the socket gives it the time to live 1, as it gives all multicast. */
  send(sink: TunnelSink): void {
    const { homes, options } = this.#parts;
    if (homes.current === NO_HOME || !options().localDiscovery) return;
    writeBubble(this.#bubble, 0, homes.bytes(homes.current), 0, ALL_NODES, 0);
    this.#bubble[HOP_LIMIT_AT] = 1;
    sink.sendDatagram(this.#out);
  }

  /** Why what came to the group is no discovery bubble of a client next to us. */
  check(arrival: UdpDatagram, d: TeredoDatagram): Drop {
    const { options, nat } = this.#parts;
    const { bytes: b, address } = arrival;
    const { localDiscovery, prefix, subnets } = options();
    const source = d.ipv6At + SOURCE_AT;
    if (!localDiscovery || !isBubble(b, d.ipv6At)) return Drop.NotAccepted;
    if (!equalIpv6(b, d.ipv6At + DESTINATION_AT, ALL_NODES, 0)) return Drop.DestinationNotOurs;
    if (!isTeredo(b, source, prefix)) return Drop.SourceNotTeredo;
    if (!isInAny(subnets, address)) return Drop.NotLocal;
    // It is behind our own NAT, or it is not on our link.
    return mappedAddressOf(b, source) === nat.mappedAddress ? Drop.None : Drop.NotLocal;
  }
}

function isInAny(subnets: readonly Subnet[], address: number): boolean {
  for (const { address: subnet, length } of subnets) {
    const mask = length === 0 ? 0 : (-1 << (32 - length)) >>> 0;
    if (((address ^ subnet) & mask) === 0) return true;
  }
  return false;
}
