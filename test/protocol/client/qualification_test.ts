import assert from "node:assert/strict";
import test from "node:test";
import type { ClientState, NatKind } from "#src/protocol/client/contract.ts";
import { Drop } from "#src/protocol/drops.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { flagsOf, RANDOM_FLAGS, readTeredoAddress } from "#src/protocol/wire/teredo_address.ts";
import { change, concat, ip4 } from "../packets.ts";
import { ALICE, hmacSha1 } from "../server/lab.ts";
import { CLIENT_PORT, SECONDARY_SERVER, SERVER, toHex, vector } from "../vectors.ts";
import {
  advertisement,
  assertDrop,
  ClientLab,
  data,
  endOf,
  HOST,
  MAPPED_AT,
  SERVER_AT,
} from "./lab.ts";

const SECOND = 1_000;
const SECONDARY_AT = { address: SECONDARY_SERVER, port: 3_544 };

const state = (lab: ClientLab): ClientState => lab.client.status().state;

test("Client.start() solicits with cone bit 0 and a nonce, and tells nothing of us (C-10, C-11, C-13)", () => {
  const lab = new ClientLab().start();
  assert.equal(state(lab), "probing");
  const [asked] = lab.sent;
  assert.equal(lab.sent.length, 1);
  assert.equal(asked!.to, endOf(SERVER_AT));
  assert.equal(toHex(asked!.bytes.slice(0, 4)), "00010000");
  assert.equal(formatIpv6(asked!.bytes, 13 + 8), "fe80::ffff:ffff:ffff");
});

test("Client.start() draws another nonce for each server and each time (C-18)", () => {
  const nonces = new Set<string>();
  for (const servers of [1, 2]) {
    const list = [0, 1].slice(0, servers).map((i) => ({
      primary: SERVER + 4 * i,
      secondary: SERVER + 4 * i + 1,
    }));
    const lab = new ClientLab({ servers: list }).start();
    lab.advance(60 * SECOND);
    for (const { bytes } of lab.sent) nonces.add(toHex(bytes, 4, 8));
  }
  assert.ok(nonces.size >= 6, `${nonces.size} nonces`);
});

test("Client.tick() waits 4 s, three times, and repeats within each (C-11)", () => {
  const lab = new ClientLab().start();
  const start = lab.now;
  lab.advance(12 * SECOND);
  const times = lab.sentTo(SERVER_AT).map(({ at }) => at - start);
  assert.deepEqual(times, [1_000, 2_500, 4_000, 5_000, 6_500, 8_000, 9_000, 10_500]);
  assert.equal(state(lab), "offline");
});

test("Client.tick() goes on asking when all is silent, less and less often (C-11)", () => {
  const lab = new ClientLab().start();
  lab.advance(12 * SECOND);
  const starts = [lab.now];
  lab.advance(400 * SECOND);
  let last = lab.now;
  for (const { at } of lab.sent) {
    if (at - last !== 1_000 && at - last !== 1_500) starts.push(at);
    last = at;
  }
  for (const [i, pause] of [5, 10, 20, 40, 80, 100].entries()) {
    const waited = (starts[i + 1]! - starts[i]!) / SECOND;
    assert.ok(waited >= 0.75 * pause && waited < 1.25 * pause, `${waited} s, not ${pause}`);
  }
});

test("Client.fromUdp() takes an advertisement, and has an address after one round trip (C-14, C-16)", () => {
  const lab = new ClientLab().start();
  assertDrop(lab.advertise(lab.solicitationTo(SERVER)), Drop.None);
  assert.equal(state(lab), "qualified");
  const address = readTeredoAddress(lab.address);
  assert.equal(address.serverAddress, SERVER);
  assert.deepEqual(
    { address: address.mappedAddress, port: address.mappedPort },
    MAPPED_AT,
  );
  assert.equal(flagsOf(lab.address, 0) & ~RANDOM_FLAGS, 0, "C, z, U and G are 0");
  assert.deepEqual(lab.sent.map((it) => it.to), [endOf(SECONDARY_AT)]);
});

test("Client.fromUdp() draws the address's 12 random bits, which differ from client to client (C-16)", () => {
  const seen = new Set<number>();
  for (let port = 1; port <= 8; port++) {
    const lab = new ClientLab().qualify({ ...MAPPED_AT, port });
    for (let i = 0; i < port; i++) lab.advance(40 * SECOND);
    lab.start().advertise(lab.solicitationTo(SERVER), { ...MAPPED_AT, port: 100 + port });
    seen.add(flagsOf(lab.address, 0));
  }
  assert.ok(seen.size > 1);
});

interface Refused {
  readonly name: string;
  readonly make: (asked: Uint8Array) => Uint8Array;
  readonly from?: typeof SERVER_AT;
  readonly want: Drop;
}

const good = (asked: Uint8Array) => advertisement(asked, MAPPED_AT, SERVER);
const refused: readonly Refused[] = [
  {
    name: "with another nonce (C-13, N11)",
    make: (a) => change(good(a), 5, 0xff),
    want: Drop.NonceMismatch,
  },
  {
    name: "without a nonce (C-13)",
    make: (a) => good(a).slice(13),
    want: Drop.AuthenticationMissing,
  },
  {
    name: "without an origin indication (C-12, N10)",
    make: (a) => concat(good(a).slice(0, 13), good(a).slice(21)),
    want: Drop.NoOrigin,
  },
  {
    name: "of another server's prefix (C-12, N10)",
    make: (a) => advertisement(a, MAPPED_AT, SERVER + 8),
    want: Drop.PrefixMismatch,
  },
  {
    name: "that wants another key (C-13, H2)",
    make: (a) => change(good(a), 12, 1),
    want: Drop.AuthenticationFailed,
  },
  {
    name: "from a stranger",
    make: good,
    from: { address: SERVER + 8, port: 3_544 },
    want: Drop.DestinationNotOurs,
  },
  {
    name: "from another port of the server",
    make: good,
    from: { address: SERVER, port: 3_545 },
    want: Drop.DestinationNotOurs,
  },
  {
    name: "from the secondary address, which was not asked (C-12)",
    make: good,
    from: SECONDARY_AT,
    want: Drop.NotAccepted,
  },
  ...["10.0.0.1", "127.0.0.1", "192.168.1.1", "224.0.0.1", "0.0.0.0"].map((mapped) => ({
    name: `with the mapping ${mapped} (C-14)`,
    make: (a: Uint8Array) => advertisement(a, { address: ip4(mapped), port: 40_000 }, SERVER),
    want: Drop.MappedAddressNotGlobal,
  })),
];

for (const { name, make, from = SERVER_AT, want } of refused) {
  test(`Client.fromUdp() counts an advertisement for nothing ${name}`, () => {
    const lab = new ClientLab().start();
    const asked = lab.solicitationTo(SERVER);
    assertDrop(lab.receive(make(asked.bytes), from), want);
    assert.equal(state(lab), "probing");
    assert.equal(lab.drops(want), 1);
    assertDrop(lab.advertise(asked), Drop.None);
    assert.equal(state(lab), "qualified");
  });
}

test("Client.fromUdp() survives every cut of an advertisement (C-20, N8)", () => {
  const lab = new ClientLab().start();
  const whole = advertisement(lab.solicitationTo(SERVER).bytes, MAPPED_AT, SERVER);
  for (let length = 0; length < whole.length; length++) {
    assert.notEqual(lab.receive(whole.slice(0, length), SERVER_AT), Drop.None, `${length}`);
  }
  assert.equal(state(lab), "probing");
});

test("Client.fromUdp() takes an answer to any repetition, but each once (C-13)", () => {
  const lab = new ClientLab().start();
  const first = lab.solicitationTo(SERVER);
  lab.advance(3 * SECOND);
  assertDrop(lab.advertise(first), Drop.None);
  assertDrop(lab.advertise(first), Drop.NotAccepted);
});

const nats: { name: string; second: typeof MAPPED_AT; kind: NatKind }[] = [
  { name: "the same mapping", second: MAPPED_AT, kind: "restricted" },
  { name: "another port", second: { ...MAPPED_AT, port: 40_001 }, kind: "symmetric-port" },
  {
    name: "another address",
    second: { address: ip4("192.0.2.46"), port: CLIENT_PORT },
    kind: "symmetric-address",
  },
];

for (const { name, second, kind } of nats) {
  test(`Client takes a NAT for ${kind} when the secondary address sees ${name}, and goes on (C-15)`, () => {
    const lab = new ClientLab().qualify(MAPPED_AT, second);
    assert.equal(lab.client.status().nat, kind);
    assert.equal(state(lab), "qualified");
  });
}

test("Client behind no NAT is mapped to its own address (C-15)", () => {
  const local = { address: ip4("192.0.2.45"), port: 3_797 };
  const lab = new ClientLab({ ownAddresses: [local.address], localAddress: local.address });
  assert.equal(lab.qualify(local).client.status().nat, "none");
});

test("Client asks the secondary address three times and does without its answer (C-15)", () => {
  const lab = new ClientLab().start();
  lab.advertise(lab.solicitationTo(SERVER));
  lab.advance(13 * SECOND);
  assert.equal(lab.sentTo(SECONDARY_AT).length, 8);
  assert.equal(lab.client.status().nat, "unknown");
  assert.equal(state(lab), "qualified");
});

test("Client shows who it is, and takes no answer without a value (C-02, C-13)", () => {
  const identity = { ...ALICE, authenticate: hmacSha1 };
  const lab = new ClientLab({ identity }).start();
  const asked = lab.solicitationTo(SERVER);
  assert.equal(toHex(asked.bytes, 0, 9), toHex(vector("X1"), 0, 9));
  assertDrop(lab.advertise(asked), Drop.AuthenticationFailed);
  assert.equal(state(lab), "probing");
});

test("Client tells of a server that wants another key, until it takes ours (C-13)", () => {
  const lab = new ClientLab().start();
  const refused = () => {
    const { server, standbys } = lab.client.status();
    return [server, ...standbys].filter((it) => it !== undefined).map((it) => it.keyRefused);
  };
  assert.deepEqual(refused(), [false]);
  const asked = lab.solicitationTo(SERVER);
  const wrong = change(advertisement(asked.bytes, MAPPED_AT, SERVER), 12, 1);
  assertDrop(lab.receive(wrong, SERVER_AT), Drop.AuthenticationFailed);
  assert.deepEqual(refused(), [true]);
  assertDrop(lab.advertise(asked), Drop.None);
  assert.deepEqual(refused(), [false]);
});

test("Client.fromIpv6() has nothing to send from before it is qualified (C-48)", () => {
  const lab = new ClientLab().start();
  assertDrop(lab.transmit(data("2001:db8:9::1", HOST)), Drop.NotQualified);
});

test("Client.status() tells what it knows (C-02, C-14)", () => {
  const lab = new ClientLab().qualify();
  const status = lab.client.status();
  assert.equal(status.mtu, 1_280);
  assert.deepEqual(status.mapped, MAPPED_AT);
  assert.equal(status.server?.primary, SERVER);
  assert.equal(status.server?.live, true);
  assert.deepEqual(status.standbys, []);
  assert.equal(status.native, "unknown");
  assert.equal(status.refresh, 30_000);
  assert.equal(status.portPreserving, false);
  assert.equal(
    new ClientLab().qualify({ ...MAPPED_AT, port: 3_797 }).client.status().portPreserving,
    true,
  );
});
