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
import { change, ip4 } from "../packets.ts";
import { SECONDARY_SERVER, SERVER } from "../vectors.ts";
import {
  advertisement,
  assertDrop,
  CLIENT_OPTIONS,
  ClientLab,
  type End,
  endOf,
  MAPPED_AT,
  type Sent,
  SERVER_AT,
} from "./lab.ts";

const SECONDARY_AT = { address: SECONDARY_SERVER, port: 3_544 };
/** What the server sees of the test's own port. */
const TEST_AT = { ...MAPPED_AT, port: 40_123 };
const OTHER_PORT = { ...MAPPED_AT, port: MAPPED_AT.port + 1 };
const OWN = { address: ip4("192.0.2.45"), port: 3_797 };

/** Goes through qualification, and on until the test has asked for the first time. */
function asked(
  options: Partial<ClientOptions> = {},
  mapped: End = MAPPED_AT,
  second: End = mapped,
): { lab: ClientLab; solicitation: Sent } {
  const lab = new ClientLab(options, true).qualify(mapped, second).advance(4_000);
  const solicitation = lab.sent.find(({ path }) => path === FILTERING_PATH);
  assert.ok(solicitation !== undefined, "nothing left by the port of the test");
  return { lab, solicitation };
}

const told = (lab: ClientLab) => {
  const { filtering, nat } = lab.client.status();
  return { filtering, nat };
};

test("FilteringTest asks the primary address with the cone bit, by a port of its own (C-15)", () => {
  const { lab, solicitation } = asked();
  assert.equal(solicitation.to, endOf(SERVER_AT));
  assert.equal(formatIpv6(solicitation.bytes, 13 + 8), "fe80::8000:ffff:ffff:ffff");
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
    const { lab, solicitation } = asked({ ownAddresses: [OWN.address] }, mapped, second);
    const before = lab.client.version;
    if (comes) {
      assertDrop(lab.advertise(solicitation, TEST_AT, SERVER, SECONDARY_SERVER), Drop.None);
    }
    assert.equal(lab.ports.size, comes ? 0 : 1, "the port is open for as long as it is needed");
    lab.live(5_000);
    assert.deepEqual(told(lab), says);
    assert.equal(lab.ports.size, 0);
    assert.ok(lab.client.version > before);
  });
}

test("FilteringTest asks three times within 4 s before it takes silence for an answer (C-15)", () => {
  const { lab } = asked();
  const start = lab.now;
  const times = lab.live(10_000).sent.filter(({ path }) => path === FILTERING_PATH)
    .map(({ at }) => at - start);
  assert.deepEqual(times, [1_000, 2_500]);
  lab.live(120_000);
  assert.deepEqual(lab.sent.filter(({ path }) => path === FILTERING_PATH), []);
});

test("FilteringTest takes a late answer to any of them (C-15)", () => {
  const { lab, solicitation } = asked();
  lab.advance(3_900);
  assertDrop(lab.advertise(solicitation, TEST_AT, SERVER, SECONDARY_SERVER), Drop.None);
  assert.equal(told(lab).filtering, "endpoint_independent");
  assertDrop(lab.advertise(solicitation, TEST_AT, SERVER, SECONDARY_SERVER), Drop.NotAccepted);
});

test("FilteringTest learns nothing of a server that answers from its primary address all the same (C-15)", () => {
  const { lab, solicitation } = asked();
  assertDrop(lab.advertise(solicitation, TEST_AT), Drop.None);
  lab.live(10_000);
  assert.deepEqual(told(lab), { filtering: "unknown", nat: "restricted" });
  assert.equal(lab.ports.size, 0);
});

test("FilteringTest does not ask where the secondary address is silent: silence would say nothing (C-15)", () => {
  const lab = new ClientLab({}, true).start();
  lab.advertise(lab.solicitationTo(SERVER));
  lab.live(30_000);
  assert.deepEqual(lab.sent.filter(({ path }) => path === FILTERING_PATH), []);
  assert.deepEqual(told(lab), { filtering: "unknown", nat: "unknown" });
});

test("FilteringTest goes without where there is no port to be had (C-15)", () => {
  const lab = new ClientLab({}, true);
  lab.nextPort = 0;
  lab.qualify().live(30_000);
  assert.deepEqual(lab.sent.filter(({ path }) => path === FILTERING_PATH), []);
  assert.equal(told(lab).filtering, "unknown");
});

test("FilteringTest forgets at another mapping, and asks again (C-15)", () => {
  const { lab, solicitation } = asked();
  lab.advertise(solicitation, TEST_AT, SERVER, SECONDARY_SERVER);
  assert.equal(told(lab).nat, "cone");
  lab.start();
  const moved = { ...MAPPED_AT, port: 41_000 };
  lab.advertise(lab.solicitationTo(SERVER), moved);
  assert.equal(told(lab).filtering, "unknown");
  lab.advertise(lab.solicitationTo(SECONDARY_SERVER), moved, SERVER, SECONDARY_SERVER);
  lab.advance(4_000);
  assert.equal(lab.sent.filter(({ path }) => path === FILTERING_PATH).length, 1);
});

test("FilteringTest is over when the mapping changes meanwhile: what comes late is of the one before (C-15)", () => {
  const { lab, solicitation } = asked();
  lab.start();
  lab.advertise(lab.solicitationTo(SERVER), { ...MAPPED_AT, port: 41_000 });
  assert.equal(lab.ports.size, 0);
  assertDrop(
    lab.advertise(solicitation, TEST_AT, SERVER, SECONDARY_SERVER),
    Drop.NotAccepted,
  );
  assert.equal(told(lab).filtering, "unknown");
});

test("FilteringTest keeps what it found when another server sees the same mapping (C-15)", () => {
  const other = { primary: ip4("203.0.113.50"), secondary: ip4("203.0.113.51") };
  const servers = [{ primary: SERVER, secondary: SECONDARY_SERVER }, other];
  const { lab, solicitation } = asked({ servers });
  lab.advertise(solicitation, TEST_AT, SERVER, SECONDARY_SERVER);
  lab.client.set({ ...CLIENT_OPTIONS, servers: [other] }, lab.now, lab.sink);
  lab.advertise(lab.solicitationTo(other.primary), MAPPED_AT, other.primary);
  assert.equal(lab.client.status().server?.primary, other.primary);
  assert.equal(told(lab).nat, "cone");
});

test("FilteringTest believes nobody but the server that it asked, with its nonce (C-13, C-15)", () => {
  const servers = [
    { primary: SERVER, secondary: SECONDARY_SERVER },
    { primary: ip4("203.0.113.50"), secondary: ip4("203.0.113.51") },
  ];
  const { lab, solicitation } = asked({ servers });
  const answer = advertisement(solicitation.bytes, TEST_AT, SERVER);
  const cases: [string, Uint8Array, End, Drop][] = [
    ["another nonce", change(answer, 4, 0xff), SECONDARY_AT, Drop.NonceMismatch],
    [
      "another server's address",
      answer,
      { ...SECONDARY_AT, address: ip4("203.0.113.51") },
      Drop.NotAccepted,
    ],
    [
      "a stranger",
      answer,
      { ...SECONDARY_AT, address: ip4("192.0.2.99") },
      Drop.DestinationNotOurs,
    ],
    ["a bad checksum", change(answer, answer.length - 1, 0xff), SECONDARY_AT, Drop.BadChecksum],
  ];
  for (const [name, bytes, from, drop] of cases) {
    assertDrop(lab.receive(bytes, from, FILTERING_PATH), drop);
    assert.equal(told(lab).filtering, "unknown", name);
  }
  // By the service port it is the answer to nothing.
  assertDrop(lab.receive(answer, SECONDARY_AT), Drop.NotAccepted);
  assertDrop(lab.receive(answer, SECONDARY_AT, FILTERING_PATH), Drop.None);
});
