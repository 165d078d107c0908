import assert from "node:assert/strict";
import { type ClientOptions, FILTERING_PATH, SERVICE_PATH } from "#src/protocol/client/contract.ts";
import { ECHO_DATA_LENGTH } from "#src/protocol/client/messages/echo.ts";
import { Client } from "#src/protocol/client/rules.ts";
import { Counter, type CounterName, DROPS_AT, makeCounters } from "#src/protocol/counters.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { writeAuthentication, writeRouterAdvertisement } from "#src/protocol/wire/build.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6, isBubble } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX, TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import {
  Trailers,
  writeAlternateAddressTrailer,
  writeNeighborDiscoveryTrailer,
  writeNonceTrailer,
  writeRandomPortTrailer,
} from "#src/protocol/wire/trailers.ts";
import { makeSipHash, SIP_KEY_LENGTH } from "#src/protocol/guard/sip_hash.ts";
import type { KeyedHash } from "#src/protocol/time.ts";
import type { TunnelSink } from "#src/protocol/tunnel.ts";
import { type Address, arrival, bubble, concat, ip4, origin, packet, teredo } from "../packets.ts";
import {
  CLIENT,
  CLIENT_LOCAL,
  CLIENT_PORT,
  fromHex,
  SECONDARY_SERVER,
  SERVER,
  toHex,
} from "../vectors.ts";

export const CLIENT_OPTIONS: ClientOptions = {
  prefix: SERVICE_PREFIX,
  refuseReserved: false,
  ownAddresses: [CLIENT_LOCAL],
  servicePort: 3_797,
  localAddress: CLIENT_LOCAL,
  subnets: [{ address: ip4("10.0.0.0"), length: 24 }],
  servers: [{ primary: SERVER, secondary: SECONDARY_SERVER }],
  serverOrder: "race",
  identity: undefined,
  refresh: 30_000,
  extensions: {
    symmetric: true,
    portPreserving: true,
    sequential: true,
    hairpin: true,
    loadReduction: true,
  },
  localDiscovery: false,
  maxPeers: 64,
  holdPackets: 8,
  holdBytes: 8 * 1280,
  holdAge: 60_000,
  holdMemory: 64 * 1280,
  mtu: 1280,
  icmpRate: 100,
  icmpBurst: 100,
};

/** Another client, with another server, where its address says that it is. */
export const PEER_AT = { address: ip4("192.0.2.10"), port: 8_192 };
export const PEER_SERVER = ip4("198.51.100.118");
export const PEER = teredo(PEER_AT.address, PEER_AT.port, PEER_SERVER);
/** A native host, and the relay that is near it. */
export const HOST = "2001:db8::1";
export const RELAY_AT = { address: ip4("203.0.113.9"), port: 3_545 };
export const MAPPED_AT = { address: CLIENT, port: CLIENT_PORT };
export const SERVER_AT = { address: SERVER, port: TEREDO_PORT };

/** As a daemon has it, but under a key that anybody knows. */
export const sipHash = (seed: number): KeyedHash =>
  makeSipHash(new Uint8Array(SIP_KEY_LENGTH).fill(seed));

export interface End {
  readonly address: number;
  readonly port: number;
}

export interface Sent {
  readonly at: number;
  /** `address:port`, "ipv6" or "icmpv6". */
  readonly to: string;
  readonly bytes: Uint8Array;
  readonly path: number;
}

const HEADROOM = 64;

export const endOf = ({ address, port }: End) => `${formatIpv4(address)}:${port}`;

/** A client with its clock, what it is given, and all it does in return. */
export class ClientLab {
  readonly counters = makeCounters();
  readonly client: Client;
  now = 1_000_000;
  /** Since {@link clear} or {@link advance}. */
  sent: Sent[] = [];
  /** Local ports of the random ones, by path. */
  readonly ports = new Map<number, number>();
  /** What the next random ports are; 0: there is none. */
  nextPort = 50_001;
  readonly sink: TunnelSink = {
    sendDatagram: ({ bytes, at, length, address, port, local }) =>
      this.#note(endOf({ address, port }), bytes.slice(at, at + length), local),
    sendIpv6: (b, at, length) => this.#note("ipv6", b.slice(at, at + length), -1),
    sendIcmpv6Error: (b, at, length) => this.#note("icmpv6", b.slice(at, at + length), -1),
  };

  /** @param testsFiltering whether there is a port for the filtering test: else it asks nobody */
  constructor(options: Partial<ClientOptions> = {}, testsFiltering = false) {
    const host = {
      openPort: (path: number) => {
        if (path === FILTERING_PATH && !testsFiltering) return 0;
        if (this.nextPort !== 0) this.ports.set(path, this.nextPort++);
        return this.ports.get(path) ?? 0;
      },
      closePort: (path: number) => void this.ports.delete(path),
    };
    const all = { ...CLIENT_OPTIONS, ...options };
    this.client = new Client(all, this.counters, sipHash(1), 7, host);
  }

  #note(to: string, bytes: Uint8Array, path: number): void {
    this.sent.push({ at: this.now, to, bytes, path });
  }

  /** Our Teredo address. */
  get address(): Uint8Array {
    const { address } = this.client.status();
    assert.ok(address !== undefined, "there is no address");
    return address;
  }

  clear(): this {
    this.sent = [];
    return this;
  }

  start(): this {
    this.client.start(this.now, this.sink);
    return this;
  }

  /** Lets time pass, with all timers on their way. */
  advance(milliseconds: number): this {
    this.sent = [];
    const end = this.now + milliseconds;
    for (let next = this.client.nextTimer(); next <= end; next = this.client.nextTimer()) {
      this.now = Math.max(this.now, next);
      this.client.tick(this.now, this.sink);
    }
    this.now = end;
    return this;
  }

  /** {@link advance}, with a server that answers; all that was sent meanwhile is in `sent`. */
  live(milliseconds: number, mapped = MAPPED_AT): this {
    const end = this.now + milliseconds;
    const all: Sent[] = [];
    while (this.now < end) {
      this.advance(Math.min(100, end - this.now));
      const sent = this.sent;
      all.push(...sent);
      for (const it of sent) {
        if (isSolicitation(it) && it.path === SERVICE_PATH) this.advertise(it, mapped);
      }
    }
    this.sent = all;
    return this;
  }

  /** One datagram, from `from`, by one of our sockets; what is sent in return is all of `sent`. */
  receive(bytes: Uint8Array, from: End, path = SERVICE_PATH): Drop {
    this.sent = [];
    const frame = new Uint8Array(HEADROOM + bytes.length + 32).fill(0xee);
    frame.set(bytes, HEADROOM);
    const { address, port } = from;
    const came = arrival(frame, address, port, path, HEADROOM, bytes.length);
    return this.client.fromUdp(came, this.now, this.sink);
  }

  /** One packet from the IPv6 side. */
  transmit(bytes: Uint8Array): Drop {
    this.sent = [];
    return this.client.fromIpv6(bytes, 0, bytes.length, this.now, this.sink);
  }

  /** Data to `to`, from our address. */
  send(to: Address, fill = 0xaa): Drop {
    return this.transmit(data(this.address, to, fill));
  }

  /** What went to an end, since it was last cleared. */
  sentTo(end: End | "ipv6" | "icmpv6"): readonly Sent[] {
    const to = typeof end === "string" ? end : endOf(end);
    return this.sent.filter((it) => it.to === to);
  }

  /** The last solicitation to a server. */
  solicitationTo(address: number): Sent {
    const sent = this.sent.findLast((it) => it.to === endOf({ address, port: TEREDO_PORT }));
    assert.ok(sent !== undefined, `nobody asked ${formatIpv4(address)}`);
    return sent;
  }

  /** The answer of a server to its last solicitation. */
  advertise(
    asked: Sent,
    mapped: End = MAPPED_AT,
    primary = SERVER,
    from = primary,
    mtu = 1280,
  ): Drop {
    const came = advertisement(asked.bytes, mapped, primary, mtu);
    return this.receive(came, { address: from, port: TEREDO_PORT }, asked.path);
  }

  /** Goes through qualification: both addresses of the server see these mappings. */
  qualify(mapped: End = MAPPED_AT, second: End = mapped): this {
    this.start();
    this.advertise(this.solicitationTo(SERVER), mapped);
    this.advertise(this.solicitationTo(SECONDARY_SERVER), second, SERVER, SECONDARY_SERVER);
    return this.clear();
  }

  /** As behind a symmetric NAT. */
  qualifySymmetric(mapped: End = MAPPED_AT): this {
    return this.qualify(mapped, { ...mapped, port: mapped.port + 1 });
  }

  /** A bubble of the peer by way of our server. */
  indirect(trailers: Uint8Array = new Uint8Array(0), from = PEER, at: End = PEER_AT): Drop {
    const { address, port } = at;
    const b = concat(origin(address, port), bubble(from, this.address), trailers);
    return this.receive(b, SERVER_AT);
  }

  /** A bubble straight from the peer. */
  direct(from: End, trailers: Uint8Array = new Uint8Array(0), path = SERVICE_PATH): Drop {
    return this.receive(concat(bubble(PEER, this.address), trailers), from, path);
  }

  count(name: CounterName): number {
    return this.counters[Counter[name]]!;
  }

  drops(reason: Drop): number {
    return this.counters[DROPS_AT + reason]!;
  }
}

/**
 * With an authentication in front; all else that goes to a server has none. What is asked with the cone bit
 * the secondary address answers, and the NAT keeps that out.
 */
function isSolicitation({ to, bytes, path }: Sent): boolean {
  return to === endOf(SERVER_AT) && bytes[0] === 0 && bytes[1] === 1 && path !== FILTERING_PATH;
}

/** A UDP packet with 48 bytes of `fill`. */
export function data(from: Address, to: Address, fill = 0xaa): Uint8Array {
  return packet(17, from, to, new Uint8Array(48).fill(fill));
}

/** What a server answers to the solicitation in `asked`. */
export function advertisement(
  asked: Uint8Array,
  mapped: End,
  primary: number,
  mtu = 1280,
): Uint8Array {
  const d = new TeredoDatagram();
  assert.equal(d.parse(asked, 0, asked.length), Drop.None);
  const b = new Uint8Array(256);
  const nothing = new Uint8Array(0);
  const at = writeAuthentication(b, 0, nothing, nothing, asked, d.nonceAt, 0);
  b.set(origin(mapped.address, mapped.port), at);
  const content = { prefix: SERVICE_PREFIX, serverAddress: primary, mtu };
  return b.slice(0, writeRouterAdvertisement(b, at + 8, content, asked, d.ipv6At + 8));
}

/** The answer of a host to an echo test of ours. */
export function echoReply(request: Uint8Array): Uint8Array {
  assert.equal(request.length, 48 + ECHO_DATA_LENGTH);
  const b = request.slice();
  b.set(request.subarray(24, 40), 8);
  b.set(request.subarray(8, 24), 24);
  b[40] = 129;
  // Of the checksum's words only the type has changed.
  const sum = ((b[42]! << 8) | b[43]!) - 0x0100;
  const folded = sum < 0 ? sum + 0xffff : sum;
  b[42] = folded >> 8;
  b[43] = folded;
  return b;
}

const written = (write: (b: Uint8Array) => number): Uint8Array => {
  const b = new Uint8Array(64);
  return b.slice(0, write(b));
};

export const nonceTrailer = (hex: string): Uint8Array =>
  written((b) => writeNonceTrailer(b, 0, fromHex(hex), 0));
export const portTrailer = (port: number): Uint8Array =>
  written((b) => writeRandomPortTrailer(b, 0, port));
export const discoveryTrailer = (type: 0 | 1): Uint8Array =>
  written((b) => writeNeighborDiscoveryTrailer(b, 0, type));
export const alternatesTrailer = (...ends: readonly End[]): Uint8Array =>
  written((b) =>
    writeAlternateAddressTrailer(b, 0, ends.map((it) => it.address), ends.map((it) => it.port))
  );

/** What a datagram is, for people: `bubble SOURCE > DESTINATION`, with its trailers. */
export function describe({ bytes: b }: Sent) {
  const d = new TeredoDatagram();
  assert.equal(d.parse(b, 0, b.length), Drop.None);
  const trailers = new Trailers();
  assert.equal(trailers.parse(b, d.trailersAt, d.end), Drop.None);
  return {
    bubble: isBubble(b, d.ipv6At),
    source: formatIpv6(b, d.ipv6At + 8),
    destination: formatIpv6(b, d.ipv6At + 24),
    nonce: trailers.nonceAt < 0 ? undefined : toHex(b, trailers.nonceAt, 4),
    randomPort: trailers.randomPort,
    discovery: trailers.discovery,
    alternates: Array.from(
      { length: trailers.alternates },
      (_, i) => `${formatIpv4(trailers.alternateAddress(b, i))}:${trailers.alternatePort(b, i)}`,
    ),
  };
}

export function assertDrop(got: Drop, want: Drop): void {
  assert.equal(DROP_NAMES[got], DROP_NAMES[want]);
}
