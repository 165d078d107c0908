import assert from "node:assert/strict";
import { makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import {
  PRIMARY,
  SECONDARY,
  type ServerOptions,
  type ServerSink,
  type ServerSocket,
} from "#src/protocol/server/contract.ts";
import { Server } from "#src/protocol/server/rules.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { isGlobalUnicast } from "#src/protocol/wire/ipv4.ts";
import { hasMapping, isTeredo, SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import { addressBytes, ip4, origin, teredo } from "#test/protocol/packets.ts";
import { ALICE, hmacSha1, OPTIONS } from "#test/protocol/server/lab.ts";
import {
  CLIENT,
  CLIENT_PORT,
  RELAY,
  RELAY_PORT,
  SECONDARY_SERVER,
  SERVER,
  vector,
} from "#test/protocol/vectors.ts";
import { Choices } from "../engine/choices.ts";
import { dropsIn } from "../engine/rules.ts";
import type { Target } from "../engine/target.ts";
import { HEADROOM, MadeDatagram } from "../inputs/made_datagram.ts";

/** Bytes of an event: what, who, from which port, to whom, how much later; then the datagram's. */
const EVENT = 16;
const ADVERTISEMENT_LENGTH = 104;
const OWN: readonly number[] = [SERVER, SECONDARY_SERVER];
const SENDERS = [
  CLIENT,
  RELAY,
  SERVER,
  SECONDARY_SERVER,
  ...["10.0.0.2", "127.0.0.1", "224.0.0.253", "0.0.0.0", "255.255.255.255", "8.8.8.8", "8.8.8.255"]
    .map(ip4),
];
const PORTS = [CLIENT_PORT, RELAY_PORT, 3544, 0, 65_535];
const BROADCAST = ip4("8.8.8.255");
const FOREIGN = "fe80::1 ff02::1 ff02::2 :: ::1 2001:db8::1 fd00::1 ff0e::1 2001:0:1::1".split(" ")
  .map(addressBytes);
const ADDRESSES: readonly Uint8Array[] = [
  vector("A9"),
  vector("A10"),
  vector("A2"),
  ...FOREIGN,
  ...SENDERS.flatMap((address) => PORTS.map((port) => teredo(address, port))),
  teredo(CLIENT, CLIENT_PORT, RELAY),
];
/** Rates are so low that a conversation meets them. */
const RATES = { solicitationRate: 2, solicitationBurst: 3, forwardRate: 2 };
const VARIANTS: readonly ServerOptions[] = [
  OPTIONS,
  { ...OPTIONS, ...RATES },
  { ...OPTIONS, secrets: [ALICE, { ...ALICE, clientId: Uint8Array.of(1), valid: false }] },
  { ...OPTIONS, secrets: [ALICE], requireAuthentication: true },
  { ...OPTIONS, refuseReserved: true, ...RATES },
];

/** A conversation: many clients, relays and strangers with a server, by a clock of its own. */
export const target: Target = {
  name: "server",
  unit: EVENT,
  most: 24 * EVENT,
  seeds: () => VARIANTS.map((_, i) => Uint8Array.of(i, ...SEED)),
  open: () => {
    const plays = VARIANTS.map((options) => new Play(options));
    const choices = new Choices();
    return (input) => plays[(input[0] ?? 0) % plays.length]!.play(choices.take(input, 1));
  },
};

/** A solicitation, a bubble of a relay, an echo, a ping of a client to a native host. */
const SEED = [
  [0, 0, 0, 0, 0, 0, 1, 0, 8, 1, 0, 0, 0, 0, 0],
  [0, 0, 1, 3, 13, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
  [0, 0, 0, 13, 0, 1, 0, 2, 1, 12, 1, 0, 0, 0, 0, 0],
  [0, 0, 0, 13, 8, 1, 0, 2, 1, 12, 1, 0, 0, 0, 0, 0],
].flat();

class Play implements ServerSink {
  readonly #options: ServerOptions;
  readonly #counters = makeCounters();
  readonly #server: Server;
  readonly #made = new MadeDatagram();
  readonly #arrival = new UdpDatagram();
  readonly #before = new Uint8Array(4_096);
  readonly #received = new TeredoDatagram();
  readonly #parsed = new TeredoDatagram();
  /** When what was sent to whom, for the limits. */
  readonly #answers = new Map<number, number>();
  readonly #forwards = new Map<number, number>();
  #socket: ServerSocket = PRIMARY;
  #now = 1_000_000;
  #began = 0;
  #sent = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#server = new Server(options, this.#counters, hmacSha1, 1, 2);
    this.#server.setBroadcasts([BROADCAST]);
  }

  play(c: Choices): void {
    // The buckets are full again: every conversation finds the same server.
    this.#now += 1_000_000;
    this.#began = this.#now;
    this.#answers.clear();
    this.#forwards.clear();
    while (c.left > 0) this.#event(c);
  }

  #event(c: Choices): void {
    const kind = c.u8();
    const address = SENDERS[c.u8() % SENDERS.length]!;
    const port = PORTS[c.u8() % PORTS.length]!;
    const [from, to, later] = [c.u8(), c.u8(), c.u8()];
    this.#socket = kind & 1 ? SECONDARY : PRIMARY;
    this.#now += later * later / 16;
    const source = kind & 2 ? teredo(address, port) : ADDRESSES[from % ADDRESSES.length]!;
    if (kind & 4) this.#made.copy(c.bytes(EVENT * (1 + (kind >> 4))));
    else this.#made.make(c, source, ADDRESSES[to % ADDRESSES.length]!);
    this.#receive(address, port);
  }

  #receive(address: number, port: number): void {
    const { bytes: b, length } = this.#made;
    const end = HEADROOM + length;
    b[HEADROOM - 9] = b[end] = 0xee;
    this.#before.set(b.subarray(HEADROOM, end));
    this.#received.parse(this.#before, 0, length);
    this.#arrival.setPayload(b, HEADROOM, length);
    this.#arrival.setEnds(address, port, 0);
    this.#sent = 0;
    const before = dropsIn(this.#counters);
    const drop = this.#server.fromUdp(this.#socket, this.#arrival, this.#now, this);
    // Each is answered, passed on or dropped: one of these, and once.
    assert.equal(this.#sent, drop === Drop.None ? 1 : 0);
    assert.equal(dropsIn(this.#counters) - before, drop === Drop.None ? 0 : 1);
    assert.ok(b[HEADROOM - 9] === 0xee && b[end] === 0xee, "written beside the datagram");
  }

  sendIpv6(b: Uint8Array, at: number, length: number): void {
    this.#sent++;
    const { ipv6At, ipv6Length } = this.#checkSource();
    assert.equal(length, ipv6Length);
    assertSame(b, at, this.#before, ipv6At, length);
    const { address, port } = this.#arrival;
    assert.ok(hasMapping(b, at + 8, address, port), "a native host can trust the source");
    assert.ok(!isTeredo(b, at + 24, SERVICE_PREFIX));
  }

  sendDatagram(socket: ServerSocket, { bytes, at, length, address, port }: UdpDatagram): void {
    this.#sent++;
    const received = this.#checkSource();
    const { refuseReserved } = this.#options;
    assert.ok(isGlobalUnicast(address, refuseReserved) && address !== BROADCAST && port !== 0);
    assert.ok(!(OWN.includes(address) && port === 3544), "never to ourselves");
    const parsed = this.#parsed;
    assert.equal(parsed.parse(bytes, at, length), Drop.None, "what is sent is well-formed");
    const came = this.#arrival;
    const type = bytes[parsed.ipv6At + 40]!;
    const isBack = address === came.address && port === came.port;
    const isOurs = isBack && bytes[parsed.ipv6At + 6] === 58 &&
      (type === 134 || type === 129) && this.#before[received.ipv6At + 40] !== type;
    if (!isOurs) return this.#checkForward(socket, bytes, at, length, address, port);
    if (type === 129) {
      assert.ok(length <= received.end, "an echo is no longer than what asked for it");
      return;
    }
    const authentication = received.authenticationAt < 0 ? 0 : received.nonceAt + 9;
    assert.equal(parsed.authenticationAt >= 0, received.authenticationAt >= 0);
    // A client identifier has a value of ours behind it.
    assert.ok(length <= ADVERTISEMENT_LENGTH + authentication + 64);
    const { solicitationRate, solicitationBurst } = this.#options;
    this.#checkRate(this.#answers, address, solicitationRate, solicitationBurst);
  }

  #checkForward(
    socket: ServerSocket,
    b: Uint8Array,
    at: number,
    length: number,
    address: number,
    port: number,
  ): void {
    const [parsed, received] = [this.#parsed, this.#received];
    assert.equal(socket, PRIMARY, "from the address that the client's NAT knows");
    assert.ok(hasMapping(b, parsed.ipv6At + 24, address, port));
    assert.ok(length <= received.end + 8);
    const rest = length - (parsed.ipv6At - at);
    assert.equal(rest, received.end - received.ipv6At);
    assertSame(b, parsed.ipv6At, this.#before, received.ipv6At, rest);
    if (parsed.ipv6At > at) {
      assert.equal(parsed.ipv6At - at, 8);
      const { address, port } = this.#arrival;
      assertSame(b, at, origin(address, port), 0, 8);
    }
    this.#checkRate(this.#forwards, address, this.#options.forwardRate, this.#options.forwardRate);
  }

  /** RFC 4380 §5.3.1: to a source that is not global nothing is ever sent. */
  #checkSource(): TeredoDatagram {
    const { address, port } = this.#arrival;
    assert.ok(isGlobalUnicast(address, this.#options.refuseReserved) && address !== BROADCAST);
    assert.ok(port !== 0 && !(OWN.includes(address) && port === 3544));
    return this.#received;
  }

  /** Since the conversation began nobody was sent more than burst and rate allow. */
  #checkRate(sent: Map<number, number>, address: number, rate: number, burst: number): void {
    if (rate === 0) return;
    const count = (sent.get(address) ?? 0) + 1;
    sent.set(address, count);
    const most = burst + rate * (this.#now - this.#began) / 1_000;
    assert.ok(count <= most + 0.01, `${count} to one address, of ${most}`);
  }
}

function assertSame(a: Uint8Array, at: number, b: Uint8Array, from: number, length: number): void {
  for (let i = 0; i < length; i++) {
    if (a[at + i] !== b[from + i]) assert.fail(`byte ${i} of ${length} is another`);
  }
}
