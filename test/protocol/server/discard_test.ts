import assert from "node:assert/strict";
import test from "node:test";
import { Drop } from "#src/protocol/drops.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import {
  bubble,
  change,
  concat,
  fixChecksum,
  icmpv6,
  ip4,
  nonceOnly,
  origin,
  packet,
  teredo,
} from "../packets.ts";
import { assertSilent, type From, ServerLab } from "./lab.ts";
import {
  CLIENT,
  CLIENT_PORT,
  fromHex,
  RELAY,
  RELAY_PORT,
  SECONDARY_SERVER,
  SERVER,
  vector,
} from "../vectors.ts";

const ECHO_BODY = fromHex("beef 0001 1122334455667788");
const HOST = "2001:db8::1";
const SERVER_LINK_LOCAL = formatIpv6(vector("A9"));
const R1 = vector("R1");
const R4 = vector("R4");
const E1 = vector("E1");
const A2 = vector("A2");
const EMPTY = new Uint8Array(0);

const SILENT: readonly {
  row: string;
  what: string;
  datagram: Uint8Array;
  from?: From;
  drop: Drop;
}[] = [
  { row: "S-02 N8", what: "an empty datagram", datagram: EMPTY, drop: Drop.Truncated },
  { row: "S-02 N8", what: "39 bytes", datagram: vector("B1").slice(0, 39), drop: Drop.Truncated },
  {
    row: "S-02 N8",
    what: "payload length 1 in 40 bytes",
    datagram: change(vector("B1"), 5, 1),
    drop: Drop.BadLength,
  },
  {
    row: "S-02 N8",
    what: "first bytes 00 02",
    datagram: concat(fromHex("0002"), vector("B1")),
    drop: Drop.NotTeredo,
  },
  {
    row: "S-02 N8",
    what: "an authentication with ID-len 255 in 20 bytes",
    datagram: concat(fromHex("0001ff00"), new Uint8Array(16)),
    drop: Drop.Truncated,
  },
  {
    row: "S-02 N8",
    what: "an origin indication cut at 7 bytes",
    datagram: vector("O1").slice(0, 7),
    drop: Drop.Truncated,
  },
  { row: "S-02", what: "IPv4", datagram: change(vector("B1"), 0, 0x45), drop: Drop.NotIpv6 },
  {
    row: "S-02 S-17",
    what: "an origin indication before the authentication",
    datagram: concat(origin(CLIENT, CLIENT_PORT), nonceOnly(), R1),
    drop: Drop.NotTeredo,
  },
  ...[[17, "UDP"], [6, "TCP"], [44, "a fragment"], [0, "hop-by-hop options"]].map(([nh, what]) => ({
    row: "S-03",
    what: String(what),
    datagram: packet(Number(nh), A2, HOST, new Uint8Array(8)),
    drop: Drop.NotBubbleOrIcmpv6,
  })),
  {
    row: "S-03",
    what: "next header 59 with a payload",
    datagram: packet(59, A2, HOST, new Uint8Array(8)),
    drop: Drop.NotBubbleOrIcmpv6,
  },
  {
    row: "S-03",
    what: "ICMPv6 without room for its header",
    datagram: packet(58, "fe80::1", "ff02::2", fromHex("850000")),
    drop: Drop.NotBubbleOrIcmpv6,
  },
  ...["10.1.2.3", "127.0.0.1", "192.88.99.1", "224.0.0.1", "0.0.0.0", "255.255.255.255"].map((
    address,
  ) => ({
    row: "S-04 S-22 N3",
    what: `a solicitation from ${address}`,
    datagram: R1,
    from: { address: ip4(address) },
    drop: Drop.SourceNotGlobal,
  })),
  {
    row: "S-04",
    what: "a solicitation from port 0, where no answer can go",
    datagram: R1,
    from: { port: 0 },
    drop: Drop.SourceNotGlobal,
  },
  {
    row: "S-04 S-09",
    what: "a packet with a wrong IPv4 source and a wrong destination: the source counts",
    datagram: bubble(A2, "ff02::1"),
    from: { address: ip4("10.0.0.1") },
    drop: Drop.SourceNotGlobal,
  },
  {
    row: "S-08 N4",
    what: "E1 from another port",
    datagram: E1,
    from: { port: 40_001 },
    drop: Drop.SourceMismatch,
  },
  {
    row: "S-08",
    what: "E1 from another address",
    datagram: E1,
    from: { address: CLIENT + 1 },
    drop: Drop.SourceMismatch,
  },
  {
    row: "S-08 N7",
    what: "a native source to a client of another server",
    datagram: bubble("2001:db8::1", vector("A5")),
    drop: Drop.NotAccepted,
  },
  {
    row: "S-08",
    what: "a native source to a native destination",
    datagram: icmpv6(128, "2001:db8::1", "2001:db8::2"),
    drop: Drop.NotAccepted,
  },
  {
    row: "S-05 S-08",
    what: "a link-local source to ff02::2 with an echo request",
    datagram: icmpv6(128, "fe80::1", "ff02::2", ECHO_BODY),
    drop: Drop.NotAccepted,
  },
  {
    row: "S-05 S-08",
    what: "a solicitation to our link-local address from a link-local one",
    datagram: icmpv6(133, "fe80::1", SERVER_LINK_LOCAL, new Uint8Array(4), 255),
    drop: Drop.NotAccepted,
  },
  ...["::", "::1", "ff02::1", SERVER_LINK_LOCAL].map((source) => ({
    row: "S-07",
    what: `a bubble to our client from ${source}, which nobody else can have`,
    datagram: bubble(source, A2),
    from: { address: RELAY, port: RELAY_PORT },
    drop: Drop.SourceScope,
  })),
  ...["fe80::1", "ff02::1", "::", "::1", "ff0e::1", "fec0::1", "fd00::1", "::ffff:192.0.2.1"].map((
    destination,
  ) => ({
    row: "S-11 N6",
    what: `a bubble from a client to ${destination}`,
    datagram: bubble(A2, destination),
    drop: Drop.DestinationScope,
  })),
  {
    row: "S-10",
    what: "a bubble to ff02::2",
    datagram: bubble(A2, "ff02::2"),
    drop: Drop.NotHandled,
  },
  {
    row: "S-10",
    what: "an echo request to our link-local address with code 1",
    datagram: icmpv6(128, A2, SERVER_LINK_LOCAL, ECHO_BODY, 64, 1),
    drop: Drop.NotHandled,
  },
  {
    row: "S-10",
    what: "an echo reply to our link-local address",
    datagram: icmpv6(129, A2, SERVER_LINK_LOCAL, ECHO_BODY),
    drop: Drop.NotHandled,
  },
  {
    row: "S-10",
    what: "an echo request to our link-local address with a wrong checksum",
    datagram: change(icmpv6(128, A2, SERVER_LINK_LOCAL, ECHO_BODY), 55, 0),
    drop: Drop.BadChecksum,
  },
  {
    row: "S-10 S-18",
    what: "a long echo request to our link-local address",
    datagram: icmpv6(128, A2, SERVER_LINK_LOCAL, new Uint8Array(85)),
    drop: Drop.Icmpv6TooLarge,
  },
  ...["192.168.1.1", "0.0.0.0", "10.0.0.1", "192.88.99.1", "239.255.255.255"].map((mapped) => ({
    row: "S-13 N5",
    what: `a bubble to a Teredo address of ${mapped}`,
    datagram: bubble(A2, teredo(ip4(mapped), 4096)),
    drop: Drop.MappedAddressNotGlobal,
  })),
  {
    row: "S-13 S-28",
    what: "a bubble to a Teredo address of port 0",
    datagram: bubble(A2, teredo(RELAY, 0)),
    drop: Drop.MappedAddressNotGlobal,
  },
  {
    row: "S-18",
    what: "89 bytes of ICMPv6 for a client",
    datagram: icmpv6(128, A2, vector("A5"), new Uint8Array(85)),
    drop: Drop.Icmpv6TooLarge,
  },
  {
    row: "S-18",
    what: "89 bytes of ICMPv6 for the Internet",
    datagram: icmpv6(128, A2, HOST, new Uint8Array(85)),
    drop: Drop.Icmpv6TooLarge,
  },
  {
    row: "S-18",
    what: "a bubble that carries data in its trailers",
    datagram: concat(bubble(A2, vector("A5")), new Uint8Array(89)),
    drop: Drop.TrailersTooLong,
  },
  {
    row: "S-27 N1",
    what: "R1 with hop limit 254",
    datagram: change(R1, 7, 254),
    drop: Drop.BadHopLimit,
  },
  {
    row: "S-27 N1",
    what: "R1 with its checksum off by one",
    datagram: change(R1, 43, R1[43]! + 1),
    drop: Drop.BadChecksum,
  },
  {
    row: "S-27 N1",
    what: "R1 with code 1",
    datagram: fixChecksum(change(R1, 41, 1)),
    drop: Drop.BadSolicitation,
  },
  {
    row: "S-27",
    what: "a solicitation of 7 bytes",
    datagram: icmpv6(133, "fe80::1", "ff02::2", new Uint8Array(3), 255),
    drop: Drop.BadSolicitation,
  },
  {
    row: "S-27 N2",
    what: "R4 with option length 0",
    datagram: fixChecksum(change(R4, 62, 0), 13),
    drop: Drop.BadSolicitation,
  },
  {
    row: "S-27",
    what: "R4 with an option past the end",
    datagram: fixChecksum(change(R4, 62, 3), 13),
    drop: Drop.BadSolicitation,
  },
  {
    row: "S-27",
    what: "a solicitation with half an option",
    datagram: icmpv6(133, "fe80::1", "ff02::2", fromHex("00000000 01010000"), 255),
    drop: Drop.BadSolicitation,
  },
  {
    row: "S-27",
    what: "a solicitation longer than the tunnel's MTU",
    datagram: icmpv6(
      133,
      "fe80::1",
      "ff02::2",
      concat(new Uint8Array(4), ...Array(155).fill(fromHex("0e01000000000000"))),
      255,
    ),
    drop: Drop.BadSolicitation,
  },
  ...[SERVER, SECONDARY_SERVER].map((own) => ({
    row: "S-28 S-29 N15",
    what: "a packet of our own that came back",
    datagram: bubble(teredo(own, 3544), teredo(own, 3544)),
    from: { address: own, port: 3544 },
    drop: Drop.OwnAddress,
  })),
  {
    row: "S-03",
    what: "a packet with a routing header (RFC 6169 §2.3)",
    datagram: packet(43, A2, HOST, concat(Uint8Array.of(58, 2, 0, 1, 0, 0, 0, 0), A2)),
    drop: Drop.NotBubbleOrIcmpv6,
  },
  ...[["a client", A2], ["a stranger", "fe80::1"]].map(([who, source]) => ({
    row: "S-28 S-29",
    what: `a bubble of ${who} back to where it came from, as an echo service sends it`,
    datagram: bubble(source!, A2),
    drop: Drop.OwnAddress,
  })),
  ...[SERVER, SECONDARY_SERVER].flatMap((own) =>
    [SERVER, RELAY].map((server) => ({
      row: "S-28 S-29",
      what: "a bubble to a Teredo address that embeds one of ours",
      datagram: bubble(A2, teredo(own, 3544, server)),
      drop: Drop.OwnAddress,
    }))
  ),
];

for (const { row, what, datagram, from, drop } of SILENT) {
  test(`Server.fromUdp() silently discards ${what} (${row})`, () => {
    assertSilent(new ServerLab(), datagram, drop, from);
  });
}

test("Server.fromUdp() refuses later-reserved addresses only when told to (S-04, S-13)", () => {
  const strict = new ServerLab({ refuseReserved: true });
  assertSilent(strict, R1, Drop.SourceNotGlobal);
  const from = { address: ip4("1.2.3.4"), port: 1 };
  const source = teredo(ip4("1.2.3.4"), 1);
  assertSilent(strict, bubble(source, teredo(CLIENT, 1)), Drop.MappedAddressNotGlobal, from);
  assert.equal(new ServerLab().receive(R1), Drop.None);
});
