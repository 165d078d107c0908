import assert from "node:assert/strict";
import test from "node:test";
import type { Observations } from "#src/netcheck/contract.ts";
import { toDocument } from "#src/netcheck/document.ts";
import { judge } from "#src/netcheck/judge.ts";
import { writePage } from "#src/netcheck/page.ts";
import type { Verdict } from "#src/netcheck/verdict.ts";
import { ip4 } from "#test/protocol/packets.ts";
import { problemsOf } from "#test/status/schema_validator.ts";
import { end, fresh, MAPPED, seen, server, silent, stun, view } from "./seen.ts";

interface Case {
  readonly name: string;
  readonly seen: Partial<Observations>;
  readonly says: Partial<Verdict>;
}

const other = "203.0.113.7:50001";
const symmetric = { secondaryView: view(other) };
const native = { target: new Uint8Array(16).fill(0x20), answer: undefined };
const answer = { relay: end("198.51.100.50:3545"), rtt: 3 };
/** This host has the mapped address itself. */
const bare = {
  local: end(MAPPED),
  ownAddresses: [end(MAPPED).address],
};

const CASES: readonly Case[] = [
  // UDP
  { name: "a server that answers", seen: {}, says: { udp: "passes", reachable: true } },
  {
    name: "silence",
    seen: { servers: [silent(), silent()] },
    says: { udp: "blocked", reachable: false, nat: "unknown", mapping: "unknown" },
  },
  {
    name: "silence beside a STUN server that answers",
    seen: { servers: [silent()], stun: stun() },
    says: { udp: "not_to_3544", reachable: false },
  },
  {
    name: "a host that runs no server (ICMP unreachable)",
    seen: { servers: [silent({ refusal: "refused" }), silent()] },
    says: { udp: "refused" },
  },
  {
    name: "servers that there is no way to",
    seen: { servers: [silent({ refusal: "unreachable" })] },
    says: { udp: "no_route" },
  },
  {
    name: "one of two servers that there is no way to",
    seen: { servers: [silent({ refusal: "unreachable" }), silent()] },
    says: { udp: "blocked" },
  },
  {
    name: "servers that this host's own filter keeps it from",
    seen: { servers: [silent({ refusal: "filtered_here" })] },
    says: { udp: "filtered_here", reachable: false },
  },
  {
    name: "servers that this host's own filter keeps it from, beside a STUN server that answers",
    seen: { servers: [silent({ refusal: "filtered_here" })], stun: stun() },
    says: { udp: "filtered_here", reachable: false },
  },
  {
    name: "one of two servers that this host's own filter keeps it from",
    seen: { servers: [silent({ refusal: "filtered_here" }), silent()] },
    says: { udp: "blocked" },
  },
  {
    name: "nobody who could be asked",
    seen: { local: undefined, servers: [] },
    says: { udp: "unknown", reachable: false, nat: "unknown" },
  },
  {
    name: "no IPv4 at all",
    seen: { local: undefined, ownAddresses: [], servers: [silent({ refusal: "unreachable" })] },
    says: { udp: "no_route", reachable: false, nested: "unknown" },
  },
  {
    name: "a server whose advertisements count for nothing (C-13)",
    seen: {
      servers: [silent()],
      strays: [{ from: end("198.51.100.1:3544"), reason: "its nonce is not ours", times: 3 }],
    },
    says: { udp: "passes", reachable: false },
  },
  {
    name: "a stranger beside a silent server",
    seen: {
      servers: [silent()],
      strays: [{ from: end("192.0.2.66:3544"), reason: "its nonce is not ours", times: 3 }],
    },
    says: { udp: "blocked" },
  },
  {
    name: "a server that wants a key",
    seen: { servers: [silent({ failure: "key-refused" })] },
    says: { udp: "passes", reachable: false },
  },
  {
    name: "a server inside the NAT (C-14)",
    seen: { servers: [silent({ failure: "mapping-not-global" })] },
    says: { udp: "passes", reachable: false, mapped: undefined },
  },
  // native
  {
    name: "a native host that answers by way of one of two servers",
    seen: {
      servers: [server({ native, failure: "no-relay" }), server({ native: { ...native, answer } })],
    },
    says: { reachable: true },
  },
  {
    name: "a native host that answers nobody",
    seen: { servers: [server({ native, failure: "no-relay" })] },
    says: { reachable: false, udp: "passes", nat: "restricted" },
  },
  // mapping, filtering, kind
  {
    name: "no NAT",
    seen: { ...bare, servers: [server({ strangerCameIn: true })] },
    says: {
      nat: "none",
      mapping: "none",
      filtering: "endpoint_independent",
      hairpin: "not_needed",
    },
  },
  {
    name: "a firewall",
    seen: bare,
    says: { nat: "firewall", mapping: "none", filtering: "dependent" },
  },
  {
    name: "no NAT, and a silent secondary address",
    seen: { ...bare, servers: [server({ secondaryView: undefined })] },
    says: { nat: "none_or_firewall", filtering: "unknown" },
  },
  {
    name: "a NAT that keeps the address and changes the port",
    seen: { ...bare, local: end("203.0.113.7:1234") },
    says: { nat: "restricted", mapping: "endpoint_independent" },
  },
  {
    name: "a cone",
    seen: { servers: [server({ strangerCameIn: true })] },
    says: { nat: "cone", mapping: "endpoint_independent", pooling: "paired" },
  },
  {
    name: "a restricted NAT",
    seen: {},
    says: { nat: "restricted", mapping: "endpoint_independent", filtering: "dependent" },
  },
  {
    name: "a NAT that a STUN server shows to filter by address",
    seen: { stun: stun({ changedPortCameIn: true }) },
    says: { nat: "address_restricted", filtering: "address_dependent" },
  },
  {
    name: "a NAT that a STUN server shows to filter by port",
    seen: { stun: stun() },
    says: { nat: "port_restricted", filtering: "address_and_port_dependent" },
  },
  {
    name: "a cone, whatever a STUN server's silence says",
    seen: { servers: [server({ strangerCameIn: true })], stun: stun() },
    says: { nat: "cone", filtering: "endpoint_independent" },
  },
  {
    name: "a STUN server whose other address is dead",
    seen: { stun: stun({ changedBothCameIn: undefined, changedPortCameIn: true }) },
    says: { nat: "address_restricted", filtering: "address_dependent" },
  },
  {
    name: "a STUN server whose other port is dead",
    seen: { stun: stun({ changedPortCameIn: undefined }) },
    says: { nat: "restricted", filtering: "dependent" },
  },
  {
    name: "a STUN server whose other address and port are dead",
    seen: { stun: stun({ changedBothCameIn: undefined, changedPortCameIn: undefined }) },
    says: { nat: "restricted", filtering: "dependent" },
  },
  {
    name: "a STUN server with a dead address, and nobody else who could be kept out",
    seen: {
      servers: [server({ secondaryView: undefined })],
      stun: stun({ changedBothCameIn: undefined, changedPortCameIn: true }),
    },
    says: { filtering: "unknown" },
  },
  {
    name: "a STUN server with a dead address, whose other port is kept out",
    seen: {
      servers: [server({ secondaryView: undefined })],
      stun: stun({ changedBothCameIn: undefined }),
    },
    says: { nat: "port_restricted", filtering: "address_and_port_dependent" },
  },
  {
    name: "a STUN server that answers from one address alone",
    seen: {
      stun: stun({
        canChange: false,
        changedBothCameIn: undefined,
        changedPortCameIn: undefined,
      }),
    },
    says: { nat: "restricted", filtering: "dependent" },
  },
  {
    name: "a STUN server that does not answer",
    seen: {
      stun: stun({
        first: undefined,
        otherAddress: undefined,
        otherBoth: undefined,
        changedBothCameIn: undefined,
        changedPortCameIn: undefined,
      }),
    },
    says: { nat: "restricted", filtering: "dependent", udp: "passes" },
  },
  {
    name: "a silent secondary address",
    seen: { servers: [server({ secondaryView: undefined })] },
    says: { nat: "unknown", mapping: "unknown", filtering: "unknown", compared: 1 },
  },
  {
    name: "a silent secondary address, and a STUN server of two",
    seen: { servers: [server({ secondaryView: undefined })], stun: stun() },
    says: { nat: "port_restricted", mapping: "endpoint_independent" },
  },
  {
    name: "two servers with silent secondary addresses that see the same",
    seen: {
      servers: [server({ secondaryView: undefined }), server({ secondaryView: undefined })],
    },
    says: { nat: "cone_or_restricted", mapping: "endpoint_independent", compared: 2 },
  },
  {
    name: "two servers that see different ports",
    seen: {
      servers: [
        server({ secondaryView: undefined }),
        server({ secondaryView: undefined, primaryView: view(other) }),
      ],
    },
    says: { nat: "port_symmetric", mapping: "dependent" },
  },
  {
    name: "a symmetric NAT with ports at random",
    seen: { servers: [server(symmetric)], fresh: fresh([51_000, 62_000], [53_111, 50_002]) },
    says: { nat: "port_symmetric", mapping: "dependent", assignment: "random" },
  },
  {
    name: "a symmetric NAT whose sockets were not looked at",
    seen: { servers: [server(symmetric)] },
    says: { nat: "port_symmetric", preservation: "unknown", assignment: "unknown" },
  },
  {
    name: "a port-preserving symmetric NAT",
    seen: { servers: [server(symmetric)], fresh: fresh([40_000, 51_000], [40_000, 62_000]) },
    says: { nat: "port_preserving_symmetric", preservation: "yes", assignment: "preserved" },
  },
  {
    name: "a sequential symmetric NAT",
    seen: {
      servers: [server(symmetric)],
      fresh: fresh([50_000, 50_001], [50_002, 50_003], [50_005, 50_006]),
    },
    says: { nat: "sequential_symmetric", assignment: "sequential" },
  },
  {
    name: "a sequential symmetric NAT whose pool begins again",
    seen: {
      servers: [server(symmetric)],
      fresh: fresh([50_014, 50_015], [50_000, 50_001], [50_002, 50_003]),
    },
    says: { nat: "sequential_symmetric" },
  },
  {
    name: "an address-symmetric NAT",
    seen: {
      servers: [server({ secondaryView: view("203.0.113.8:40000") })],
      fresh: fresh([40_000, 40_000], [40_000, 40_000]),
    },
    says: { nat: "address_symmetric", pooling: "arbitrary" },
  },
  {
    name: "a symmetric NAT that a STUN server shows to look at addresses alone",
    seen: {
      servers: [server(symmetric)],
      stun: stun({ otherAddress: view(other), otherBoth: view(other) }),
    },
    says: { mapping: "address_dependent" },
  },
  {
    name: "a symmetric NAT that a STUN server shows to look at ports as well",
    seen: {
      servers: [server(symmetric)],
      stun: stun({ otherAddress: view(other), otherBoth: view("203.0.113.7:50002") }),
    },
    says: { mapping: "address_and_port_dependent" },
  },
  {
    name: "sockets of which some kept their port",
    seen: { fresh: fresh([40_000], [40_001], [40_000]) },
    says: { preservation: "some" },
  },
  {
    name: "sockets that no server answered",
    seen: { fresh: fresh([], []) },
    says: { preservation: "unknown" },
  },
  // hairpin
  {
    name: "a hairpin",
    seen: {
      hairpin: { cameBack: true, from: end("203.0.113.7:1"), sender: end("203.0.113.7:1") },
    },
    says: { hairpin: "external" },
  },
  {
    name: "a hairpin that shows the inside (RFC 4787 REQ-9)",
    seen: {
      hairpin: { cameBack: true, from: end("192.168.1.2:1"), sender: end("203.0.113.7:1") },
    },
    says: { hairpin: "internal" },
  },
  {
    name: "no hairpin",
    seen: { hairpin: { cameBack: false, from: undefined, sender: end("203.0.113.7:1") } },
    says: { hairpin: "no" },
  },
  // lifetime
  {
    name: "a mapping that was alive at the end",
    seen: {
      lifetime: {
        controlled: true,
        tries: [2, 5, 10].map((s) => ({ idle: s * 1e3, alive: true })),
      },
    },
    says: { lifetime: { atLeast: 10_000, below: undefined } },
  },
  {
    name: "a mapping that was gone",
    seen: {
      lifetime: {
        controlled: true,
        tries: [
          { idle: 7_000, alive: false },
          { idle: 5_000, alive: true },
          { idle: 10_000, alive: false },
        ],
      },
    },
    says: { lifetime: { atLeast: 5_000, below: 7_000 } },
  },
  {
    name: "a loss before a longer time that was survived",
    seen: {
      lifetime: {
        controlled: true,
        tries: [{ idle: 5_000, alive: false }, { idle: 10_000, alive: true }],
      },
    },
    says: { lifetime: { atLeast: 10_000, below: undefined } },
  },
  {
    name: "a server that passes nothing on",
    seen: { lifetime: { controlled: false, tries: [] } },
    says: { lifetime: undefined },
  },
  // nested
  {
    name: "one router",
    seen: { hops: [ip4("192.168.1.1"), ip4("203.0.113.1")] },
    says: { nested: "no" },
  },
  {
    name: "a private network behind the first router",
    seen: { hops: [ip4("192.168.1.1"), ip4("10.0.0.1"), ip4("203.0.113.1")] },
    says: { nested: "nested" },
  },
  {
    name: "a private network behind a router that does not say who it is",
    seen: { hops: [ip4("192.168.1.1"), undefined, ip4("10.0.0.1")] },
    says: { nested: "nested" },
  },
  {
    name: "a carrier's NAT",
    seen: { hops: [ip4("192.168.1.1"), ip4("100.64.0.1")] },
    says: { nested: "carrier" },
  },
  {
    name: "an address of a carrier's",
    seen: { local: end("100.127.255.254:40000") },
    says: { nested: "carrier" },
  },
  { name: "routers that say nothing", seen: { hops: [] }, says: { nested: "unknown" } },
  {
    name: "a routed private network without NAT",
    seen: { ...bare, hops: [ip4("10.0.0.1"), ip4("10.0.1.1")] },
    says: { nested: "no" },
  },
];

for (const { name, seen: change, says } of CASES) {
  test(`judge() of ${name}`, () => {
    const observations = seen(change);
    const verdict = judge(observations);
    assert.deepEqual({ ...verdict, ...says }, verdict);
    const document = JSON.parse(
      JSON.stringify({ version: 1, ...toDocument(observations, verdict) }),
    );
    assert.deepEqual(problemsOf(document, "netcheck"), []);
    const page = writePage(observations, verdict);
    assert.doesNotMatch(page, /undefined|NaN|Infinity/);
    assert.ok(page.split("\n").length <= 40, page);
  });
}

test("writePage() names at most six strays, and says how many more there are", () => {
  const strays = Array.from({ length: 9 }, (_, i) => ({
    from: end(`192.0.2.${i}:3544`),
    reason: "its nonce is not ours",
    times: 1 + i,
  }));
  const observations = seen({ servers: [silent()], strays });
  const page = writePage(observations, judge(observations));
  assert.match(page, /192\.0\.2\.5:3544: its nonce is not ours \(6 times\)\n {2}and 3 more\n/);
});
