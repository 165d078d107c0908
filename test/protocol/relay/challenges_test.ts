import assert from "node:assert/strict";
import test from "node:test";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import { bubble, change, ip4, packet, teredo } from "../packets.ts";
import { data, HOST, NO_GAUGES, RelayLab, tokenOf, udp } from "./lab.ts";
import { CLIENT, CLIENT_PORT, RELAY, SERVER, toHex, vector } from "../vectors.ts";

const A2 = vector("A2");
/** With Ethernet, IPv4 and UDP headers, 46 bytes, as long as two bubbles with theirs. */
const BOTH = 2 * (40 + 46) - 46;
const ANSWER = data(A2, HOST, 0xaa, BOTH - 40);

/** The relay does not know the client whose packet this is, and asks it to prove itself. */
function assertChallenged(lab: RelayLab, bytes: Uint8Array, to: readonly string[]): Uint8Array {
  const drop = lab.fromClient(bytes);
  assert.equal(DROP_NAMES[drop], "unknown_peer");
  assert.deepEqual(lab.sent.map((s) => s.to), to);
  assert.equal(lab.relay.gauges.peers, 0);
  const token = tokenOf(lab.sent);
  const hex = toHex(packet(59, token, A2, new Uint8Array(0), 0));
  for (const sent of lab.sent) assert.equal(sent.hex, hex);
  return token;
}

const DIRECT = "192.0.2.45:40000";
const INDIRECT = "65.54.227.120:3544";

test("Relay.fromUdp() asks an unknown peer both ways when it sent enough bytes (R-23)", () => {
  assertChallenged(new RelayLab(), ANSWER, [DIRECT, INDIRECT]);
  assertChallenged(new RelayLab(), data(A2, HOST, 0, 1_240), [DIRECT, INDIRECT]);
});

for (const payload of [0, 1, 40, BOTH - 41]) {
  test(`Relay.fromUdp() asks by turns for a packet of ${40 + payload} bytes (R-23)`, () => {
    const lab = new RelayLab();
    const bytes = payload === 0 ? bubble(A2, HOST) : data(A2, HOST, 0, payload);
    assertChallenged(lab, bytes, [INDIRECT]);
    assertChallenged(lab, bytes, [DIRECT]);
    assertChallenged(lab, bytes, [INDIRECT]);
    assert.equal(lab.count("bubbles_sent_challenge"), 3);
  });
}

test("Relay.fromUdp() asks each of many mappings by its server first (R-23)", () => {
  const lab = new RelayLab({ challengeRate: 1_000_000 });
  for (let i = 0; i < 10_000; i++) {
    const [address, port] = [CLIENT + (i >> 2), CLIENT_PORT + (i & 3)];
    lab.fromClient(bubble(teredo(address, port), HOST), { address, port });
    assert.deepEqual(lab.sent.map((s) => s.to), [INDIRECT], `mapping ${i}`);
  }
});

for (const server of ["10.0.0.1", "127.0.0.1", "224.0.0.1", "0.0.0.0"]) {
  test(`Relay.fromUdp() asks directly alone when the server is ${server} (R-02, R-23)`, () => {
    const client = teredo(CLIENT, CLIENT_PORT, ip4(server));
    const lab = new RelayLab();
    for (const bytes of [data(client, HOST), bubble(client, HOST), bubble(client, HOST)]) {
      lab.fromClient(bytes);
      assert.deepEqual(lab.sent.map((s) => s.to), [DIRECT]);
    }
  });
}

test("Relay.fromUdp() asks no server that is itself (S-29)", () => {
  const lab = new RelayLab({ servicePort: TEREDO_PORT });
  lab.fromClient(data(teredo(CLIENT, CLIENT_PORT, RELAY), HOST));
  assert.deepEqual(lab.sent.map((s) => s.to), [DIRECT]);
});

test("Relay.fromUdp() asks from the address that was written to (R-23)", () => {
  const lab = new RelayLab();
  lab.fromClient(ANSWER, { local: 77 });
  const asked = packet(59, tokenOf(lab.sent), A2, new Uint8Array(0), 0);
  assert.deepEqual(lab.sent, [
    udp(asked, CLIENT, CLIENT_PORT, 77),
    udp(asked, SERVER, TEREDO_PORT, 77),
  ]);
});

test("Relay.fromUdp() makes a trusted peer of who answers, and nothing of the bubble (R-23, R-24)", () => {
  const lab = new RelayLab();
  const token = assertChallenged(lab, ANSWER, [DIRECT, INDIRECT]);
  assert.equal(lab.fromClient(bubble(A2, token)), Drop.None);
  assert.deepEqual(lab.sent, []);
  assert.deepEqual(lab.relay.gauges, { ...NO_GAUGES, peers: 1, trusted: 1 });
  assert.equal(lab.fromClient(ANSWER), Drop.None);
  assert.deepEqual(lab.sent, [{ to: "ipv6", hex: toHex(ANSWER) }]);
  assert.equal(lab.fromIpv6(data(HOST, A2)), Drop.None);
  assert.deepEqual(lab.sent, [udp(data(HOST, A2), CLIENT, CLIENT_PORT, RELAY)]);
  lab.advance(299_000);
  assert.equal(lab.relay.gauges.peers, 1);
  lab.advance(1_200);
  assert.equal(lab.relay.gauges.peers, 0);
});

test("Relay.fromUdp() makes no peer of a wrong, foreign, moved or late answer (R-23)", () => {
  const lab = new RelayLab();
  const token = assertChallenged(lab, ANSWER, [DIRECT, INDIRECT]);
  const other = teredo(CLIENT, CLIENT_PORT, SERVER + 1);
  for (
    const [name, bytes, from] of [
      ["wrong", bubble(A2, change(token, 15, token[15]! ^ 2)), {}],
      ["of another address", bubble(other, token), {}],
      ["from elsewhere", bubble(A2, token), { port: CLIENT_PORT + 1 }],
      ["no bubble", data(A2, token), {}],
    ] as const
  ) {
    lab.fromClient(bytes, from);
    assert.equal(lab.relay.gauges.peers, 0, name);
  }
  lab.now += 60_000;
  lab.fromClient(bubble(A2, token));
  assert.equal(lab.relay.gauges.peers, 0, "late");
});

test("Relay.fromUdp() brings a flow back by one small packet after a restart (R-23)", () => {
  // A Miredo client answers only what comes by its server; a TCP acknowledgement has 72 bytes.
  const lab = new RelayLab();
  const acknowledgement = data(A2, HOST, 0, 32);
  const token = assertChallenged(lab, acknowledgement, [INDIRECT]);
  lab.fromClient(bubble(A2, token));
  assert.equal(lab.fromClient(acknowledgement), Drop.None);
});

test("Relay.fromUdp() answers one IPv4 address with a tenth of challengeRate, a fifth at once", () => {
  const lab = new RelayLab({ challengeRate: 100 });
  const ask = (count: number) => {
    let asked = 0;
    for (let i = 0; i < count; i++) {
      const drop = lab.fromClient(ANSWER);
      assert.equal(lab.sent.length > 0, drop === Drop.UnknownPeer);
      if (drop === Drop.UnknownPeer) asked++;
      else assert.equal(DROP_NAMES[drop], "rate_limited");
    }
    return asked;
  };
  assert.equal(ask(50), 20);
  lab.now += 1_000;
  assert.equal(ask(50), 10);
});

test("Relay.fromUdp() sends strangers at most challengeRate bubbles a second", () => {
  const lab = new RelayLab({ challengeRate: 50 });
  let sent = 0;
  for (let i = 0; i < 2_000; i++) {
    lab.now += 1; // 2 s in all
    const address = CLIENT + i;
    lab.fromClient(data(teredo(address, CLIENT_PORT), HOST), { address });
    sent += lab.sent.length;
  }
  assert.ok(sent >= 100 && sent <= 150, `${sent} bubbles`);
  assert.equal(lab.relay.gauges.peers, 0);
  assert.equal(lab.count("bubbles_sent_challenge"), sent);
});

test("Relay.fromUdp() asks nobody when challengeRate is 0", () => {
  const lab = new RelayLab({ challengeRate: 0 });
  assert.equal(lab.fromClient(ANSWER), Drop.RateLimited);
  assert.deepEqual(lab.sent, []);
});

test("Relay.fromUdp() refuses an answer when all entries are trusted and valid (R-26)", () => {
  const lab = new RelayLab({ maxPeers: 1 });
  lab.fromClient(ANSWER);
  lab.fromClient(bubble(A2, tokenOf(lab.sent)));
  const second = teredo(CLIENT, 4_000);
  lab.fromClient(data(second, HOST), { port: 4_000 });
  const answer = bubble(second, tokenOf(lab.sent));
  assert.equal(lab.fromClient(answer, { port: 4_000 }), Drop.PeerTableFull);
  assert.equal(lab.relay.gauges.peers, 1);
});
