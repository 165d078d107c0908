import assert from "node:assert/strict";
import test from "node:test";
import {
  type ClientOptions,
  type Filtering,
  FILTERING_PATH,
  type NatKind,
} from "#src/protocol/client/contract.ts";
import { Drop } from "#src/protocol/drops.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { bubble, change, concat, ip4, origin } from "../packets.ts";
import { SECONDARY_SERVER, SERVER } from "../vectors.ts";
import {
  advertisement,
  assertDrop,
  CLIENT_OPTIONS,
  ClientLab,
  type End,
  endOf,
  MAPPED_AT,
  PEER,
  type Sent,
  SERVER_AT,
} from "./lab.ts";

const SECONDARY_AT = { address: SECONDARY_SERVER, port: 3_544 };
/** What the server sees of the test's own port. */
const TEST_AT = { ...MAPPED_AT, port: 40_123 };
/** Another server. */
const OTHER = { primary: ip4("203.0.113.50"), secondary: ip4("203.0.113.51") };
const OTHER_PORT = { ...MAPPED_AT, port: MAPPED_AT.port + 1 };
const OWN = { address: ip4("192.0.2.45"), port: 3_797 };

interface Asked {
  readonly lab: ClientLab;
  /** With the cone bit, and without. */
  readonly cone: Sent;
  readonly plain: Sent;
}

/** Goes through qualification, up to the first questions of the test. */
function asked(
  options: Partial<ClientOptions> = {},
  mapped: End = MAPPED_AT,
  second: End = mapped,
): Asked {
  const lab = new ClientLab(options, true).start();
  lab.advertise(lab.solicitationTo(SERVER), mapped);
  lab.advertise(lab.solicitationTo(SECONDARY_SERVER), second, SERVER, SECONDARY_SERVER);
  const [cone, plain] = ofTest(lab.sent);
  assert.ok(cone !== undefined && plain !== undefined, "nothing left by the port of the test");
  return { lab, cone, plain };
}

const ofTest = (sent: readonly Sent[]) => sent.filter(({ path }) => path === FILTERING_PATH);

/** The server answers by its primary address, and by the other one where the NAT lets that in. */
function answer({ lab, cone, plain }: Asked, comes: boolean): void {
  assertDrop(lab.advertise(plain, TEST_AT), Drop.None);
  if (comes) assertDrop(lab.advertise(cone, TEST_AT, SERVER, SECONDARY_SERVER), Drop.None);
}

const told = (lab: ClientLab) => {
  const { filtering, nat } = lab.client.status();
  return { filtering, nat };
};

test("FilteringTest asks the primary address with the cone bit and without, by a port of its own (C-15)", () => {
  const { lab, cone, plain } = asked();
  const sources = [cone, plain].map(({ bytes }) => formatIpv6(bytes, 13 + 8));
  assert.deepEqual(sources, ["fe80::8000:ffff:ffff:ffff", "fe80::ffff:ffff:ffff"]);
  assert.deepEqual([cone.to, plain.to], [endOf(SERVER_AT), endOf(SERVER_AT)]);
  assert.deepEqual([...lab.ports.keys()], [FILTERING_PATH]);
});

const kinds: {
  name: string;
  mapped?: End;
  second?: End;
  comes: boolean;
  says: { filtering: Filtering; nat: NatKind };
}[] = [
  { name: "a cone NAT", comes: true, says: { filtering: "endpoint_independent", nat: "cone" } },
  { name: "a restricted NAT", comes: false, says: { filtering: "dependent", nat: "restricted" } },
  {
    name: "no NAT",
    mapped: OWN,
    comes: true,
    says: { filtering: "endpoint_independent", nat: "none" },
  },
  {
    name: "a firewall",
    mapped: OWN,
    comes: false,
    says: { filtering: "dependent", nat: "firewall" },
  },
  {
    name: "a symmetric NAT",
    second: OTHER_PORT,
    comes: false,
    says: { filtering: "dependent", nat: "symmetric-port" },
  },
  {
    name: "a symmetric NAT that filters nothing",
    second: OTHER_PORT,
    comes: true,
    says: { filtering: "endpoint_independent", nat: "symmetric-port" },
  },
];

for (const { name, mapped, second, comes, says } of kinds) {
  test(`FilteringTest tells ${name} by whether the secondary address's answer comes (C-15)`, () => {
    const it = asked({ ownAddresses: [OWN.address] }, mapped, second);
    const { lab } = it;
    const before = lab.client.version;
    answer(it, comes);
    assert.equal(lab.ports.size, comes ? 0 : 1, "the port is open for as long as it is needed");
    lab.live(5_000);
    assert.deepEqual(told(lab), says);
    assert.equal(lab.ports.size, 0);
    assert.ok(lab.client.version > before);
  });
}

test("FilteringTest asks three times within 4 s before it takes silence for an answer (C-15)", () => {
  const it = asked();
  const { lab } = it;
  const start = lab.now;
  answer(it, false);
  const times = ofTest(lab.live(10_000).sent).map(({ at }) => at - start);
  assert.deepEqual(times, [1_000, 2_500]);
  assert.deepEqual(ofTest(lab.live(120_000).sent), []);
});

test("FilteringTest takes a late answer to any of them (C-15)", () => {
  const { lab, cone } = asked();
  lab.advance(3_900);
  assertDrop(lab.advertise(cone, TEST_AT, SERVER, SECONDARY_SERVER), Drop.None);
  assert.equal(told(lab).filtering, "endpoint_independent");
  assertDrop(lab.advertise(cone, TEST_AT, SERVER, SECONDARY_SERVER), Drop.NotAccepted);
});

const UNKNOWN = { filtering: "unknown", nat: "restricted" };

test("FilteringTest learns nothing where the server answers neither question: it may be gone, or we were asleep (C-15)", () => {
  const { lab } = asked();
  lab.live(10_000);
  assert.deepEqual(told(lab), UNKNOWN);
  assert.equal(lab.ports.size, 0);
  const late = asked().lab;
  late.now += 60_000;
  late.live(10_000);
  assert.deepEqual(told(late), UNKNOWN);
});

test("FilteringTest learns nothing of a server that answers from its primary address all the same (C-15)", () => {
  const { lab, cone } = asked();
  assertDrop(lab.advertise(cone, TEST_AT), Drop.NonceMismatch);
  lab.live(10_000);
  assert.deepEqual(told(lab), UNKNOWN);
  assert.equal(lab.ports.size, 0);
});

test("FilteringTest does not ask where the secondary address is silent: silence would say nothing (C-15)", () => {
  const lab = new ClientLab({}, true).start();
  lab.advertise(lab.solicitationTo(SERVER));
  lab.live(30_000);
  assert.deepEqual(ofTest(lab.sent), []);
  assert.deepEqual(told(lab), { filtering: "unknown", nat: "unknown" });
});

test("FilteringTest does not ask where only another server has shown the mapping to be the same (C-15)", () => {
  const lab = new ClientLab({ servers: [...CLIENT_OPTIONS.servers, OTHER] }, true).start();
  const other = lab.solicitationTo(OTHER.primary);
  lab.advertise(lab.solicitationTo(SERVER));
  lab.advertise(other, MAPPED_AT, OTHER.primary);
  lab.live(30_000);
  assert.deepEqual(ofTest(lab.sent), []);
  assert.deepEqual(told(lab), UNKNOWN);
});

test("FilteringTest asks when the secondary address answers, however late (C-15)", () => {
  const lab = new ClientLab({}, true).start();
  lab.advertise(lab.solicitationTo(SERVER));
  const second = lab.solicitationTo(SECONDARY_SERVER);
  lab.live(9_000);
  lab.advertise(second, MAPPED_AT, SERVER, SECONDARY_SERVER);
  assert.equal(ofTest(lab.sent).length, 2);
});

test("FilteringTest goes without where there is no port to be had (C-15)", () => {
  const lab = new ClientLab({}, true);
  lab.nextPort = 0;
  lab.qualify().live(30_000);
  assert.deepEqual(ofTest(lab.sent), []);
  assert.equal(told(lab).filtering, "unknown");
});

test("FilteringTest forgets at another mapping, and asks again (C-15)", () => {
  const it = asked();
  const { lab } = it;
  answer(it, true);
  assert.equal(told(lab).nat, "cone");
  lab.start();
  const moved = { ...MAPPED_AT, port: 41_000 };
  lab.advertise(lab.solicitationTo(SERVER), moved);
  assert.equal(told(lab).filtering, "unknown");
  lab.advertise(lab.solicitationTo(SECONDARY_SERVER), moved, SERVER, SECONDARY_SERVER);
  assert.equal(ofTest(lab.sent).length, 2);
});

test("FilteringTest is over when the mapping changes meanwhile: what comes late is of the one before (C-15)", () => {
  const { lab, cone } = asked();
  lab.start();
  lab.advertise(lab.solicitationTo(SERVER), { ...MAPPED_AT, port: 41_000 });
  assert.equal(lab.ports.size, 0);
  assertDrop(lab.advertise(cone, TEST_AT, SERVER, SECONDARY_SERVER), Drop.NotAccepted);
  assert.equal(told(lab).filtering, "unknown");
});

test("FilteringTest keeps what it found when another server sees the same mapping (C-15)", () => {
  const it = asked({ servers: [...CLIENT_OPTIONS.servers, OTHER] });
  const { lab } = it;
  answer(it, true);
  lab.client.set({ ...CLIENT_OPTIONS, servers: [OTHER] }, lab.now, lab.sink);
  lab.advertise(lab.solicitationTo(OTHER.primary), MAPPED_AT, OTHER.primary);
  assert.equal(lab.client.status().server?.primary, OTHER.primary);
  assert.equal(told(lab).nat, "cone");
});

test("FilteringTest is over when its server is used no more, whose answers would not be taken (C-15)", () => {
  const it = asked({ servers: [...CLIENT_OPTIONS.servers, OTHER] });
  const { lab } = it;
  answer(it, false);
  lab.client.set({ ...CLIENT_OPTIONS, servers: [OTHER] }, lab.now, lab.sink);
  lab.advertise(lab.solicitationTo(OTHER.primary), MAPPED_AT, OTHER.primary);
  lab.advance(10_000);
  assert.deepEqual(told(lab), UNKNOWN);
  assert.equal(lab.ports.size, 0);
});

test("FilteringTest believes nobody but the server that it asked, with its nonce (C-13, C-15)", () => {
  const { lab, cone, plain } = asked({ servers: [...CLIENT_OPTIONS.servers, OTHER] });
  const good = advertisement(cone.bytes, TEST_AT, SERVER);
  const at = (address: number) => ({ ...SECONDARY_AT, address });
  const cases: [string, Uint8Array, End, Drop][] = [
    ["another nonce", change(good, 4, 0xff), SECONDARY_AT, Drop.NonceMismatch],
    [
      "the other question's",
      advertisement(plain.bytes, TEST_AT, SERVER),
      SECONDARY_AT,
      Drop.NonceMismatch,
    ],
    ["another server's address", good, at(OTHER.secondary), Drop.NotAccepted],
    ["a stranger", good, at(ip4("192.0.2.99")), Drop.NotAccepted],
    ["a bubble", concat(origin(1, 1), bubble(PEER, lab.address)), SERVER_AT, Drop.NotAccepted],
    ["a bad checksum", change(good, good.length - 1, 0xff), SECONDARY_AT, Drop.BadChecksum],
  ];
  for (const [name, bytes, from, drop] of cases) {
    assertDrop(lab.receive(bytes, from, FILTERING_PATH), drop);
    assert.equal(told(lab).filtering, "unknown", name);
    assert.deepEqual(lab.sent, [], name);
  }
  // By the service port it is the answer to nothing.
  assertDrop(lab.receive(good, SECONDARY_AT), Drop.NotAccepted);
  assertDrop(lab.receive(good, SECONDARY_AT, FILTERING_PATH), Drop.None);
});
