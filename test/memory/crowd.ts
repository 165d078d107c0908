import type { TunnelRules, TunnelSink } from "#src/protocol/tunnel.ts";
import { writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { Counter, type CounterName, DROPS_AT, makeCounters } from "#src/protocol/counters.ts";
import type { Drop } from "#src/protocol/drops.ts";
import { DESTINATION_AT, isBubble, SOURCE_AT, writeIpv6Header } from "#src/protocol/wire/ipv6.ts";
import { Relay } from "#src/protocol/relay/rules.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import type { KeyedHash } from "#src/protocol/time.ts";
import { RELAY_OPTIONS } from "#test/protocol/relay/lab.ts";
import { RELAY, SERVER } from "#test/protocol/vectors.ts";
import { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";

export const MILLION = 1_048_576;
/** As the configuration has them by default, and as many new peers as come. */
export const CROWD_OPTIONS: RelayOptions = {
  ...RELAY_OPTIONS,
  maxPeers: MILLION,
  holdPackets: 8,
  holdBytes: 10_240,
  holdAge: 10_000,
  holdMemory: 16_777_216,
  icmpRate: 10,
  icmpBurst: 10,
  newPeerRate: 0,
  bubbleRate: 0,
  addressBubbleRate: 0,
};
/** IPv6 header, UDP header, 40 bytes. */
export const PACKET_LENGTH = 88;

const UDP = 17;
const FIRST_ADDRESS = 0x0b000000; // 11.0.0.0
/** Where packets lie, one after the other as in a batch. */
const SLOTS = 64;
const SLOT_LENGTH = 2_048;
const HEADROOM = 64;

export function addressOf(client: number): number {
  return FIRST_ADDRESS + client;
}

export function portOf(client: number): number {
  return 1_024 + (client & 0x3fff);
}

/** Writes the 16 address bytes of client number `client`. */
export function writeClient(b: Uint8Array, at: number, client: number): void {
  writeU32(b, at, SERVICE_PREFIX);
  writeU32(b, at + 4, SERVER);
  writeU16(b, at + 8, 0);
  writeU16(b, at + 10, portOf(client) ^ 0xffff);
  writeU32(b, at + 12, ~addressOf(client));
}

/**
 * A relay and any number of clients, numbered from 0, whose packets are written where they are
 * needed: neither they nor what the relay sends costs an allocation. What it sends is counted.
 */
export class Crowd implements TunnelSink {
  readonly counters = makeCounters();
  readonly relay: Relay;
  /** What packets are given to. */
  passage: TunnelRules;
  readonly bytes = new Uint8Array(SLOTS * SLOT_LENGTH);
  readonly #length: number;
  readonly #arrival = new UdpDatagram();
  #slot = 0;
  now = 1_000_000.5;

  /** Packets to clients, without bubbles. */
  delivered = 0;
  bubbles = 0;
  /** Packets to the IPv6 side. */
  forwarded = 0;
  errors = 0;
  /** Where the last packet to a client went. */
  lastAddress = 0;
  lastPort = 0;

  /** @param length of each packet */
  constructor(options: Partial<RelayOptions>, hash: KeyedHash, length = PACKET_LENGTH) {
    this.relay = new Relay({ ...CROWD_OPTIONS, ...options }, this.counters, hash, 7);
    this.passage = this.relay;
    this.#length = length;
    for (let i = 0; i < SLOTS; i++) {
      writeIpv6Header(this.bytes, HEADROOM + i * SLOT_LENGTH, length - 40, UDP, 64);
    }
  }

  /** One packet from the IPv6 host. `now` is the same for all of a batch, as in a loop. */
  toClient(client: number, now = this.now): Drop {
    const at = this.#nextSlot();
    this.#writeHost(at + SOURCE_AT);
    writeClient(this.bytes, at + DESTINATION_AT, client);
    return this.passage.fromIpv6(this.bytes, at, this.#length, now, this);
  }

  /** One packet to the IPv6 host, from where the client's address says. */
  fromClient(client: number, now = this.now): Drop {
    const at = this.#nextSlot();
    this.#writeHost(at + DESTINATION_AT);
    writeClient(this.bytes, at + SOURCE_AT, client);
    const address = addressOf(client);
    const port = portOf(client);
    this.#arrival.setPayload(this.bytes, at, this.#length);
    this.#arrival.setEnds(address, port, RELAY);
    return this.passage.fromUdp(this.#arrival, now, this);
  }

  /** Makes clients `from` to `to` - 1 trusted: each is sent a packet and sends one. */
  meet(from: number, to: number): void {
    for (let client = from; client < to; client++) {
      this.toClient(client);
      this.fromClient(client);
    }
  }

  count(name: CounterName): number {
    return this.counters[Counter[name]]!;
  }

  drops(reason: Drop): number {
    return this.counters[DROPS_AT + reason]!;
  }

  sendDatagram({ bytes, at, address, port }: UdpDatagram): void {
    if (isBubble(bytes, at)) {
      this.bubbles++;
      return;
    }
    this.delivered++;
    this.lastAddress = address;
    this.lastPort = port;
  }

  sendIpv6(): void {
    this.forwarded++;
  }

  sendIcmpv6Error(): void {
    this.errors++;
  }

  #nextSlot(): number {
    this.#slot = (this.#slot + 1) % SLOTS;
    return HEADROOM + this.#slot * SLOT_LENGTH;
  }

  /** 2001:db8:1::2 */
  #writeHost(at: number): void {
    writeU32(this.bytes, at, 0x20010db8);
    writeU32(this.bytes, at + 4, 0x00010000);
    writeU32(this.bytes, at + 8, 0);
    writeU32(this.bytes, at + 12, 2);
  }
}

const FIXED = new Uint8Array(32).fill(0xa5);
/** The same for every message: for tests of which tokens are no part. */
export const fixedHash: KeyedHash = () => FIXED;
