import assert from "node:assert/strict";
import test from "node:test";
import { DISCOVERY_PATH } from "#src/protocol/client/contract.ts";
import { WAYS } from "#src/protocol/client/peers/ways.ts";
import { PEER_ROW_LENGTH, type PeerRow, PeerRows } from "#src/protocol/peers/row.ts";
import { PeerSearch } from "#src/protocol/peers/query.ts";
import { bubble, ip4, teredo } from "../packets.ts";
import { CLIENT, SERVER } from "../vectors.ts";
import {
  alternatesTrailer,
  ClientLab,
  describe,
  echoReply,
  endOf,
  HOST,
  nonceTrailer,
  PEER,
  PEER_AT,
  PEER_SERVER,
  portTrailer,
  RELAY_AT,
  SERVER_AT,
} from "./lab.ts";

const SECOND = 1_000;
const ELSEWHERE = { address: ip4("192.0.2.11"), port: 9_000 };
const INSIDE = { address: ip4("192.168.7.7"), port: 4_000 };
const NEAR_AT = { address: ip4("10.0.0.7"), port: 3_797 };
const NEAR = teredo(CLIENT, 41_000, SERVER);
const PEER_SERVER_AT = { address: PEER_SERVER, port: 3_544 };

/** Kinds and paths that there are entries of, with how many. */
function tally(lab: ClientLab): Record<string, number> {
  const { ways } = lab.client.gauges;
  const all = WAYS.map(({ kind, path }, i) => [`${kind} ${path}`, ways[i]!] as const);
  return Object.fromEntries(all.filter(([, count]) => count > 0));
}

/** What is told of the one peer. */
function rowOf(lab: ClientLab): PeerRow {
  const rows = new PeerRows(new ArrayBuffer(2 * PEER_ROW_LENGTH), 0, 2);
  const { listing } = lab.client;
  const search = new PeerSearch();
  search.askIpv6(new Uint8Array(16), 0);
  listing.look(search, 0, 64, rows, 2, lab.now);
  assert.equal(listing.written, 1);
  return rows.read(0);
}

const nonceSent = (lab: ClientLab) =>
  nonceTrailer(describe(lab.sentTo(PEER_SERVER_AT).at(-1)!).nonce!);

interface Case {
  readonly name: string;
  readonly make: () => ClientLab;
  readonly reach: (lab: ClientLab) => void;
  /** Before the peer is reached, and then. */
  readonly want: readonly [before: string, after: string];
}

const cases: readonly Case[] = [
  {
    name: "a native host at its relay",
    make: () => new ClientLab().qualify(),
    reach: (lab) => {
      lab.send(HOST);
      const [request] = lab.sentTo(SERVER_AT);
      lab.advance(70);
      lab.receive(echoReply(request!.bytes), RELAY_AT);
    },
    want: ["native none", "native direct"],
  },
  {
    name: "a client at the mapping in its address",
    make: () => new ClientLab().qualify(),
    reach: (lab) => {
      lab.send(PEER);
      lab.advance(70);
      lab.direct(PEER_AT);
    },
    want: ["client none", "client direct"],
  },
  {
    name: "a client behind a symmetric NAT",
    make: () => new ClientLab().qualify(),
    reach: (lab) => {
      lab.send(PEER);
      const trailers = nonceSent(lab);
      lab.advance(70);
      lab.direct(ELSEWHERE, trailers);
    },
    want: ["client none", "client symmetric"],
  },
  {
    name: "a client inside, before it has told of its address there",
    make: () => new ClientLab().qualify(),
    reach: (lab) => {
      lab.send(PEER);
      const trailers = nonceSent(lab);
      lab.advance(70);
      lab.direct(INSIDE, trailers);
    },
    want: ["client none", "client alternate"],
  },
  {
    name: "a client by a random port of ours",
    make: () => new ClientLab().qualifySymmetric({ address: CLIENT, port: 3_797 }),
    reach: (lab) => {
      lab.send(PEER);
      const trailers = nonceSent(lab);
      lab.advance(70);
      lab.indirect(portTrailer(9_100));
      lab.direct({ ...PEER_AT, port: 9_100 }, trailers, 1);
    },
    want: ["client none", "client random_port"],
  },
  {
    name: "a client past the NAT that both are behind",
    make: () => new ClientLab().qualify(),
    reach: (lab) => {
      lab.send(PEER);
      const trailers = nonceSent(lab);
      lab.advance(70);
      lab.indirect(alternatesTrailer(INSIDE));
      lab.direct(INSIDE, trailers);
    },
    want: ["client none", "client alternate"],
  },
  {
    name: "a client on our own link",
    make: () => new ClientLab({ localDiscovery: true }).qualify(),
    reach: (lab) => {
      lab.receive(bubble(NEAR, "ff02::1"), NEAR_AT, DISCOVERY_PATH);
      lab.send(NEAR);
      lab.advance(70);
      lab.receive(bubble(NEAR, lab.address), NEAR_AT);
    },
    want: ["client none", "local local"],
  },
];

for (const { name, make, reach, want: [before, after] } of cases) {
  test(`Client tells by which way it reaches ${name}, and how long it took`, () => {
    const lab = make();
    assert.deepEqual(tally(lab), {});
    reach(lab);
    assert.deepEqual(tally(lab), { [after]: 1 });
    const row = rowOf(lab);
    const { kind, path } = WAYS[row.way]!;
    assert.equal(`${kind} ${path}`, after);
    assert.equal(row.roundTrip, 70);
    // Another mapping: nobody is reached any more.
    lab.advance(30 * SECOND);
    const asked = lab.sent.find(({ to, bytes }) => to === endOf(SERVER_AT) && bytes[1] === 1);
    lab.advertise(asked!, { address: CLIENT, port: 61_000 });
    assert.deepEqual(tally(lab), { [before]: 1 });
    lab.live(900 * SECOND);
    assert.deepEqual(tally(lab), {}, "when it is forgotten it is counted no more");
  });
}

test("Client measures no round trip where two questions are open", () => {
  const lab = new ClientLab().qualify();
  lab.send(PEER);
  lab.advance(2_100);
  lab.direct(PEER_AT);
  assert.equal(rowOf(lab).roundTrip, 0);
});

test("Client counts each peer once, whatever strangers claim", () => {
  const lab = new ClientLab({ maxPeers: 8 }).qualify();
  for (let i = 0; i < 200; i++) {
    const at = { address: ip4("192.0.2.10"), port: 10_000 + i };
    lab.receive(bubble(teredo(at.address, at.port, PEER_SERVER), lab.address), at);
    lab.send(teredo(at.address, at.port ^ 1, PEER_SERVER));
    if (i % 10 === 0) lab.live(31 * SECOND);
  }
  const sum = Object.values(tally(lab)).reduce((a, b) => a + b, 0);
  assert.equal(sum, lab.client.gauges.peers);
  assert.ok(sum > 0 && sum <= 8);
});

test("Client tells who has proven where it is: a native host by a test, a client by its nonce (C-23, C-74)", () => {
  const native = new ClientLab().qualify();
  native.send(HOST);
  const [request] = native.sentTo(SERVER_AT);
  assert.equal(rowOf(native).proven, false);
  native.receive(echoReply(request!.bytes), RELAY_AT);
  assert.equal(rowOf(native).proven, true);
  const client = new ClientLab().qualify();
  client.send(PEER);
  const trailers = nonceSent(client);
  client.direct(PEER_AT);
  assert.equal(rowOf(client).proven, false);
  client.direct(PEER_AT, trailers);
  client.live(31_000).send(PEER);
  client.direct(PEER_AT, nonceTrailer(describe(client.sentTo(PEER_SERVER_AT)[0]!).nonce!));
  assert.equal(rowOf(client).proven, true);
});
