import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { alternatesTrailer } from "./client/lab.ts";
import {
  ECHO,
  ECHO_PORT,
  HOST,
  NATTED,
  Network,
  OTHER_RELAY,
  OTHER_SERVER,
  type Place,
  place,
  RELAYED,
  SERVER_PORT,
  type Travel,
} from "./loop_network.ts";
import { type Address, bubble, concat, icmpv6, origin, packet, teredo } from "./packets.ts";
import { data } from "./relay/lab.ts";
import { CLIENT, CLIENT_PORT, RELAY, RELAY_PORT, SECONDARY_SERVER, SERVER } from "./vectors.ts";

/**
 * The loops between tunnels that have been published, played in a network of two relays, two servers,
 * an echo service, routers of 6to4 and ISATAP, a client, and a host that relays for itself, each behind a NAT
 * that leads back in: Nakibly and Arov, "Routing Loop Attacks using IPv6 Tunnels" (WOOT 2009), RFC 6324, and
 * draft-gont-6man-teredo-loops. One packet is put in; all that it makes others send is counted, and stands
 * in docs/threats.md.
 */
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

/** To the client, by its NAT. */
const toNatted = (bytes: (own: Uint8Array) => Uint8Array, from: Place): Travel => ({
  way: "udp",
  from,
  to: NATTED,
  bytes: bytes(new Network(false).addressOf(NATTED)),
});
/** What the programs of a tunnel's host send. */
const fromHost = (of: Place, to: Address): Travel => ({
  way: "host",
  of,
  bytes: (own) => data(own, to),
});
/** As a server hands on. */
const indirect = (of: Place, from: Address, own: Uint8Array) =>
  concat(origin(of.address, of.port), bubble(from, own));

const client = place(CLIENT, CLIENT_PORT);
const echo = place(ECHO, ECHO_PORT);
const relay = place(RELAY, RELAY_PORT);
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
  "to the client, under its server's address: a relay's bubble of the client's own mapping":
    toNatted(
      (own) => indirect(NATTED, "fe80::1", own),
      server,
    ),
  "the same of an echo service": toNatted((own) => indirect(echo, "fe80::1", own), server),
  "the same of a relay that knows of none": toNatted(
    (own) => indirect(relay, "fe80::1", own),
    server,
  ),
  "to the client, under its server's address: a bubble of a client at its own mapping": toNatted(
    (own) => indirect(NATTED, teredo(NATTED.address, NATTED.port, OTHER_SERVER), own),
    server,
  ),
  "the same of a client at an echo service, and at four alternate addresses": toNatted(
    (own) =>
      concat(
        indirect(echo, teredo(ECHO, ECHO_PORT, OTHER_SERVER), own),
        alternatesTrailer(NATTED, relay, server, RELAYED),
      ),
    server,
  ),
  "to the client, under an echo service's address: a native host's packet": toNatted(
    (own) => data(HOST, own),
    echo,
  ),
  "to the client: a packet of its own address": toNatted((own) => data(own, own), echo),
  "the client's host's packet for its own mapping, by another server": fromHost(
    NATTED,
    teredo(NATTED.address, NATTED.port, OTHER_SERVER),
  ),
  "the client's host's packet for its server's mapping": fromHost(NATTED, ofServer),
  "the client's host's packet for an echo service's mapping": fromHost(
    NATTED,
    teredo(ECHO, ECHO_PORT),
  ),
  "a relayed host's packet for its own mapping": fromHost(
    RELAYED,
    teredo(RELAYED.address, RELAYED.port),
  ),
  "a relayed host's packet for an echo service's mapping": fromHost(
    RELAYED,
    teredo(ECHO, ECHO_PORT),
  ),
  "a relayed host's packet for a relay's mapping": fromHost(RELAYED, teredo(RELAY, RELAY_PORT)),
  "a relay's packet for the mapping of a host that relays for itself": toIpv6(
    data(HOST, teredo(RELAYED.address, RELAYED.port)),
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
    const came = plain!.frameOf(first);
    const factor = (plain!.bytes / came).toFixed(2);
    const figures = [came, plain!.packets, plain!.bytes, factor, restricted!.packets];
    assert.deepEqual(shown(name), figures.map(String));
  });
}

test("docs/threats.md has no loop that is not played", () => {
  const named = rows.map((cells) => cells[1]!).filter((name) => !/^(-+|packet)$/.test(name));
  assert.deepEqual(named, Object.keys(LOOPS));
});

test("Network finds a loop", () => {
  const network = new Network(false);
  const forEver: Travel = { way: "udp", from: echo, to: echo, bytes: bubble(ofClient, ofClient) };
  assert.throws(() => network.play(forEver), /a loop/);
});
