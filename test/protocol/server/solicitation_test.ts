import assert from "node:assert/strict";
import test from "node:test";
import { Drop } from "#src/protocol/drops.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { PRIMARY, SECONDARY } from "#src/protocol/server/contract.ts";
import { bubble, change, concat, icmpv6 } from "../packets.ts";
import { ALICE, assertAnswer, assertSilent, ServerLab } from "./lab.ts";
import { fromHex, NONCE, RELAY, toHex, vector } from "../vectors.ts";

const SERVER_LINK_LOCAL = formatIpv6(vector("A9"));
const R1 = vector("R1");
const R4 = vector("R4");
const A2 = vector("A2");
const SOCKETS = [PRIMARY, SECONDARY] as const;

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
  assert.equal(lab.count("solicitations_cone"), 2, "by both addresses");
  assert.equal(lab.count("solicitations_secondary"), 1);
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

const EMBEDDING_NOTHING = [["R5", "fe80::ffff:ffff:ffff"], ["R6", "fe80::ffff:ffff:fffe"]] as const;

for (const [id, source] of EMBEDDING_NOTHING) {
  test(`Server.fromUdp() answers ${id}, whose source embeds nothing (S-23, S-34, P2)`, () => {
    const lab = new ServerLab();
    assert.equal(lab.receive(vector(id)), Drop.None);
    const [answer] = lab.sent;
    assert.ok(answer?.to === "udp" && answer.socket === PRIMARY);
    const bytes = fromHex(answer.hex);
    assert.equal(formatIpv6(bytes, 8 + 8), SERVER_LINK_LOCAL);
    assert.equal(formatIpv6(bytes, 8 + 24), source);
  });
}

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

test("Server.fromUdp() takes no client identifier for one that is empty (S-25)", () => {
  const lab = new ServerLab({ secrets: [{ ...ALICE, clientId: new Uint8Array(0) }] });
  assert.equal(lab.receive(vector("R3")), Drop.None);
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
