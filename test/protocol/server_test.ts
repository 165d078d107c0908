import assert from "node:assert/strict";
import test from "node:test";
import { writeAuthentication, writeBubble, writeOrigin } from "#src/protocol/build.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { parseIpv4 } from "#src/protocol/ipv4.ts";
import { formatIpv6 } from "#src/protocol/ipv6.ts";
import { PRIMARY, SECONDARY } from "#src/protocol/server_contract.ts";
import { SERVICE_PREFIX, toBytes } from "#src/protocol/teredo_address.ts";
import { concat, fixChecksum, icmpv6, packet } from "./packets.ts";
import { ALICE, type From, ServerLab } from "./server_lab.ts";
import {
  CLIENT,
  CLIENT_PORT,
  fromHex,
  NONCE,
  RELAY,
  RELAY_PORT,
  SECONDARY_SERVER,
  SERVER,
  toHex,
  vector,
} from "./vectors.ts";

const ip4 = (text: string) => parseIpv4(text)!;
const SOCKETS = [PRIMARY, SECONDARY] as const;
const EMPTY = new Uint8Array(0);
const ECHO_BODY = fromHex("beef 0001 1122334455667788");
const HOST = "2001:db8::1";
const SERVER_LINK_LOCAL = formatIpv6(vector("A9"));

/** A Teredo address of a client of `server`. */
const teredo = (mappedAddress: number, mappedPort: number, server = SERVER) =>
  toBytes({
    prefix: SERVICE_PREFIX,
    serverAddress: server,
    flags: 0,
    mappedAddress,
    mappedPort,
  });

const bubble = (from: string | Uint8Array, to: string | Uint8Array) => packet(59, from, to);
const change = (bytes: Uint8Array, at: number, value: number) => {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
};
const nonceOnly = (() => {
  const b = new Uint8Array(13);
  writeAuthentication(b, 0, EMPTY, EMPTY, NONCE, 0, 0);
  return b;
})();
const origin = (address: number, port: number) => {
  const b = new Uint8Array(8);
  writeOrigin(b, 0, address, port);
  return b;
};

/** The packet is discarded for exactly this reason, counted once, and nobody hears of it. */
function assertSilent(lab: ServerLab, datagram: Uint8Array, reason: Drop, from: From = {}) {
  const before = lab.drops(reason);
  const allBefore = lab.allDrops;
  const drop = lab.receive(datagram, from);
  assert.equal(DROP_NAMES[drop], DROP_NAMES[reason]);
  assert.deepEqual(lab.sent, []);
  assert.equal(lab.drops(reason), before + 1);
  assert.equal(lab.allDrops, allBefore + 1);
}

/** Exactly one datagram goes to the client of the vectors, or to `to`. */
function assertAnswer(
  lab: ServerLab,
  hex: string,
  socket: typeof PRIMARY | typeof SECONDARY = PRIMARY,
  address = CLIENT,
  port = CLIENT_PORT,
) {
  assert.deepEqual(lab.sent, [{ to: "udp", socket, hex, address, port }]);
}

// ---- Discarded -----------------------------------------------------------------------------

const R1 = vector("R1");
const R4 = vector("R4");
const E1 = vector("E1");
const A2 = vector("A2");

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
    datagram: concat(origin(CLIENT, CLIENT_PORT), nonceOnly, R1),
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

// ---- Router solicitations --------------------------------------------------------------------

test("Server.fromUdp() answers cone from the other address, else from the same (S-20, S-21, S-19)", () => {
  const lab = new ServerLab();
  for (const [id, answer] of [["R1", "M1"], ["R2", "M2"]] as const) {
    for (const socket of SOCKETS) {
      assert.equal(lab.receive(vector(id), { socket }), Drop.None);
      const other = socket === PRIMARY ? SECONDARY : PRIMARY;
      assertAnswer(lab, toHex(vector(answer)), id === "R1" ? other : socket);
    }
  }
  assert.equal(lab.count("solicitations_received"), 4);
  assert.equal(lab.count("advertisements_sent"), 4);
  assert.equal(lab.allDrops, 0);
});

test("Server.fromUdp() returns a nonce after R3, in the right order, and none after R2 (S-17, S-25)", () => {
  const lab = new ServerLab();
  assert.equal(lab.receive(vector("R3")), Drop.None);
  assertAnswer(lab, toHex(vector("M3")));
  assert.equal(lab.receive(vector("R2")), Drop.None);
  assertAnswer(lab, toHex(vector("M2"))); // Miredo would send eight bytes of its stack here
});

test("Server.fromUdp() skips the options of R4 (S-27, P1)", () => {
  const lab = new ServerLab();
  assert.equal(lab.receive(R4), Drop.None);
  assertAnswer(lab, toHex(concat(vector("H1"), vector("M1"))), SECONDARY);
});

test("Server.fromUdp() answers R5, whose source embeds nothing (S-23, S-34, P2)", () => {
  const lab = new ServerLab();
  assert.equal(lab.receive(vector("R5")), Drop.None);
  const [answer] = lab.sent;
  assert.ok(answer?.to === "udp" && answer.socket === PRIMARY);
  const bytes = fromHex(answer.hex);
  assert.equal(formatIpv6(bytes, 8 + 8), SERVER_LINK_LOCAL);
  assert.equal(formatIpv6(bytes, 8 + 24), "fe80::ffff:ffff:ffff");
});

test("Server.fromUdp() encodes a mapped port 65535 as 0000 (P8)", () => {
  const lab = new ServerLab();
  assert.equal(lab.receive(vector("R2"), { address: RELAY, port: 65_535 }), Drop.None);
  const want = toHex(concat(vector("O4"), vector("M2").subarray(8)));
  assertAnswer(lab, want, PRIMARY, RELAY, 65_535);
});

test("Server.fromUdp() advertises the configured prefix, address and MTU (S-19, S-33)", () => {
  const lab = new ServerLab({ prefix: 0x3ffe831f, serverAddress: RELAY, mtu: 1400 });
  lab.receive(vector("R2"));
  const [answer] = lab.sent;
  assert.ok(answer !== undefined);
  const ra = fromHex(answer.hex).subarray(8);
  assert.equal(formatIpv6(ra, 40 + 16 + 16), "3ffe:831f:cb00:7109::");
  assert.equal(toHex(ra, 40 + 16 + 32), "0501000000000578");
});

test("Server.fromUdp() answers a solicitation that a client sends from its Teredo address (S-10)", () => {
  for (const destination of ["ff02::2", SERVER_LINK_LOCAL]) {
    const lab = new ServerLab();
    assert.equal(
      lab.receive(icmpv6(133, A2, destination, new Uint8Array(4), 255)),
      Drop.None,
    );
    assert.equal(lab.count("advertisements_sent"), 1);
  }
});

test("Server.fromUdp() limits solicitations by IPv4 source (S-31)", () => {
  const lab = new ServerLab({ solicitationRate: 1, solicitationBurst: 3 });
  for (let i = 0; i < 3; i++) assert.equal(lab.receive(R1, { now: i }), Drop.None);
  assertSilent(lab, R1, Drop.RateLimited, { now: 3 });
  assertSilent(lab, R1, Drop.RateLimited, { now: 4, port: 1 }); // by address, not by port
  assert.equal(lab.receive(R1, { now: 5, address: RELAY }), Drop.None);
  assert.equal(lab.receive(R1, { now: 1_000 }), Drop.None);
  assertSilent(lab, R1, Drop.RateLimited, { now: 1_001 });
  assert.equal(lab.count("solicitations_received"), 8);
  assert.equal(lab.count("advertisements_sent"), 5);
});

test("Server.fromUdp() takes no token for a solicitation that it would not answer (S-31)", () => {
  const lab = new ServerLab({ solicitationRate: 1, solicitationBurst: 1 });
  for (let i = 0; i < 10; i++) assertSilent(lab, change(R1, 7, 254), Drop.BadHopLimit);
  assert.equal(lab.receive(R1), Drop.None);
});

// ---- Secure qualification ----------------------------------------------------------------------

const SECURE = { requireAuthentication: true, secrets: [ALICE] };

test("Server.fromUdp() answers X1 with X2, and with X3 when the key has expired (S-05, S-24)", () => {
  for (const [valid, answer] of [[true, "X2"], [false, "X3"]] as const) {
    for (const requireAuthentication of [true, false]) {
      const lab = new ServerLab({ requireAuthentication, secrets: [{ ...ALICE, valid }] });
      assert.equal(lab.receive(vector("X1")), Drop.None);
      assertAnswer(lab, toHex(vector(answer)));
    }
  }
});

test("Server.fromUdp() discards what lacks the authentication it requires (S-05)", () => {
  const lab = new ServerLab(SECURE);
  assertSilent(lab, vector("R2"), Drop.AuthenticationMissing);
  assertSilent(lab, vector("R3"), Drop.AuthenticationMissing);
  assertSilent(lab, change(vector("X1"), 4, 0x41), Drop.AuthenticationFailed); // "Alice"
  const noValue = concat(fromHex("00010500"), ALICE.clientId, NONCE, fromHex("00"), vector("R2"));
  assertSilent(lab, noValue, Drop.AuthenticationFailed);
  // Only solicitations need it: bubbles pass.
  assert.equal(lab.receive(bubble(A2, vector("A5"))), Drop.None);
});

test("Server.fromUdp() holds a client it knows to its key also where none is required (S-24)", () => {
  const lab = new ServerLab({ secrets: [ALICE] });
  assertSilent(lab, change(vector("X1"), 10, 0), Drop.AuthenticationFailed);
  assert.equal(lab.receive(vector("R2")), Drop.None);
  assertAnswer(lab, toHex(vector("M2")));
  assert.equal(lab.receive(vector("R3")), Drop.None);
  assertAnswer(lab, toHex(vector("M3")));
});

test("Server.fromUdp() answers X1 with the nonce alone when it has no secrets (S-26)", () => {
  const lab = new ServerLab();
  assert.equal(lab.receive(vector("X1")), Drop.None);
  assertAnswer(lab, toHex(vector("M3")));
});

test("Server.fromUdp() finds each of many clients by its identifier (S-24)", () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  const others = Array.from({ length: 500 }, (_, i) => ({
    clientId: encode(`client-${i}`),
    key: encode(`key-${i}`),
    valid: true,
  }));
  const lab = new ServerLab({ requireAuthentication: true, secrets: [...others, ALICE] });
  assert.equal(lab.receive(vector("X1")), Drop.None);
  assertAnswer(lab, toHex(vector("X2")));
});

test("Server.fromUdp() discards X1 with any one byte changed (S-05, N12)", () => {
  const lab = new ServerLab(SECURE);
  const x1 = vector("X1");
  for (let at = 0; at < x1.length; at++) {
    for (const bit of [0x01, 0x10, 0x80]) {
      assert.notEqual(lab.receive(change(x1, at, x1[at]! ^ bit)), Drop.None, `byte ${at}`);
      assert.deepEqual(lab.sent, []);
    }
  }
});

test("Server.fromUdp() covers an origin indication in a solicitation (S-05, N12)", () => {
  const lab = new ServerLab(SECURE);
  const x1 = vector("X1");
  const header = x1.length - vector("R2").length;
  const inserted = concat(x1.slice(0, header), vector("O1"), x1.slice(header));
  assertSilent(lab, inserted, Drop.AuthenticationFailed);
});

test("Server.fromUdp() discards R4 with any one byte of its packet changed (S-27)", () => {
  const lab = new ServerLab();
  for (let at = 17; at < R4.length; at++) { // nothing covers the traffic class and the flow label
    for (let bit = 1; bit < 256; bit <<= 1) {
      assert.notEqual(lab.receive(change(R4, at, R4[at]! ^ bit)), Drop.None, `byte ${at}`);
      assert.deepEqual(lab.sent, []);
    }
  }
});

// ---- Processed here: echo ------------------------------------------------------------------------

for (const destination of [SERVER_LINK_LOCAL, "ff02::2"]) {
  for (const socket of SOCKETS) {
    test(`Server.fromUdp() answers an echo request to ${destination} from socket ${socket} (S-10)`, () => {
      const lab = new ServerLab();
      assert.equal(
        lab.receive(icmpv6(128, A2, destination, ECHO_BODY), { socket }),
        Drop.None,
      );
      const reply = icmpv6(129, SERVER_LINK_LOCAL, A2, ECHO_BODY, 255);
      assertAnswer(lab, toHex(reply), socket);
      assert.equal(lab.count("echoes_answered"), 1);
    });
  }
}

// ---- Forwarded -----------------------------------------------------------------------------------

const FROM_RELAY = { address: RELAY, port: RELAY_PORT };
const B2 = vector("B2");

test("Server.fromUdp() forwards a relay's bubble to its client as B2, on either socket (S-07, S-14, S-15)", () => {
  const lab = new ServerLab();
  for (const socket of SOCKETS) {
    assert.equal(lab.receive(B2.subarray(8), { ...FROM_RELAY, socket }), Drop.None);
    assertAnswer(lab, toHex(B2)); // always from the primary
  }
  assert.equal(lab.count("bubbles_forwarded"), 2);
});

test("Server.fromUdp() puts its own origin in the place of one that came (S-15, S-17)", () => {
  const lab = new ServerLab();
  assert.equal(lab.receive(concat(vector("O1"), B2.subarray(8)), FROM_RELAY), Drop.None);
  assertAnswer(lab, toHex(B2));
  assert.equal(lab.receive(concat(nonceOnly, vector("O1"), B2.subarray(8)), FROM_RELAY), Drop.None);
  assertAnswer(lab, toHex(B2));
});

test("Server.fromUdp() gives clients of another server no origin indication (S-06, S-15)", () => {
  const lab = new ServerLab();
  const toOther = bubble(A2, vector("A5"));
  for (const datagram of [toOther, concat(vector("O1"), toOther), concat(nonceOnly, toOther)]) {
    assert.equal(lab.receive(datagram), Drop.None);
    assertAnswer(lab, toHex(toOther), PRIMARY, ip4("192.0.2.1"), 4096);
  }
});

test("Server.fromUdp() keeps the trailers of T6 behind an origin indication (S-16, P3, P4)", () => {
  const server = ip4("203.0.113.120");
  const lab = new ServerLab({ serverAddress: server, ownAddresses: [server] });
  const from = { address: ip4("192.0.2.10"), port: 8192 };
  for (const id of ["B1", "T6", "T7", "T8", "T9", "T10"]) {
    assert.equal(lab.receive(vector(id), from), Drop.None);
    const want = concat(origin(from.address, from.port), vector(id));
    assertAnswer(lab, toHex(want), PRIMARY, ip4("192.0.2.1"), 4096);
  }
  assert.equal(lab.count("bubbles_forwarded"), 6);
});

test("Server.fromUdp() forwards B3 and B2 with hop limit 0 unchanged (S-12, P3)", () => {
  const lab = new ServerLab();
  const bubbleToHost = new Uint8Array(40);
  writeBubble(bubbleToHost, 0, A2, 0, fromHex("20010db8000000000000000000000001"), 0);
  assert.equal(lab.receive(bubbleToHost), Drop.None);
  assert.deepEqual(lab.sent, [{ to: "ipv6", hex: toHex(bubbleToHost) }]);
  assert.equal(lab.receive(B2.subarray(8), FROM_RELAY), Drop.None);
  assertAnswer(lab, toHex(B2));
});

test("Server.fromUdp() hands E1 to the IPv6 Internet as it is (S-06, S-12)", () => {
  const lab = new ServerLab();
  for (
    const datagram of [E1, concat(nonceOnly, vector("O1"), E1), concat(E1, fromHex("0104deadbeef"))]
  ) {
    assert.equal(lab.receive(datagram), Drop.None);
    assert.deepEqual(lab.sent, [{ to: "ipv6", hex: toHex(E1) }]);
  }
  assert.equal(lab.count("native_forwarded"), 3);
});

test("Server.fromUdp() takes A3 and A4 like A2, and A1 too (S-06, P6)", () => {
  for (const id of ["A1", "A2", "A3", "A4"]) {
    const lab = new ServerLab();
    const echo = icmpv6(128, vector(id), HOST, ECHO_BODY);
    assert.equal(lab.receive(echo), Drop.None);
    assert.deepEqual(lab.sent, [{ to: "ipv6", hex: toHex(echo) }]);
    const toClient = bubble("fe80::1", vector(id));
    assert.equal(lab.receive(toClient, FROM_RELAY), Drop.None);
    assertAnswer(lab, toHex(concat(B2.subarray(0, 8), toClient)));
  }
});

test("Server.fromUdp() forwards ICMPv6 up to 88 bytes and trailers up to 88 (S-18)", () => {
  const lab = new ServerLab();
  const echo = icmpv6(128, A2, vector("A5"), new Uint8Array(84));
  assert.equal(lab.receive(echo), Drop.None);
  assertAnswer(lab, toHex(echo), PRIMARY, ip4("192.0.2.1"), 4096);
  assert.equal(lab.count("icmpv6_forwarded"), 1);
  const native = icmpv6(128, A2, HOST, new Uint8Array(84));
  assert.equal(lab.receive(native), Drop.None);
  assert.equal(lab.receive(concat(bubble(A2, vector("A5")), new Uint8Array(88))), Drop.None);
  const wide = new ServerLab({ icmpMaxLength: 1240 });
  assert.equal(wide.receive(icmpv6(128, A2, HOST, new Uint8Array(1236))), Drop.None);
  assertSilent(wide, icmpv6(128, A2, HOST, new Uint8Array(1237)), Drop.Icmpv6TooLarge);
});

test("Server.fromUdp() lets our own address through on other ports: a relay may live beside us (S-28)", () => {
  const lab = new ServerLab();
  const from = { address: SERVER, port: RELAY_PORT };
  assert.equal(lab.receive(B2.subarray(8), from), Drop.None);
  assertAnswer(lab, toHex(concat(origin(SERVER, RELAY_PORT), B2.subarray(8))));
});

test("two servers that know nothing of each other's past answer alike (S-00)", () => {
  const first = new ServerLab();
  for (const id of ["R1", "R3"]) first.receive(vector(id));
  const fresh = new ServerLab();
  for (const lab of [first, fresh]) {
    assert.equal(lab.receive(B2.subarray(8), FROM_RELAY), Drop.None);
    assertAnswer(lab, toHex(B2));
  }
});
