import assert from "node:assert/strict";
import test from "node:test";
import { formatPeers, TSV_COLUMNS, tsvLine } from "#src/cli/peers/table.ts";
import { peerDocument } from "#src/daemon/peers/document.ts";
import { WAYS } from "#src/protocol/client/peers/ways.ts";
import { NO_WAY, type PeerRow } from "#src/protocol/peers/row.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { PeerDocument } from "#src/status/peers_document.ts";
import { problemsOf } from "#test/status/schema_validator.ts";

const NOW = Date.parse("2026-11-29T12:00:00.000Z");
const PEER = "2001:0:c633:6401:0:ce2b:39cd:fef8";

/** @param way its place in `WAYS` */
function row(address: string, way: number, changes: Partial<PeerRow> = {}): PeerRow {
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
    way,
    roundTrip: 23.46,
    ...changes,
  };
}

WAYS.forEach(({ kind, path }, way) => {
  test(`peerDocument() of a client's peer, ${kind} by path ${path}, keeps to docs/status.schema.json`, () => {
    const address = kind === "native" ? "2001:db8::1" : PEER;
    const document = peerDocument(row(address, way), NOW);
    assert.deepEqual(problemsOf(document, "peer"), []);
    assert.deepEqual([document.kind, document.path], [kind, path]);
    assert.equal(document.round_trip_seconds, 0.0235);
    assert.equal(document.server_address, kind === "native" ? undefined : "198.51.100.1");
    assert.equal(document.actual_address, "203.0.113.9");
  });
});

test("peerDocument() of a native host that is not reached yet says nowhere", () => {
  const way = WAYS.findIndex(({ kind, path }) => kind === "native" && path === "none");
  const at = { mappedAddress: 0, mappedPort: 0, trusted: false, valid: false, roundTrip: 0 };
  const document = peerDocument(row("2001:db8::1", way, at), NOW);
  const { actual_address, mapped_address, round_trip_seconds } = document;
  assert.deepEqual([actual_address, mapped_address, round_trip_seconds], Array(3).fill(undefined));
  assert.deepEqual(problemsOf(document, "peer"), []);
});

test("peerDocument() of a relay's peer has neither kind, path nor round trip", () => {
  const document = peerDocument(row(PEER, NO_WAY, { roundTrip: 0 }), NOW);
  assert.deepEqual(Object.keys(document).filter((it) => /kind|path|trip/.test(it)), []);
});

const documents = (ways: readonly number[]): PeerDocument[] =>
  ways.map((way) =>
    peerDocument(row(WAYS[way]?.kind === "native" ? "2001:db8::1" : PEER, way), NOW)
  );

test("formatPeers() of a client has kind, path and round trip", () => {
  const all = documents(WAYS.map((_, i) => i));
  const [head, ...lines] = formatPeers(all, new Date(NOW).toISOString()).trimEnd().split("\n");
  assert.match(head!, /^ADDRESS +KIND +PATH +RTT +STATE +MAPPING +SERVER/);
  WAYS.forEach(({ kind, path }, i) =>
    assert.match(lines[i]!, new RegExp(` ${kind} +${path} +24 ms `), lines[i])
  );
  assert.match(lines.at(-1)!, /203\.0\.113\.9:3545 +-/, "a relay's mapping has no star");
});

test("formatPeers() of a relay has none of them", () => {
  const [head] = formatPeers(documents([NO_WAY]), new Date(NOW).toISOString()).split("\n");
  assert.match(head!, /^TEREDO ADDRESS +STATE +MAPPING/);
});

test("tsvLine() has as many values as there are names", () => {
  for (const it of documents([NO_WAY, 0, WAYS.length - 1])) {
    assert.equal(tsvLine(it).trimEnd().split("\t").length <= TSV_COLUMNS.length, true);
    assert.equal(tsvLine(it).split("\t").length, TSV_COLUMNS.length);
  }
});
