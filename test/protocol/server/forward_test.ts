import assert from "node:assert/strict";
import test from "node:test";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { writeU32 } from "#src/protocol/wire/bytes.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { writeBubble } from "#src/protocol/wire/build.ts";
import { PRIMARY, SECONDARY } from "#src/protocol/server/contract.ts";
import { bubble, concat, icmpv6, ip4, nonceOnly, origin, teredo } from "../packets.ts";
import { assertAnswer, assertSilent, ServerLab } from "./lab.ts";
import { CLIENT, fromHex, RELAY, RELAY_PORT, SERVER, toHex, vector } from "../vectors.ts";

const ECHO_BODY = fromHex("beef 0001 1122334455667788");
const HOST = "2001:db8::1";
const SERVER_LINK_LOCAL = formatIpv6(vector("A9"));
const E1 = vector("E1");
const A2 = vector("A2");
const FROM_RELAY = { address: RELAY, port: RELAY_PORT };
const B2 = vector("B2");
const SOCKETS = [PRIMARY, SECONDARY] as const;

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

test("Server.fromUdp() forwards a relay's bubble to its client as B2, on either socket (S-07, S-14, S-15)", () => {
  const lab = new ServerLab();
  for (const socket of SOCKETS) {
    assert.equal(lab.receive(B2.subarray(8), { ...FROM_RELAY, socket }), Drop.None);
    assertAnswer(lab, toHex(B2)); // always from the primary
  }
  assert.equal(lab.count("bubbles_forwarded"), 2);
});

test("Server.fromUdp() forwards to clients of any prefix it is told, fc00::/7 included (S-11, S-14)", () => {
  const prefix = 0xfd001234;
  const lab = new ServerLab({ prefix });
  const client = Uint8Array.from(A2);
  writeU32(client, 0, prefix);
  for (const from of ["fe80::1", "2001:db8::1"]) {
    const asked = bubble(from, client);
    assert.equal(lab.receive(asked, FROM_RELAY), Drop.None);
    assertAnswer(lab, toHex(concat(origin(RELAY, RELAY_PORT), asked)));
  }
  assertSilent(lab, bubble(client, "fd00:9999::1"), Drop.DestinationScope);
});

test("Server.fromUdp() puts its own origin in the place of one that came (S-15, S-17)", () => {
  const lab = new ServerLab();
  assert.equal(lab.receive(concat(vector("O1"), B2.subarray(8)), FROM_RELAY), Drop.None);
  assertAnswer(lab, toHex(B2));
  assert.equal(
    lab.receive(concat(nonceOnly(), vector("O1"), B2.subarray(8)), FROM_RELAY),
    Drop.None,
  );
  assertAnswer(lab, toHex(B2));
});

test("Server.fromUdp() gives clients of another server no origin indication (S-06, S-15)", () => {
  const lab = new ServerLab();
  const toOther = bubble(A2, vector("A5"));
  for (const datagram of [toOther, concat(vector("O1"), toOther), concat(nonceOnly(), toOther)]) {
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
    const datagram of [
      E1,
      concat(nonceOnly(), vector("O1"), E1),
      concat(E1, fromHex("0104deadbeef")),
    ]
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

test("Server.fromUdp() lets our own address through on other ports: a relay may live beside us (S-28, S-30)", () => {
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

test("Server.fromUdp() forwards no more to one IPv4 address than forwardRate, whoever asks (S-31)", () => {
  const lab = new ServerLab({ forwardRate: 100 });
  const forward = (count: number, now: number, mapped = CLIENT) => {
    let forwarded = 0;
    for (let i = 0; i < count; i++) {
      // Another sender, another port, another kind of message: the victim is the same.
      const client = teredo(mapped, 1 + i, i % 2 === 0 ? SERVER : SERVER + 9);
      const message = i % 3 === 0 ? bubble(HOST, client) : icmpv6(128, HOST, client, ECHO_BODY);
      const drop = lab.receive(i % 2 === 0 ? message : bubble(teredo(RELAY + i, 9), client), {
        address: RELAY + i,
        port: 9,
        now,
      });
      if (drop === Drop.None) forwarded++;
      else assert.equal(DROP_NAMES[drop], "rate_limited");
    }
    return forwarded;
  };
  assert.equal(forward(300, 0), 100);
  assert.equal(forward(50, 0, CLIENT + 1), 50);
  assert.equal(forward(300, 500), 50);
});
