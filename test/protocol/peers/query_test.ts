import assert from "node:assert/strict";
import test from "node:test";
import { parsePeerQuery, PeerSearch } from "#src/protocol/peers/query.ts";
import { Peers } from "#src/protocol/peers/table.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { teredo } from "../packets.ts";
import { SERVER } from "../vectors.ts";

const at = (text: string) => parseIpv4(text)!;

/** Peers by name: mapping in the address, server, and mapping where it differs. */
const PEERS = {
  a: { address: teredo(at("192.0.2.45"), 40_000), moved: undefined },
  twin: { address: teredo(at("192.0.2.45"), 40_000, SERVER + 1), moved: undefined },
  neighbour: { address: teredo(at("192.0.2.46"), 40_001), moved: undefined },
  symmetric: { address: teredo(at("203.0.113.7"), 1_024), moved: ["192.0.2.200", 53_211] },
} as const;
type Name = keyof typeof PEERS;
const NAMES = Object.keys(PEERS) as Name[];
const A = formatIpv6(PEERS.a.address);

const table = new Peers(16, 1, 2);
const ids = NAMES.map((name) => {
  const { address, moved } = PEERS[name];
  const p = table.insert(address, 0, 0);
  const [ipv4, port] = moved ?? [name === "neighbour" ? "192.0.2.46" : "192.0.2.45", 40_000];
  table.setMapping(p, at(ipv4), name === "neighbour" ? 40_001 : port, 0);
  return p;
});

/** Whom a query finds. */
function found(text: string): Name[] {
  const query = parsePeerQuery(text);
  if (query === undefined) throw new Error(`not understood: ${text}`);
  const search = new PeerSearch();
  if ("ipv4" in query) search.askIpv4(query.ipv4, query.length, query.port);
  else search.askIpv6(query.ipv6, query.length);
  return NAMES.filter((_, i) => search.matches(table, ids[i]!));
}

const rows: readonly [string, readonly Name[]][] = [
  ["::/0", NAMES],
  ["2001::/32", NAMES],
  ["2001:db8::/32", []],
  [A, ["a"]],
  [`2001:0:${formatIpv6(PEERS.a.address).split(":").slice(2, 4).join(":")}::/64`, [
    "a",
    "neighbour",
    "symmetric",
  ]],
  ["192.0.2.45", ["a", "twin"]],
  ["192.0.2.45:40000", ["a", "twin"]],
  ["192.0.2.45:40001", []],
  ["192.0.2.0/24", ["a", "twin", "neighbour", "symmetric"]],
  ["192.0.2.44/31", ["a", "twin"]],
  ["192.0.2.45/32", ["a", "twin"]],
  ["0.0.0.0/0", NAMES],
  ["128.0.0.0/1", NAMES],
  ["0.0.0.0/1", []],
  // By the address that it says, and by where it is.
  ["203.0.113.7:1024", ["symmetric"]],
  ["192.0.2.200:53211", ["symmetric"]],
  ["192.0.2.200:1024", []],
  ["0.0.0.0", []],
];

for (const [text, names] of rows) {
  test(`PeerSearch.matches() finds by ${text}`, () => assert.deepEqual(found(text), names));
}

const nonsense = [
  ...["", " ", "any", "*", "192.0.2", "192.0.2.45:", "192.0.2.45:0", "192.0.2.45:65536"],
  ...["192.0.2.45/24", "192.0.2.0/33", "192.0.2.0/024", "192.0.2.0/-1", "192.0.2.0/24:1"],
  ...["2001:db8::1/32", "2001::/129", "2001::%eth0", "[2001::1]:1", "010.0.0.1", "192.0.2.45/"],
];

for (const text of nonsense) {
  test(`parsePeerQuery() refuses "${text}"`, () => assert.equal(parsePeerQuery(text), undefined));
}
