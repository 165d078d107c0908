import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { PRIMARY, SECONDARY } from "#src/protocol/server/contract.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { bubble, icmpv6, ip4, packet, teredo } from "./packets.ts";
import { data, RelayLab, type RelaySent } from "./relay/lab.ts";
import { type Sent, ServerLab } from "./server/lab.ts";
import {
  CLIENT,
  CLIENT_PORT,
  fromHex,
  RELAY,
  RELAY_PORT,
  SECONDARY_SERVER,
  SERVER,
} from "./vectors.ts";

/**
 * The loops between tunnels that have been published, played in a network of two relays, two servers,
 * an echo service, and routers of 6to4 and ISATAP: Nakibly and Arov, "Routing Loop Attacks using IPv6
 * Tunnels" (WOOT 2009), RFC 6324, and draft-gont-6man-teredo-loops. One packet is put in; all that it
 * makes others send is counted, and stands in docs/threats.md.
 */
const OTHER_SERVER = ip4("60.1.0.1");
const OTHER_RELAY = ip4("60.2.0.1");
const ECHO = ip4("60.3.0.1");
const ECHO_PORT = 7;
const SERVER_PORT = 3544;
const HOST = "2001:db8::1";

interface Place {
  readonly address: number;
  readonly port: number;
}

/** A packet on its way: over IPv4 from one place to another, or over IPv6. */
type Travel =
  | { readonly way: "udp"; readonly from: Place; readonly to: Place; readonly bytes: Uint8Array }
  | { readonly way: "ipv6"; readonly bytes: Uint8Array; readonly from?: RelayLab };

const place = (address: number, port: number): Place => ({ address, port });
const frame = (ipLength: number) => Math.max(64, 14 + ipLength + 4);
const frameOf = ({ way, bytes }: Travel) => frame(bytes.length + (way === "udp" ? 28 : 0));
/** Nothing here is sent more often; a loop is. */
const ENOUGH = 500;

class Network {
  readonly #relays: ReadonlyMap<number, RelayLab>;
  readonly #servers = new Map<number, ServerLab>();
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
      this.#deliverAll();
    }
  }

  #deliverAll(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (next.way === "udp") this.#deliverUdp(next.from, next.to, next.bytes);
      else this.#deliverIpv6(next.bytes, next.from);
      assert.ok(this.packets < ENOUGH, "a loop");
    }
  }

  #send(travel: Travel): void {
    this.packets++;
    this.bytes += frameOf(travel);
    this.#waiting.push(travel);
  }

  #deliverUdp(from: Place, to: Place, bytes: Uint8Array): void {
    const relay = this.#relays.get(to.address);
    const server = this.#servers.get(to.address);
    if (relay !== undefined && to.port === RELAY_PORT) {
      relay.fromClient(bytes, { ...from, local: to.address });
      this.#takeFromRelay(relay, to.address);
    } else if (server !== undefined && to.port === SERVER_PORT) {
      server.receive(bytes, { ...from, socket: to.address & 1 ? SECONDARY : PRIMARY });
      this.#takeFromServer(server.sent, to.address & ~1);
    } else if (to.address === ECHO && to.port === ECHO_PORT) {
      this.#send({ way: "udp", from: to, to: from, bytes });
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

/** The 6to4 router of a host, as an address. RFC 3056 */
const sixToFour = (address: number) => {
  const b = parseIpv6("2002::1")!;
  b.set([address >>> 24, address >>> 16, address >>> 8, address], 2);
  return b;
};
/** A host of a site with ISATAP. RFC 5214 */
const isatap = (address: number) => parseIpv6(`2001:db8:5::200:5efe:${formatIpv4(address)}`)!;

const toServer = (bytes: Uint8Array, from: Place, to = SERVER): Travel => ({
  way: "udp",
  from,
  to: place(to, SERVER_PORT),
  bytes,
});
const toRelay = (bytes: Uint8Array, from: Place): Travel => ({
  way: "udp",
  from,
  to: place(RELAY, RELAY_PORT),
  bytes,
});
const toIpv6 = (bytes: Uint8Array): Travel => ({ way: "ipv6", bytes });

const client = place(CLIENT, CLIENT_PORT);
const ofClient = teredo(CLIENT, CLIENT_PORT);
const server = place(SERVER, SERVER_PORT);
const ofServer = teredo(SERVER, SERVER_PORT);
const ofOtherServer = teredo(OTHER_SERVER, SERVER_PORT, OTHER_SERVER);

/** By the names of docs/threats.md. */
const LOOPS: Readonly<Record<string, Travel>> = {
  "a server's own mapping as source and destination, sent as the server": toServer(
    bubble(ofServer, ofServer),
    server,
  ),
  "the same of its second address": toServer(
    bubble(teredo(SECONDARY_SERVER, SERVER_PORT), teredo(SECONDARY_SERVER, SERVER_PORT)),
    place(SECONDARY_SERVER, SERVER_PORT),
  ),
  "a client's packet to the server's own mapping": toServer(bubble(ofClient, ofServer), client),
  "a client's packet to itself": toServer(bubble(ofClient, ofClient), client),
  "from one server's mapping to the other's, sent as the first": toServer(
    bubble(ofServer, ofOtherServer),
    server,
    OTHER_SERVER,
  ),
  "from one server's mapping back to it by the other, sent as the first": toServer(
    bubble(ofServer, teredo(SERVER, SERVER_PORT, OTHER_SERVER)),
    server,
    OTHER_SERVER,
  ),
  "a stranger's packet to an echo service's mapping": toServer(
    bubble("fe80::1", teredo(ECHO, ECHO_PORT)),
    client,
  ),
  "through one server to another's mapping, for a client of the second": toServer(
    bubble(ofClient, teredo(OTHER_SERVER, SERVER_PORT, OTHER_SERVER)),
    client,
  ),
  "through one server to a relay": toServer(bubble(ofClient, teredo(RELAY, RELAY_PORT)), client),
  "a packet for the relay's own mapping": toIpv6(data(HOST, teredo(RELAY, RELAY_PORT))),
  "a packet for another relay's mapping": toIpv6(data(HOST, teredo(OTHER_RELAY, RELAY_PORT))),
  "a packet for a server's mapping": toIpv6(data(HOST, ofServer)),
  "a packet from the other relay's mapping to this one's": toIpv6(
    data(teredo(OTHER_RELAY, RELAY_PORT), teredo(RELAY, RELAY_PORT)),
  ),
  "a client's packet to a client, given to a relay": toRelay(
    data(ofClient, teredo(CLIENT + 1, CLIENT_PORT)),
    client,
  ),
  "the same, routed to a relay over IPv6": toIpv6(data(ofClient, teredo(CLIENT + 1, CLIENT_PORT))),
  "the other relay's mapping as a client's, sent as that relay": toRelay(
    data(teredo(OTHER_RELAY, RELAY_PORT), HOST),
    place(OTHER_RELAY, RELAY_PORT),
  ),
  "a packet for an echo service's mapping": toIpv6(data(HOST, teredo(ECHO, ECHO_PORT))),
  "a packet of an echo service's mapping": toRelay(
    data(teredo(ECHO, ECHO_PORT), HOST),
    place(ECHO, ECHO_PORT),
  ),
  "from 6to4 of the relay to its mapping": toIpv6(
    data(sixToFour(RELAY), teredo(RELAY, RELAY_PORT)),
  ),
  "from 6to4 of one relay to the other's mapping": toIpv6(
    data(sixToFour(RELAY), teredo(OTHER_RELAY, RELAY_PORT)),
  ),
  "a client's packet to 6to4 of the server": toServer(
    icmpv6(128, ofClient, sixToFour(SERVER)),
    client,
  ),
  "a client's packet to 6to4 of the relay": toRelay(data(ofClient, sixToFour(RELAY)), client),
  "from ISATAP of the relay to its mapping": toIpv6(data(isatap(RELAY), teredo(RELAY, RELAY_PORT))),
  "from ISATAP of one relay to the other's mapping": toIpv6(
    data(isatap(RELAY), teredo(OTHER_RELAY, RELAY_PORT)),
  ),
  "a client's packet to ISATAP of the server": toServer(
    icmpv6(128, ofClient, isatap(SERVER)),
    client,
  ),
  "a packet for no client, from a client's address": toIpv6(
    packet(59, ofClient, "2001:0:ffff:ffff::1"),
  ),
};

const rows = readFileSync(new URL("../../docs/threats.md", import.meta.url), "utf8").split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .filter((cells) => cells.length === 8);
const shown = (name: string) => rows.find((cells) => cells[1] === name)?.slice(2, 7);

for (const [name, first] of Object.entries(LOOPS)) {
  test(`no loop: ${name} (RFC 6324, S-28, S-29)`, () => {
    const [plain, restricted] = [false, true].map((restricted) => {
      const network = new Network(restricted);
      network.play(first);
      return network;
    });
    const factor = (plain!.bytes / frameOf(first)).toFixed(2);
    const figures = [frameOf(first), plain!.packets, plain!.bytes, factor, restricted!.packets];
    assert.deepEqual(shown(name), figures.map(String));
  });
}

test("docs/threats.md has no loop that is not played", () => {
  const named = rows.map((cells) => cells[1]!).filter((name) => !/^(-+|packet)$/.test(name));
  assert.deepEqual(named, Object.keys(LOOPS));
});

test("Network finds a loop", () => {
  const network = new Network(false);
  const echo = place(ECHO, ECHO_PORT);
  const forEver: Travel = { way: "udp", from: echo, to: echo, bytes: bubble(ofClient, ofClient) };
  assert.throws(() => network.play(forEver), /a loop/);
});
