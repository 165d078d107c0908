import assert from "node:assert/strict";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import { measureServers, type ServersSeen } from "#src/netcheck/measure/servers.ts";
import { solicit } from "#src/netcheck/measure/solicit.ts";
import { openWire } from "#src/netcheck/measure/wire.ts";
import { authenticateBy } from "#src/datapath/authenticate.ts";
import type { Guise } from "#src/probe/contract.ts";
import { bind, closed } from "#src/probe/sockets.ts";
import type { ClientIdentity } from "#src/protocol/client/messages/solicitation.ts";
import { serverAddressOf, SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { ip4 } from "#test/protocol/packets.ts";
import { FakeServer, type Manner, placeOnLoopback } from "./fake_server.ts";

/**
 * Real sockets on loopback. A lying server has a secondary address that lies as well, and never
 * answers cone tests.
 */
interface Case {
  readonly name: string;
  /** Undefined: nobody is there. */
  readonly manner: Manner | undefined;
  /** Default: nobody's. */
  readonly guise?: Guise;
  readonly qualified: boolean;
  readonly failure?: string;
  readonly refusal?: string;
  /** Why what came counts for nothing. */
  readonly stray?: RegExp;
}

const NOBODY: Guise = { prefix: SERVICE_PREFIX, refuseReserved: false };
const LOOPBACK = ip4("127.0.0.1");
const STRANGER = placeOnLoopback(50).primary;
/** Behind a carrier's NAT. RFC 6598 */
const CARRIERS = ip4("100.64.0.9");

const ALICE: ClientIdentity = {
  clientId: new TextEncoder().encode("alice"),
  key: new TextEncoder().encode("0123456789abcdef"),
  authenticate: authenticateBy("sha1"),
};
const MALLORY = { ...ALICE, key: new TextEncoder().encode("fedcba9876543210") };
const OTHER_PREFIX = 0x3ffe831f;

const CASES: readonly Case[] = [
  { name: "an honest server", manner: {}, qualified: true },
  {
    name: "a nonce that is not ours (C-13, N11)",
    manner: { change: (b) => b.with(5, b[5]! ^ 1) },
    qualified: false,
    failure: "server-silent",
    stray: /its nonce is not ours/,
  },
  {
    name: "a mapped address that is not global (C-14)",
    manner: { seen: (port) => ({ address: ip4("10.0.0.9"), port }) },
    qualified: false,
    failure: "mapping-not-global",
  },
  {
    name: "a mapped address that was reserved after the RFC (C-14)",
    manner: { seen: (port) => ({ address: CARRIERS, port }) },
    qualified: true,
  },
  {
    name: "the same, which `refuse_reserved` refuses",
    manner: { seen: (port) => ({ address: CARRIERS, port }) },
    guise: { ...NOBODY, refuseReserved: true },
    qualified: false,
    failure: "mapping-not-global",
  },
  {
    name: "an answer from another address (C-12)",
    manner: { sender: { address: STRANGER, port: 3544 } },
    qualified: false,
    failure: "server-silent",
    stray: /not for our Teredo address/,
  },
  {
    name: "an answer from another port (C-12)",
    manner: { sender: { address: placeOnLoopback(6).primary, port: 3545 } },
    qualified: false,
    failure: "server-silent",
    stray: /not for our Teredo address/,
  },
  {
    name: "another server's prefix (C-12, N10)",
    manner: { change: (b) => b.with(b.length - 96 + 40 + 16 + 23, 0) },
    qualified: false,
    failure: "server-silent",
    stray: /router advertisement/,
  },
  {
    name: "answers that come three times, the later ones among those of the next step",
    manner: { copies: 3 },
    qualified: true,
  },
  {
    name: "noise instead of answers (C-20)",
    manner: { change: (b) => b.slice(0, 20) },
    qualified: false,
    failure: "server-silent",
    stray: /not a Teredo packet/,
  },
  {
    name: "a server that answers nobody but its clients, asked by one (C-13)",
    manner: { client: ALICE },
    guise: { ...NOBODY, identity: ALICE },
    qualified: true,
  },
  {
    name: "the same, asked by nobody it knows",
    manner: { client: ALICE },
    qualified: false,
    failure: "server-silent",
  },
  {
    name: "an answer that is not signed by our key",
    manner: {},
    guise: { ...NOBODY, identity: MALLORY },
    qualified: false,
    failure: "server-silent",
    stray: /not signed by our key/,
  },
  {
    name: "a server with another prefix, which is ours as well",
    manner: { prefix: OTHER_PREFIX },
    guise: { ...NOBODY, prefix: OTHER_PREFIX },
    qualified: true,
  },
  {
    name: "a host where nobody listens (ICMP port unreachable)",
    manner: undefined,
    qualified: false,
    failure: "server-silent",
    refusal: "refused",
  },
];

async function run({ manner, guise = NOBODY }: Case, number: number): Promise<ServersSeen> {
  const place = placeOnLoopback(number);
  const server = manner && await FakeServer.open(place.primary, manner);
  const own = await bind(LOOPBACK, 0);
  try {
    return await measureServers([place], own, undefined, guise, await openLibc());
  } finally {
    await closed(own.socket);
    await server?.close();
  }
}

const outcomes = CASES.map(run);
outcomes.forEach((outcome) => outcome.catch(() => {}));

for (const [i, { name, qualified, failure, refusal, stray }] of CASES.entries()) {
  test(`measureServers() sees ${name}`, async () => {
    const { servers: [seen], strays } = await outcomes[i]!;
    assert.equal(seen!.home !== undefined, qualified);
    assert.equal(seen!.failure, failure);
    assert.equal(seen!.refusal, refusal);
    if (stray !== undefined) assert.match(strays.map(({ reason }) => reason).join("\n"), stray);
    assert.ok(strays.length <= 16);
    if (!qualified) return;
    assert.deepEqual(seen!.primaryView!.mapped, seen!.secondaryView!.mapped);
    assert.equal(seen!.strangerCameIn, false);
  });
}

test("measureServers() asks all servers by one socket, and takes none's answer for another's", async () => {
  const places = [20, 21, 22].map(placeOnLoopback);
  const seenPorts = new Set<number>();
  const seen = (port: number) => {
    seenPorts.add(port);
    return { address: ip4("203.0.113.7"), port };
  };
  const servers = await Promise.all(
    places.map(({ primary }) => FakeServer.open(primary, { seen })),
  );
  const own = await bind(LOOPBACK, 0);
  const found = await measureServers(places, own, undefined, NOBODY, await openLibc());
  assert.deepEqual(found.servers.map(({ home }) => home !== undefined), [true, true, true]);
  assert.deepEqual([...seenPorts], [own.local.port]);
  assert.deepEqual(
    found.servers.map(({ home }) => home && serverAddressOf(home.address, 0)),
    places.map(({ primary }) => primary),
  );
  await closed(own.socket);
  await Promise.all(servers.map((server) => server.close()));
});

test("solicit() takes no answer with another nonce, however often it comes", async () => {
  const place = placeOnLoopback(30);
  const server = await FakeServer.open(place.primary, { change: (b) => b.with(5, b[5]! ^ 1) });
  const wire = await openWire(LOOPBACK);
  assert.equal(await solicit(wire, { ...place, ...NOBODY }), undefined);
  await wire.close();
  await server.close();
});

test("solicit() is answered by a server that answers its clients alone, and by its own prefix", async () => {
  const place = placeOnLoopback(31);
  const asked = { ...place, ...NOBODY, prefix: OTHER_PREFIX, identity: ALICE };
  const manner = { client: ALICE, prefix: OTHER_PREFIX };
  const server = await FakeServer.open(place.primary, manner);
  const wire = await openWire(LOOPBACK);
  assert.equal((await solicit(wire, asked))?.mapped.address, ip4("203.0.113.7"));
  await wire.close();
  await server.close();
});
