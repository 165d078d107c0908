import assert from "node:assert/strict";
import { type HostOptions, HostRules } from "#src/datapath/loop/host_rules.ts";
import { FILTERING_PATH } from "#src/protocol/client/contract.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import { PRIMARY, SECONDARY } from "#src/protocol/server/contract.ts";
import type { TunnelSink } from "#src/protocol/tunnel.ts";
import { parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import {
  CLIENT_OPTIONS,
  ClientLab,
  type End,
  endOf,
  type Sent as ClientSent,
  sipHash,
} from "./client/lab.ts";
import { arrival, icmpv6, ip4 } from "./packets.ts";
import { RelayLab, type RelaySent } from "./relay/lab.ts";
import { type Sent, ServerLab } from "./server/lab.ts";
import { fromHex, RELAY, RELAY_PORT, SERVER } from "./vectors.ts";

/** Two relays, two servers, an echo service, a client and a host that relays for itself: see `loops_test.ts`. */
export const OTHER_SERVER: number = ip4("60.1.0.1");
export const OTHER_RELAY: number = ip4("60.2.0.1");
export const ECHO: number = ip4("60.3.0.1");
export const ECHO_PORT = 7;
export const SERVER_PORT = 3544;
/** Where the NATs of the client and of the host are seen: cones, by which who is behind them meets himself. */
export const NATTED: Place = place(ip4("60.4.0.1"), 41_000);
export const RELAYED: Place = place(ip4("60.5.0.1"), 42_000);
/** What the host relays for. */
export const RELAYED_HOST = "2001:db8:5::7";
export const HOST = "2001:db8::1";

export interface Place {
  readonly address: number;
  readonly port: number;
}

/** A packet on its way: over IPv4 from one place to another, over IPv6, or from the stack of a tunnel's host. */
export type Travel =
  | { readonly way: "udp"; readonly from: Place; readonly to: Place; readonly bytes: Uint8Array }
  | { readonly way: "ipv6"; readonly bytes: Uint8Array; readonly from?: RelayLab }
  | { readonly way: "host"; readonly bytes: (own: Uint8Array) => Uint8Array; readonly of: Place };

export function place(address: number, port: number): Place {
  return { address, port };
}

/** Who is behind a NAT: what it has sent since it was last given something. */
interface Natted {
  sent: ClientSent[];
  /** Its Teredo address; of who has none, an own one. */
  readonly address: Uint8Array;
  receive(bytes: Uint8Array, from: End, path: number): unknown;
  transmit(bytes: Uint8Array): unknown;
  advance(milliseconds: number): unknown;
}

const RELAYING: HostOptions = {
  ...CLIENT_OPTIONS,
  servers: [],
  relayedFor: [parseIpv6Prefix(`${RELAYED_HOST}/128`)!],
};
const HEADROOM = 64;

/** A client that relays for its host. */
class RelayingHost implements Natted {
  sent: ClientSent[] = [];
  readonly address = parseIpv6Prefix(`${RELAYED_HOST}/128`)!.bytes;
  #now = 1_000_000;
  readonly #rules = new HostRules(
    RELAYING,
    makeCounters(),
    { client: sipHash(1), relay: sipHash(2) },
    7,
    { openPort: () => 0, closePort: () => {} },
  );
  readonly #sink: TunnelSink = {
    sendDatagram: ({ bytes, at, length, address, port, local }) =>
      this.#note(endOf({ address, port }), bytes.slice(at, at + length), local),
    sendIpv6: (b, at, length) => this.#note("ipv6", b.slice(at, at + length), -1),
    sendIcmpv6Error: (b, at, length) => this.#note("icmpv6", b.slice(at, at + length), -1),
  };

  constructor() {
    this.#rules.start(RELAYING, this.#now, this.#sink);
  }

  #note(to: string, bytes: Uint8Array, path: number): void {
    this.sent.push({ at: this.#now, to, bytes, path });
  }

  receive(bytes: Uint8Array, { address, port }: End, path: number): void {
    this.sent = [];
    const frame = new Uint8Array(HEADROOM + bytes.length + 32);
    frame.set(bytes, HEADROOM);
    const came = arrival(frame, address, port, path, HEADROOM, bytes.length);
    this.#rules.fromUdp(came, this.#now, this.#sink);
  }

  transmit(bytes: Uint8Array): void {
    this.sent = [];
    this.#rules.fromIpv6(bytes, 0, bytes.length, this.#now, this.#sink);
  }

  advance(milliseconds: number): void {
    this.sent = [];
    const end = this.#now + milliseconds;
    const rules = this.#rules;
    for (let next = rules.nextTimer(); next <= end; next = rules.nextTimer()) {
      this.#now = Math.max(this.#now, next);
      rules.tick(this.#now, this.#sink);
    }
    this.#now = end;
  }
}

const frame = (ipLength: number) => Math.max(64, 14 + ipLength + 4);
/** Nothing here is sent more often; a loop is. */
const ENOUGH = 500;

export class Network {
  readonly #relays: ReadonlyMap<number, RelayLab>;
  readonly #servers = new Map<number, ServerLab>();
  readonly #natted: readonly (readonly [Place, Natted])[];
  readonly #waiting: Travel[] = [];
  packets = 0;
  bytes = 0;

  constructor(restricted: boolean) {
    this.#relays = new Map([RELAY, OTHER_RELAY].map((own) => [
      own,
      new RelayLab({ ownAddresses: [own], restricted }),
    ]));
    for (const first of [SERVER, OTHER_SERVER]) {
      const lab = new ServerLab({
        serverAddress: first,
        secondaryAddress: first + 1,
        ownAddresses: [first, first + 1],
      });
      for (const address of [first, first + 1]) this.#servers.set(address, lab);
    }
    this.#natted = [
      [NATTED, new ClientLab().qualify(NATTED)],
      [RELAYED, new RelayingHost()],
    ];
  }

  /** The client's address, 16 bytes, whose flags it has drawn; or the one that is relayed for. */
  addressOf(at: Place): Uint8Array {
    return this.#nattedAt(at.address)![1].address;
  }

  #nattedAt(address: number): readonly [Place, Natted] | undefined {
    return this.#natted.find(([{ address: own }]) => own === address);
  }

  /** Bytes of the frame that a packet is. */
  frameOf(travel: Travel): number {
    const bytes = travel.way === "host" ? travel.bytes(this.addressOf(travel.of)) : travel.bytes;
    return frame(bytes.length + (travel.way === "udp" ? 28 : 0));
  }

  /** Puts a packet in, and lets everything happen that comes of it, bubbles that are repeated too. */
  play(first: Travel): void {
    this.#waiting.push(first);
    this.#deliverAll();
    for (let second = 0; second < 20; second++) {
      for (const [address, lab] of this.#relays) {
        lab.advance(1_000);
        this.#takeFromRelay(lab, address);
      }
      for (const [at, lab] of this.#natted) {
        lab.advance(1_000);
        this.#takeFromNatted(lab, at);
      }
      this.#deliverAll();
    }
  }

  #deliverAll(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (next.way === "udp") this.#deliverUdp(next.from, next.to, next.bytes);
      else if (next.way === "ipv6") this.#deliverIpv6(next.bytes, next.from);
      else {
        const [at, lab] = this.#nattedAt(next.of.address)!;
        lab.transmit(next.bytes(lab.address));
        this.#takeFromNatted(lab, at);
      }
      assert.ok(this.packets < ENOUGH, "a loop");
    }
  }

  #send(travel: Travel): void {
    this.packets++;
    this.bytes += this.frameOf(travel);
    this.#waiting.push(travel);
  }

  #deliverUdp(from: Place, to: Place, bytes: Uint8Array): void {
    const relay = this.#relays.get(to.address);
    const server = this.#servers.get(to.address);
    const natted = this.#nattedAt(to.address);
    if (relay !== undefined && to.port === RELAY_PORT) {
      relay.fromClient(bytes, { ...from, local: to.address });
      this.#takeFromRelay(relay, to.address);
    } else if (server !== undefined && to.port === SERVER_PORT) {
      server.receive(bytes, { ...from, socket: to.address & 1 ? SECONDARY : PRIMARY });
      this.#takeFromServer(server.sent, to.address & ~1);
    } else if (to.address === ECHO && to.port === ECHO_PORT) {
      this.#send({ way: "udp", from: to, to: from, bytes });
    } else if (natted !== undefined) {
      const [at, lab] = natted;
      const path = to.port - at.port;
      if (path < 0 || path > FILTERING_PATH) return;
      lab.receive(bytes, from, path);
      this.#takeFromNatted(lab, at);
    }
  }

  /**
   * IPv6 routing as it does most harm: to the relay that the packet does not come from. What 6to4 and
   * ISATAP make of a packet is protocol 41, which no Teredo host takes in.
   */
  #deliverIpv6(bytes: Uint8Array, from: RelayLab | undefined): void {
    if (bytes[24] !== 0x20 || bytes[25] !== 0x01 || bytes[26] !== 0 || bytes[27] !== 0) return;
    const [address, relay] = [...this.#relays].find(([, lab]) => lab !== from)!;
    relay.fromIpv6(bytes);
    this.#takeFromRelay(relay, address);
  }

  #takeFromRelay(lab: RelayLab, own: number): void {
    const sent: readonly RelaySent[] = lab.sent;
    lab.sent = [];
    for (const { to, hex } of sent) {
      const bytes = fromHex(hex);
      if (to === "ipv6") this.#send({ way: "ipv6", bytes, from: lab });
      // An error goes to who sent the packet, and its length is the sink's business.
      else if (to === "icmpv6") this.#send({ way: "ipv6", bytes: error(bytes), from: lab });
      else this.#send({ way: "udp", from: place(own, RELAY_PORT), to: placeOf(to), bytes });
    }
  }

  /** What is for its own host goes no further. */
  #takeFromNatted(lab: Natted, at: Place): void {
    const { sent } = lab;
    lab.sent = [];
    for (const { to, bytes, path } of sent) {
      if (to === "ipv6" || to === "icmpv6") continue;
      const from = place(at.address, at.port + path);
      this.#send({ way: "udp", from, to: placeOf(to), bytes });
    }
  }

  #takeFromServer(sent: readonly Sent[], own: number): void {
    for (const one of sent) {
      const bytes = fromHex(one.hex);
      if (one.to === "ipv6") this.#send({ way: "ipv6", bytes });
      else {
        const from = place(own + Number(one.socket), SERVER_PORT);
        this.#send({ way: "udp", from, to: place(one.address, one.port), bytes });
      }
    }
  }
}

function placeOf(text: string): Place {
  const [address, port] = text.split(":");
  return place(ip4(address!), Number(port));
}

/** An ICMPv6 error as it travels: to the source of what it quotes. RFC 4443 §2.2 */
const error = (quoted: Uint8Array) => icmpv6(1, HOST, quoted.slice(8, 24), quoted.slice(0, 1_232));
