import type { TunnelGauges, TunnelRules, TunnelSink } from "#src/protocol/tunnel.ts";
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { Counter, type CounterName, DROPS_AT, makeCounters } from "#src/protocol/counters.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { Relay } from "#src/protocol/relay/rules.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import type { KeyedHash } from "#src/protocol/time.ts";
import { type Address, arrival, packet } from "../packets.ts";
import { CLIENT, CLIENT_PORT, RELAY, RELAY_PORT, toHex } from "../vectors.ts";

export const RELAY_OPTIONS: RelayOptions = {
  prefix: SERVICE_PREFIX,
  restricted: false,
  refuseReserved: false,
  ownAddresses: [RELAY],
  servicePort: RELAY_PORT,
  served: undefined,
  maxPeers: 64,
  holdPackets: 8,
  holdBytes: 8 * 1280,
  holdAge: 60_000,
  holdMemory: 64 * 1280,
  mtu: 1280,
  icmpRate: 100,
  icmpBurst: 100,
  challengeRate: 100,
  newPeerRate: 0,
  bubbleRate: 0,
  addressBubbleRate: 0,
};

export const NO_GAUGES: TunnelGauges = {
  peers: 0,
  trusted: 0,
  resolving: 0,
  failed: 0,
  heldPackets: 0,
  heldBytes: 0,
};

/** What a relay gave to its sink. */
export type RelaySent =
  | { to: string; hex: string; local: number }
  | { to: "ipv6"; hex: string }
  | { to: "icmpv6"; hex: string };

export interface FromClient {
  address?: number;
  port?: number;
  local?: number;
}

/** The native host that talks to clients. */
export const HOST = "2001:db8::1";
const HEADROOM = 64;

export function keyedHash(key: string): KeyedHash {
  return (message) => createHmac("sha256", key).update(message).digest();
}

/** A datagram as {@link RelaySent} shows it: to whom, and from which of our addresses. */
export function udp(bytes: Uint8Array, address = CLIENT, port = CLIENT_PORT, local = 0): RelaySent {
  return { to: `${formatIpv4(address)}:${port}`, hex: toHex(bytes), local };
}

/** A UDP packet whose payload is `length` bytes of `fill`. */
export function data(from: Address, to: Address, fill = 0xaa, length = 48): Uint8Array {
  return packet(17, from, to, new Uint8Array(length).fill(fill));
}

/** A relay with its clock, what it is given, and all it does in return. */
export class RelayLab {
  readonly counters = makeCounters();
  readonly relay: Relay;
  /** What packets are given to. */
  passage: TunnelRules;
  now = 1_000_000;
  /** Since the last packet in or {@link advance}. */
  sent: RelaySent[] = [];
  /** The array and offset of the last datagram, to see whether it was copied. */
  lastArray: Uint8Array | undefined;
  lastAt = -1;
  readonly sink: TunnelSink = {
    sendDatagram: ({ bytes: b, at, length, address, port, local }) => {
      this.lastArray = b;
      this.lastAt = at;
      this.sent.push({ to: `${formatIpv4(address)}:${port}`, hex: toHex(b, at, length), local });
    },
    sendIpv6: (b, at, length) => {
      this.sent.push({ to: "ipv6", hex: toHex(b, at, length) });
    },
    sendIcmpv6Error: (b, at, length) => {
      this.sent.push({ to: "icmpv6", hex: toHex(b, at, length) });
    },
  };

  constructor(options: Partial<RelayOptions> = {}) {
    this.relay = new Relay({ ...RELAY_OPTIONS, ...options }, this.counters, keyedHash("key"), 7);
    this.passage = this.relay;
  }

  fromIpv6(bytes: Uint8Array): Drop {
    this.sent = [];
    const frame = frameOf(bytes);
    return this.passage.fromIpv6(frame, HEADROOM, bytes.length, this.now, this.sink);
  }

  /** Gives the relay one datagram, by default from the client of the vectors. */
  fromClient(bytes: Uint8Array, from: FromClient = {}): Drop {
    this.sent = [];
    const { address = CLIENT, port = CLIENT_PORT, local = RELAY } = from;
    const datagram = arrival(frameOf(bytes), address, port, local, HEADROOM, bytes.length);
    return this.passage.fromUdp(datagram, this.now, this.sink);
  }

  /** Has the relay go on by other options. */
  set(options: Partial<RelayOptions>): void {
    this.relay.set({ ...RELAY_OPTIONS, ...options }, this.now);
  }

  /** Lets time pass, with all timers on their way. */
  advance(milliseconds: number): void {
    this.sent = [];
    const end = this.now + milliseconds;
    for (let next = this.relay.nextTimer(); next <= end; next = this.relay.nextTimer()) {
      this.now = Math.max(this.now, next);
      this.passage.tick(this.now, this.sink);
    }
    this.now = end;
  }

  count(name: CounterName): number {
    return this.counters[Counter[name]]!;
  }

  drops(reason: Drop): number {
    return this.counters[DROPS_AT + reason]!;
  }

  get allDrops(): number {
    return this.counters.subarray(DROPS_AT).reduce((sum, n) => sum + n, 0);
  }
}

/** Surrounded by bytes that would be seen if they got out. */
function frameOf(bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADROOM + bytes.length + 32).fill(0xee);
  frame.set(bytes, HEADROOM);
  return frame;
}

/** The packet was dropped for exactly this reason, counted once; nobody hears of it. */
export function assertDropped(lab: RelayLab, got: Drop, reason: Drop, before: number): void {
  assert.equal(DROP_NAMES[got], DROP_NAMES[reason]);
  assert.equal(lab.drops(reason), before + 1);
  assert.deepEqual(lab.sent, []);
}

/** Bytes of the source of the one bubble among `sent`, which only its peer is told. */
export function tokenOf(sent: readonly RelaySent[]): Uint8Array {
  const bubble = sent.find((s) => s.hex.length === 80 && s.hex.slice(12, 14) === "3b");
  assert.ok(bubble !== undefined, "no bubble was sent");
  return Uint8Array.from(bubble.hex.slice(16, 48).match(/../g)!, (pair) => parseInt(pair, 16));
}
