import {
  type ClientGauges,
  type ClientHost,
  type ClientOptions,
  type ClientStatus,
  SERVICE_PATH,
} from "#src/protocol/client/contract.ts";
import { Way, WAYS } from "#src/protocol/client/peers/ways.ts";
import { Client } from "#src/protocol/client/rules.ts";
import type { Counters } from "#src/protocol/counters.ts";
import type { Drop } from "#src/protocol/drops.ts";
import type { LetGo } from "#src/protocol/peers/hold.ts";
import type { PeerListing } from "#src/protocol/peers/listing.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { Relay } from "#src/protocol/relay/rules.ts";
import type { KeyedHash, Millis } from "#src/protocol/time.ts";
import type { TunnelSink } from "#src/protocol/tunnel.ts";
import type { Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import type { RoleRules } from "./role.ts";

/** What a client goes by, and whether it is a relay for its host in its place. */
export interface HostOptions extends ClientOptions {
  /** Addresses of this host, which is relayed for; undefined: it is a client. RFC 4380 §5.5 */
  readonly relayedFor?: readonly Ipv6Prefix[] | undefined;
}

/**
 * What a relay has that a client is not told: the direct bubble that opens the NAT which a host is mostly
 * behind (H-04), and limits of one host, which strangers could have answer to forged sources. docs/limits.md
 */
const RELAYING = {
  restricted: true,
  challengeRate: 100,
  newPeerRate: 100,
  bubbleRate: 500,
  addressBubbleRate: 200,
} as const;

/** Under a key each, so that neither tells what the other one goes by. */
export interface HostHashes {
  readonly client: KeyedHash;
  readonly relay: KeyedHash;
}

/**
 * A client's rules, and in their place a relay's while its host has IPv6 of its own and relays for itself:
 * a host-specific relay (RFC 4380 §5.5). Each has peers of its own, whose timers go on.
 */
export class HostRules implements RoleRules {
  readonly #client: Client;
  readonly #clientListing: PeerListing;
  readonly #counters: Counters;
  readonly #hash: KeyedHash;
  readonly #seed: number;
  readonly #ways = new Uint32Array(WAYS.length);
  /** Made when it is first needed. */
  #relay: Relay | undefined;
  #relayListing: PeerListing | undefined;
  #isRelaying = false;
  #onLetGo: LetGo | undefined;
  #broadcasts: readonly number[] = [];

  /** @param hashes under keys from the kernel's random source. @param seed random */
  constructor(
    options: HostOptions,
    counters: Counters,
    hashes: HostHashes,
    seed: number,
    host: ClientHost,
  ) {
    this.#counters = counters;
    this.#hash = hashes.relay;
    this.#seed = seed;
    this.#client = new Client(options, counters, hashes.client, seed, host);
    this.#clientListing = this.#client.listing;
  }

  start(options: HostOptions, now: Millis, sink: TunnelSink): void {
    this.#client.start(now, sink);
    this.#relayFor(options, now);
  }

  /** As {@link Client.set}. */
  set(options: HostOptions, now: Millis, sink: TunnelSink): void {
    this.#client.set(options, now, sink);
    this.#relayFor(options, now);
  }

  #relayFor(options: HostOptions, now: Millis): void {
    const { relayedFor: served } = options;
    this.#isRelaying = served !== undefined;
    if (served === undefined) return;
    const relayOptions = { ...options, ...RELAYING, served };
    if (this.#relay === undefined) this.#makeRelay(relayOptions);
    else this.#relay.set(relayOptions, now);
  }

  #makeRelay(options: RelayOptions): void {
    this.#relay = new Relay(options, this.#counters, this.#hash, this.#seed);
    this.#relay.onLetGo = this.#onLetGo;
    this.#relay.setBroadcasts(this.#broadcasts);
    this.#relayListing = this.#relay.listingBy((peers) => ({
      way: (p) => peers.isTrusted(p) ? Way.ClientDirect : Way.ClientNone,
      roundTrip: new Float32Array(options.maxPeers + 1),
    }));
  }

  get #current(): Client | Relay {
    return this.#isRelaying ? this.#relay! : this.#client;
  }

  setBroadcasts(addresses: readonly number[]): void {
    this.#broadcasts = addresses;
    this.#client.setBroadcasts(addresses);
    this.#relay?.setBroadcasts(addresses);
  }

  set onLetGo(letGo: LetGo | undefined) {
    this.#onLetGo = letGo;
    this.#client.onLetGo = letGo;
    if (this.#relay !== undefined) this.#relay.onLetGo = letGo;
  }

  // Packets

  fromIpv6(
    b: Uint8Array,
    at: number,
    length: number,
    now: Millis,
    sink: TunnelSink,
    packets = 1,
    bytes = length,
  ): Drop {
    return this.#current.fromIpv6(b, at, length, now, sink, packets, bytes);
  }

  isOpen(b: Uint8Array, at: number, length: number, now: Millis): boolean {
    return this.#current.isOpen(b, at, length, now);
  }

  /** What comes by another port than that of the service is the client's, who has opened it. */
  fromUdp(arrival: UdpDatagram, now: Millis, sink: TunnelSink): Drop {
    const rules = arrival.local === SERVICE_PATH ? this.#current : this.#client;
    return rules.fromUdp(arrival, now, sink);
  }

  nextTimer(): Millis {
    return Math.min(this.#client.nextTimer(), this.#relay?.nextTimer() ?? Infinity);
  }

  tick(now: Millis, sink: TunnelSink): void {
    this.#client.tick(now, sink);
    this.#relay?.tick(now, sink);
  }

  // For who asks

  /** Of the client: while its host is relayed for it has no server. */
  status(): ClientStatus {
    return this.#client.status();
  }

  /** As {@link Client.version}. */
  get version(): number {
    return this.#client.version;
  }

  get gauges(): ClientGauges {
    const gauges = this.#client.gauges;
    if (!this.#isRelaying) return gauges;
    const relayed = this.#relay!.gauges;
    this.#ways[Way.ClientDirect] = relayed.trusted;
    this.#ways[Way.ClientNone] = relayed.peers - relayed.trusted;
    return { ...relayed, randomPorts: gauges.randomPorts, ways: this.#ways };
  }

  get listing(): PeerListing {
    return this.#isRelaying ? this.#relayListing! : this.#clientListing;
  }

  foreseeFromIpv6(b: Uint8Array, at: number, length: number, now: Millis): Drop {
    return this.#current.foreseeFromIpv6(b, at, length, now);
  }

  foreseeFromUdp(arrival: UdpDatagram, now: Millis): Drop {
    return this.#current.foreseeFromUdp(arrival, now);
  }
}
