import assert from "node:assert/strict";
import test from "node:test";
import type { OpenRole } from "#src/datapath/datapath.ts";
import type { PeerAsker } from "#src/datapath/peers/asker.ts";
import { clientWhy } from "#src/daemon/peers/client_why.ts";
import type { PeerBook } from "#src/daemon/peers/page.ts";
import type { Host } from "#src/daemon/host/contract.ts";
import { BadParameters } from "#src/daemon/peers/parameters.ts";
import { SERVING } from "#src/daemon/readiness.ts";
import { WAYS } from "#src/protocol/client/peers/ways.ts";
import { Drop } from "#src/protocol/drops.ts";
import type { PeerRow } from "#src/protocol/peers/row.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { ClientView, ReadinessCheck } from "#src/status/snapshot.ts";
import { clientConfig, fakeHost, REFUSED, sentBy } from "#test/daemon/checks/fake_host.ts";
import { sampleClient } from "#test/status/sample.ts";
import { problemsOf } from "#test/status/schema_validator.ts";

const PEER = "2001:0:c633:6401:0:ce2b:39cd:fef8";
const HOST = "2001:db8::1";

function row(address: string, changes: Partial<PeerRow> = {}): PeerRow {
  const kind = address === HOST ? "native" : "client";
  return {
    address: parseIpv6(address)!,
    mappedAddress: 0xcb007109,
    mappedPort: 3_545,
    trusted: true,
    valid: true,
    resolving: false,
    proven: true,
    leased: false,
    bubblesSent: 0,
    trustedFor: 5_000,
    receivedAgo: 1_000,
    transmittedAgo: 1_000,
    bubbleAgo: 2_000,
    receivedPackets: 3,
    receivedBytes: 300,
    sentPackets: 4,
    sentBytes: 400,
    heldPackets: 0,
    heldBytes: 0,
    way: WAYS.findIndex((it) => it.kind === kind && it.path === "direct"),
    roundTrip: 23.46,
    ...changes,
  };
}

const GIVEN_UP = { trusted: false, valid: false, bubblesSent: 4 } as const;

interface Case {
  readonly name: string;
  readonly address: string;
  readonly row?: PeerRow;
  readonly fate?: Drop;
  readonly view?: Partial<ClientView> | undefined;
  readonly checks?: readonly ReadinessCheck[];
  readonly isRefused?: true;
  readonly way6?: Host["way6"];
  /** Of steps: name and verdict. */
  readonly want: readonly string[];
  readonly conclusion: RegExp;
}

const BY_ROUTES = ["route ok", "ipv4_route ok"];

const cases: readonly Case[] = [
  {
    name: "a peer that answers",
    address: PEER,
    row: row(PEER),
    want: ["peer ok", "to_peer ok", "from_peer ok", ...BY_ROUTES],
    conclusion: /^Packets pass both ways\.$/,
  },
  {
    name: "a peer by its mapping",
    address: "203.0.113.9:3545",
    row: row(PEER),
    want: ["peer ok", "to_peer ok", "from_peer ok", ...BY_ROUTES],
    conclusion: /^Packets pass both ways\.$/,
  },
  {
    name: "a peer that nobody asked",
    address: PEER,
    want: ["peer note", "to_peer note", "from_peer ok", ...BY_ROUTES],
    conclusion: /^Nothing here keeps packets; the first one waits for bubbles/,
  },
  {
    name: "a native host that nobody asked, which is nowhere yet",
    address: HOST,
    want: ["peer note", "to_peer note", "route ok"],
    conclusion: /^Nothing here keeps packets; the first one waits for an echo test/,
  },
  {
    name: "a peer that left its bubbles unanswered",
    address: PEER,
    row: row(PEER, GIVEN_UP),
    fate: Drop.PeerUnreachable,
    want: ["peer note", "to_peer fail", "from_peer fail", ...BY_ROUTES],
    conclusion:
      /^Packets do not pass: .* left four bubbles unanswered .* its server 198\.51\.100\.1\.$/,
  },
  {
    name: "a native host that left its echo tests unanswered",
    address: HOST,
    row: row(HOST, { ...GIVEN_UP, mappedAddress: 0, mappedPort: 0 }),
    fate: Drop.PeerUnreachable,
    want: ["peer note", "to_peer fail", "route ok"],
    conclusion: /^Packets do not pass: .* no answer came to four echo tests/,
  },
  {
    name: "a peer that has been silent",
    address: PEER,
    row: row(PEER, { valid: false, receivedAgo: 31_000 }),
    want: ["peer note", "to_peer note", "from_peer ok", ...BY_ROUTES],
    conclusion: /^It has been silent: the next packet waits/,
  },
  {
    name: "anybody while the kernel has no way",
    address: PEER,
    row: row(PEER),
    isRefused: true,
    want: ["peer ok", "to_peer ok", "from_peer ok", "route fail", "ipv4_route ok"],
    conclusion: /^Packets do not pass: packets of ours to .* are refused/,
  },
  {
    name: "anybody while there is no address",
    address: PEER,
    view: undefined,
    want: ["address fail"],
    conclusion: /^Packets do not pass: we have no address: resolving\.$/,
  },
  {
    name: "anybody while it drains, which keeps nothing, and is not ready",
    address: PEER,
    row: row(PEER),
    checks: [
      { name: SERVING, ok: false, detail: "draining" },
      { name: "interface", ok: false, detail: "teredo is down", mend: "ip link set teredo up" },
    ],
    want: ["interface fail", "peer ok", "to_peer ok", "from_peer ok", ...BY_ROUTES],
    conclusion: /^Packets do not pass: teredo is down\.$/,
  },
];

function ask(address: string, it: Partial<Case> = {}) {
  const rows = it.row === undefined ? [] : [it.row];
  const host = fakeHost({
    way6: it.way6 ?? (() => it.isRefused ? REFUSED : sentBy("teredo")),
    way4: () => sentBy("eth0"),
  });
  return clientWhy({
    host,
    client: clientConfig(),
    open: { interfaceName: "teredo" } as OpenRole,
    book: { find: () => Promise.resolve(rows) } as unknown as PeerBook,
    rules: { fate: () => Promise.resolve(it.fate ?? Drop.None) } as unknown as PeerAsker,
    checks: it.checks ?? [],
    view: "view" in it ? it.view && sampleClient(it.view) : sampleClient(),
  }, new URLSearchParams({ address }));
}

for (const it of cases) {
  test(`clientWhy() of ${it.name}`, async () => {
    const document = await ask(it.address, it);
    assert.deepEqual(problemsOf(document, "why"), []);
    assert.deepEqual(document.steps.map(({ name, verdict }) => `${name} ${verdict}`), it.want);
    assert.match(document.conclusion, it.conclusion);
    assert.equal(document.ok, !it.want.some((step) => step.endsWith("fail")));
  });
}

test("clientWhy() says by which way a peer is reached", async () => {
  const detail = async (address: string, changes: Partial<PeerRow>) => {
    const { steps } = await ask(address, { row: row(address, changes) });
    return steps.find(({ name }) => name === "peer")!.detail;
  };
  assert.match(await detail(HOST, {}), / through its relay, round trip 23 ms: heard of 1 s ago$/);
  assert.match(await detail(PEER, {}), / by path direct, round trip 23 ms: heard of 1 s ago$/);
  assert.match(await detail(PEER, { roundTrip: 0 }), / by path direct: heard of/);
});

const BY_ETH0 = "packets from our address to 2001:db8::1 lead to teredo, while new connections ";

for (
  const [name, otherwise, detail] of [
    ["the native way", sentBy("eth0"), `${BY_ETH0}go by eth0`],
    ["nowhere", REFUSED, `${BY_ETH0}are refused: `],
    ["this very host", { kind: "taken" } as const, `${BY_ETH0}stay on this host`],
  ] as const
) {
  test(`clientWhy() says that new connections go ${name}, where what goes on has the tunnel`, async () => {
    const { steps, ok, conclusion } = await ask(HOST, {
      row: row(HOST),
      way6: ({ source }) => source === undefined ? otherwise : sentBy("teredo"),
    });
    const route = steps.find((it) => it.name === "route")!;
    assert.equal(route.verdict, "note");
    assert.ok(route.detail.startsWith(detail), route.detail);
    assert.equal(ok, true);
    assert.equal(conclusion, "Packets pass both ways. New connections do not go by the tunnel.");
  });
}

test("clientWhy() has a route fail that what goes on does not have, wherever new connections go", async () => {
  const { steps } = await ask(HOST, { way6: () => sentBy("eth0") });
  const route = steps.find((it) => it.name === "route")!;
  assert.deepEqual([route.verdict, route.detail], [
    "fail",
    "packets of ours to 2001:db8::1 do not lead to teredo",
  ]);
});

for (const nonsense of ["", "nonsense", "203.0.113.9:0", "2001:db8::/32", `${PEER}%eth0`]) {
  test(`clientWhy() refuses "${nonsense}"`, async () => {
    await assert.rejects(ask(nonsense), BadParameters);
  });
}
