import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { ENTRIES_A_TURN } from "#src/datapath/peers/answers.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import { Hold } from "#src/protocol/peers/hold.ts";
import { NO_PEER, type PeerId } from "#src/protocol/peers/index.ts";
import { PeerListing } from "#src/protocol/peers/listing.ts";
import { PeerSearch } from "#src/protocol/peers/query.ts";
import { PEER_ROW_LENGTH, type PeerRow, PeerRows } from "#src/protocol/peers/row.ts";
import { Peers } from "#src/protocol/peers/table.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { MILLION, writeClient } from "#test/memory/crowd.ts";
import { bubble, packet } from "../packets.ts";
import { data, HOST, RELAY_OPTIONS, RelayLab, tokenOf } from "../relay/lab.ts";
import { CLIENT, CLIENT_PORT, vector } from "../vectors.ts";

const PAGE = 500;

/** Counts how many entries are looked at. */
class CountingSearch extends PeerSearch {
  looks = 0;

  override matches(peers: Peers, p: PeerId): boolean {
    this.looks++;
    return super.matches(peers, p);
  }
}

function makeTable(maxPeers: number) {
  const peers = new Peers(maxPeers, 1, 2);
  const hold = new Hold({ ...RELAY_OPTIONS, maxPeers }, makeCounters());
  const rows = new PeerRows(new SharedArrayBuffer(PEER_ROW_LENGTH * PAGE), 0, PAGE);
  return { peers, rows, listing: new PeerListing(peers, hold) };
}

const client = new Uint8Array(16);

function insert(peers: Peers, i: number): PeerId {
  writeClient(client, 0, i);
  return peers.insert(client, 0, 0);
}

function textOf(i: number): string {
  writeClient(client, 0, i);
  return formatIpv6(client);
}

/** One page, in pieces of `most` entries. @returns addresses, and where the next one begins */
function page(
  { listing, rows }: ReturnType<typeof makeTable>,
  behind: PeerId,
  most: number,
  limit: number,
  search = new PeerSearch(),
): [string[], PeerId] {
  listing.written = 0;
  let at = behind;
  do {
    at = listing.look(search, at, most, rows, limit, 0);
  } while (at !== NO_PEER && listing.written < limit);
  const read = Array.from({ length: listing.written }, (_, i) => rows.read(i));
  return [read.map(({ address }) => formatIpv6(address)), at];
}

for (const [most, limit] of [[1, 1], [7, 3], [4_096, 1], [4_096, PAGE], [100, 100]] as const) {
  test(`PeerListing.look() tells each of 1,000 peers once, ${limit} a page, ${most} a turn`, () => {
    const table = makeTable(1_000);
    for (let i = 0; i < 1_000; i++) insert(table.peers, i);
    const told: string[] = [];
    for (let behind = NO_PEER, pages = 0;; pages++) {
      const [addresses, next] = page(table, behind, most, limit);
      assert.ok(addresses.length <= limit && pages <= 1_000);
      told.push(...addresses);
      if (next === NO_PEER) break;
      behind = next;
    }
    assert.deepEqual(told, Array.from({ length: 1_000 }, (_, i) => textOf(i)));
  });
}

test("PeerListing.look() of an empty table, or behind its end, ends at once", () => {
  const table = makeTable(10);
  assert.deepEqual(page(table, NO_PEER, 4_096, PAGE), [[], NO_PEER]);
  insert(table.peers, 1);
  for (const behind of [1, 2, 10, 4_194_304]) {
    assert.deepEqual(page(table, behind, 4_096, PAGE), [[], NO_PEER]);
  }
});

test("PeerListing.look() tells who stays once and never who is gone, whatever comes and goes between", () => {
  const changes = fc.array(fc.record({ go: fc.array(fc.nat(39)), come: fc.nat(8) }), {
    maxLength: 60,
  });
  fc.assert(fc.property(changes, fc.integer({ min: 1, max: 5 }), (steps, limit) => {
    const table = makeTable(64);
    const stay = new Set<string>();
    const there = new Map<string, PeerId>();
    const add = (i: number) => there.set(textOf(i), insert(table.peers, i));
    for (let i = 0; i < 40; i++) add(i);
    for (let i = 0; i < 40; i += 3) stay.add(textOf(i));
    const told: string[] = [];
    let fresh = 1_000;
    let behind = NO_PEER;
    let pages = 0;
    do {
      const [addresses, next] = page(table, behind, 4, limit);
      for (const address of addresses) assert.ok(there.has(address), `${address} is gone`);
      told.push(...addresses);
      behind = next;
      assert.ok(++pages <= 200, "no end");
      const { go, come } = steps[pages] ?? { go: [], come: 0 };
      for (const i of go) {
        const text = textOf(i);
        const p = there.get(text);
        if (p === undefined || stay.has(text)) continue;
        table.peers.remove(p);
        there.delete(text);
      }
      for (let i = 0; i < come && there.size < 64; i++) add(fresh++);
    } while (behind !== NO_PEER);
    for (const text of stay) assert.equal(told.filter((it) => it === text).length, 1, text);
  }));
});

test("PeerListing.look() of a million peers looks at no more than its share of a turn", () => {
  const table = makeTable(MILLION);
  for (let i = 0; i < MILLION; i++) insert(table.peers, i);
  const search = new CountingSearch();
  search.askIpv4(0xffffffff, 32, 0); // nobody
  table.listing.written = 0;
  let turns = 0;
  let behind = NO_PEER;
  do {
    const before = search.looks;
    behind = table.listing.look(search, behind, ENTRIES_A_TURN, table.rows, PAGE, 0);
    assert.ok(search.looks - before <= ENTRIES_A_TURN);
    assert.equal(table.listing.written, 0);
    turns++;
  } while (behind !== NO_PEER);
  assert.equal(search.looks, MILLION);
  assert.equal(turns, MILLION / ENTRIES_A_TURN);
});

test("PeerListing.look() finds a whole address without looking at others", () => {
  const table = makeTable(5_000);
  for (let i = 0; i < 5_000; i++) insert(table.peers, i);
  const search = new CountingSearch();
  writeClient(client, 0, 4_321);
  search.askIpv6(client, 128);
  assert.deepEqual(page(table, NO_PEER, 1, PAGE, search), [[textOf(4_321)], NO_PEER]);
  assert.deepEqual(page(table, 4_321, 1, PAGE, search), [[textOf(4_321)], NO_PEER]);
  assert.deepEqual(page(table, 4_322, 1, PAGE, search), [[], NO_PEER]);
  writeClient(client, 0, 5_000);
  search.askIpv6(client, 128);
  assert.deepEqual(page(table, NO_PEER, 1, PAGE, search), [[], NO_PEER]);
  assert.equal(search.looks, 0);
});

const A2 = vector("A2");

/** The rows of a relay's peers, of which there are no more than a page. */
function rowsOf(lab: RelayLab): PeerRow[] {
  const rows = new PeerRows(new SharedArrayBuffer(PEER_ROW_LENGTH * PAGE), 0, PAGE);
  const { listing } = lab.relay;
  assert.equal(listing.look(new PeerSearch(), NO_PEER, 4_096, rows, PAGE, lab.now), NO_PEER);
  return Array.from({ length: listing.written }, (_, i) => rows.read(i));
}

function onlyRow(lab: RelayLab): PeerRow {
  const rows = rowsOf(lab);
  assert.equal(rows.length, 1);
  return rows[0]!;
}

test("PeerRow tells a peer from its first packet to its end (R-03)", () => {
  const lab = new RelayLab();
  assert.deepEqual(rowsOf(lab), []);
  const request = data(HOST, A2);
  lab.fromIpv6(request);
  const token = tokenOf(lab.sent);
  lab.now += 1_500;
  const asked = onlyRow(lab);
  assert.equal(formatIpv6(asked.address), formatIpv6(A2));
  assert.deepEqual([asked.mappedAddress, asked.mappedPort], [CLIENT, CLIENT_PORT]);
  assert.deepEqual([asked.resolving, asked.trusted, asked.valid, asked.proven], [
    true,
    false,
    false,
    false,
  ]);
  assert.deepEqual([asked.bubblesSent, asked.bubbleAgo], [1, 1_500]);
  assert.deepEqual([asked.heldPackets, asked.heldBytes], [1, request.length]);
  assert.deepEqual([asked.sentPackets, asked.receivedPackets], [0, 0]);

  lab.fromClient(bubble(A2, token)); // releases what was held
  lab.now += 10_000;
  lab.fromIpv6(data(HOST, A2, 1, 100));
  lab.now += 5_000;
  lab.fromClient(data(A2, HOST, 2, 20));
  lab.now += 2_000;
  const trusted = onlyRow(lab);
  assert.deepEqual([trusted.trusted, trusted.valid, trusted.proven], [true, true, true]);
  assert.deepEqual([trusted.resolving, trusted.bubblesSent], [false, 0]);
  assert.deepEqual([trusted.sentPackets, trusted.sentBytes], [2, request.length + 140]);
  assert.deepEqual([trusted.receivedPackets, trusted.receivedBytes], [1, 60]);
  assert.deepEqual([trusted.receivedAgo, trusted.transmittedAgo], [2_000, 7_000]);
  assert.ok(Math.abs(trusted.trustedFor - 17_000) < 1_000, `${trusted.trustedFor}`);
  assert.equal(trusted.heldPackets, 0);

  lab.advance(30_000);
  const silent = onlyRow(lab);
  assert.deepEqual([silent.trusted, silent.valid], [true, false]);
  lab.fromIpv6(request);
  lab.advance(60_000);
  const failed = onlyRow(lab);
  assert.deepEqual([failed.trusted, failed.resolving, failed.bubblesSent], [false, false, 4]);
  assert.equal(failed.receivedPackets, 1, "what was counted stays as long as the entry");
  lab.advance(600_000);
  assert.deepEqual(rowsOf(lab), []);

  // Its number is given again, its counts are not.
  lab.fromIpv6(request);
  const { sentPackets, sentBytes, receivedPackets, receivedBytes } = onlyRow(lab);
  assert.deepEqual([sentPackets, sentBytes, receivedPackets, receivedBytes], [0, 0, 0, 0]);
});

test("Relay.fromIpv6() counts a super-packet as the packets that it is", () => {
  const lab = new RelayLab();
  lab.fromIpv6(data(HOST, A2));
  lab.fromClient(bubble(A2, tokenOf(lab.sent)));
  const { sentPackets, sentBytes } = onlyRow(lab);
  const bytes = packet(6, HOST, A2, new Uint8Array(20 + 54 * 1_208));
  const total = bytes.length + 53 * 60;
  lab.relay.fromIpv6(bytes, 0, bytes.length, lab.now, lab.sink, 54, total);
  const after = onlyRow(lab);
  assert.deepEqual([after.sentPackets - sentPackets, after.sentBytes - sentBytes], [54, total]);
});

test("Relay counts for a peer nothing that it drops, and no bubble", () => {
  const lab = new RelayLab();
  lab.fromIpv6(data(HOST, A2));
  const token = tokenOf(lab.sent);
  lab.fromClient(bubble(A2, token));
  const before = onlyRow(lab);
  lab.fromClient(bubble(A2, token));
  lab.fromClient(data(A2, "fe80::1"));
  lab.fromClient(data(A2, HOST), { port: CLIENT_PORT + 1 });
  lab.fromIpv6(data("fe80::1", A2));
  assert.deepEqual(onlyRow(lab), before);
});
