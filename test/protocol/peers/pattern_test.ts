import assert from "node:assert/strict";
import test from "node:test";
import { formatPeerPattern, parsePeerPattern, PeerMatch } from "#src/protocol/peers/pattern.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { bubble, teredo } from "../packets.ts";
import { CLIENT, CLIENT_PORT, SERVER } from "../vectors.ts";

const HOST = "2001:db8::1";
const A = teredo(CLIENT, CLIENT_PORT);
/** Another client behind the same mapping, and one behind the same NAT. */
const TWIN = teredo(CLIENT, CLIENT_PORT, SERVER + 1);
const NEIGHBOUR = teredo(CLIENT, CLIENT_PORT + 1);

for (
  const text of [
    "192.0.2.45",
    "192.0.2.45:40000",
    "192.0.2.45:65535",
    formatIpv6(A),
    HOST,
    "2001:db8::/32",
    "::/0",
    "::ffff:192.0.2.45",
  ]
) {
  test(`parsePeerPattern() and formatPeerPattern() keep ${text}`, () => {
    assert.equal(formatPeerPattern(parsePeerPattern(text)!), text);
  });
}

for (
  const text of [
    "",
    "192.0.2",
    "192.0.2.45:",
    "192.0.2.45:0",
    "192.0.2.45:65536",
    "192.0.2.45:1e3",
    "192.0.2.45/24",
    "010.0.0.1",
    "[2001:db8::1]:1",
    "2001:db8::1/32",
    "2001:db8::1%eth0",
    "any",
  ]
) {
  test(`parsePeerPattern() refuses "${text}"`, () => {
    assert.equal(parsePeerPattern(text), undefined);
  });
}

const cases: readonly {
  pattern: string;
  /** Ends, and packets between a client and the host, that are meant and that are not. */
  ends: readonly string[];
  noEnds?: readonly string[];
  clients: readonly Uint8Array[];
  others: readonly Uint8Array[];
}[] = [
  {
    pattern: formatIpv6(A),
    ends: ["192.0.2.45:40000"],
    noEnds: ["192.0.2.45:40001", "192.0.2.46:40000"],
    clients: [A],
    others: [TWIN, NEIGHBOUR],
  },
  {
    pattern: "192.0.2.45:40000",
    ends: ["192.0.2.45:40000"],
    noEnds: ["192.0.2.45:40001"],
    clients: [A, TWIN],
    others: [NEIGHBOUR],
  },
  {
    pattern: "192.0.2.45",
    ends: ["192.0.2.45:40000", "192.0.2.45:1"],
    noEnds: ["192.0.2.46:40000"],
    clients: [A, TWIN, NEIGHBOUR],
    others: [teredo(CLIENT + 1, CLIENT_PORT)],
  },
  { pattern: HOST, ends: [], noEnds: ["0.0.0.0:0"], clients: [A, NEIGHBOUR], others: [] },
  { pattern: "2001:db9::/32", ends: [], clients: [], others: [A, NEIGHBOUR] },
];

for (const { pattern, ends, noEnds = [], clients, others } of cases) {
  test(`PeerMatch of ${pattern} tells what is meant from what is not`, () => {
    const match = new PeerMatch(parsePeerPattern(pattern)!, SERVICE_PREFIX);
    const isEnd = (end: string) => {
      const [address, port] = end.split(":");
      return match.isEnd(parseIpv4(address!)!, Number(port));
    };
    for (const end of ends) assert.equal(isEnd(end), true, end);
    for (const end of noEnds) assert.equal(isEnd(end), false, end);
    const both = (client: Uint8Array) => [bubble(client, HOST), bubble(HOST, client)];
    for (const packet of clients.flatMap(both)) assert.equal(match.isPacket(packet, 0), true);
    for (const packet of others.flatMap(both)) assert.equal(match.isPacket(packet, 0), false);
  });
}
