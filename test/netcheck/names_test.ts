import assert from "node:assert/strict";
import test from "node:test";
import { resolveServers, resolveTarget } from "#src/netcheck/names.ts";
import { SERVERS_MAX } from "#src/protocol/client/contract.ts";
import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { ip4 } from "#test/protocol/packets.ts";

/** Names and what the resolver says of them, in its order. */
const DNS: Readonly<Record<string, readonly string[]>> = {
  "both.test": ["192.0.2.2", "192.0.2.1"],
  "many.test": ["192.0.2.9", "192.0.2.5"],
  "second.test": ["198.51.100.9", "198.51.100.7"],
  "blocked.test": ["0.0.0.0", "10.0.0.1"],
  "alias.test": ["192.0.2.1"],
  "nobody.test": [],
};

const resolve = (host: string) => {
  const address = parseIpv4(host);
  return Promise.resolve(address === undefined ? DNS[host]!.map(ip4) : [address]);
};

interface Case {
  readonly name: string;
  /** `host` or `host/secondary` */
  readonly servers: readonly string[];
  readonly want: readonly string[];
  readonly problems?: readonly RegExp[];
}

const CASES: readonly Case[] = [
  {
    name: "both addresses of one server behind a name are one server",
    servers: ["both.test"],
    want: ["both.test 192.0.2.1/192.0.2.2"],
  },
  {
    name: "a secondary address is that of one server alone, the one with the lowest address",
    servers: ["many.test/198.51.100.7"],
    want: ["many.test 192.0.2.5/198.51.100.7", "many.test 192.0.2.9/192.0.2.10"],
  },
  {
    name: "a secondary address has a name as well",
    servers: ["192.0.2.1/second.test"],
    want: ["192.0.2.1 192.0.2.1/198.51.100.7"],
  },
  {
    name: "the server of an earlier name is no other one",
    servers: ["192.0.2.1", "both.test"],
    want: ["192.0.2.1 192.0.2.1/192.0.2.2"],
  },
  {
    name: "what is no public address is told, and not asked",
    servers: ["blocked.test", "192.0.2.1"],
    want: ["192.0.2.1 192.0.2.1/192.0.2.2"],
    problems: [/^Server 0\.0\.0\.0 is not a public/, /^Server 10\.0\.0\.1 is not a public/],
  },
  {
    name: "a server whose two addresses are one is told",
    servers: ["192.0.2.1/alias.test"],
    want: [],
    problems: [/^No server is left to ask: .*; name another$/],
  },
  {
    name: "names without an address are told",
    servers: ["nobody.test", "192.0.2.1/nobody.test"],
    want: ["192.0.2.1 192.0.2.1/192.0.2.2"],
    problems: [
      /^Server nobody\.test has no IPv4 address/,
      /^Secondary address nobody\.test has no IPv4 address; the next one is asked instead$/,
    ],
  },
];

const names = (servers: readonly string[]) =>
  servers.map((text) => {
    const [host = "", secondary] = text.split("/");
    return { host, secondary };
  });

for (const { name, servers, want, problems = [] } of CASES) {
  test(`resolveServers: ${name}`, async () => {
    const found = await resolveServers(names(servers), resolve);
    const words = found.servers.map(({ name, primary, secondary }) =>
      `${name} ${formatIpv4(primary)}/${formatIpv4(secondary)}`
    );
    assert.deepEqual(words, want);
    assert.equal(found.problems.length, problems.length, found.problems.join("\n"));
    problems.forEach((it, i) => assert.match(found.problems[i]!, it));
  });
}

test("resolveServers names the servers that are too many", async () => {
  const many = Array.from({ length: SERVERS_MAX + 2 }, (_, i) => ip4("192.0.2.0") + 2 * i);
  const found = await resolveServers(names(["many.test"]), () => Promise.resolve(many));
  assert.equal(found.servers.length, SERVERS_MAX);
  assert.deepEqual(
    found.problems,
    ["192.0.2.64", "192.0.2.66"].map((it) =>
      `Server ${it} is one too many: at most ${SERVERS_MAX} are asked`
    ),
  );
});

/** Names and their IPv6 addresses. */
const DNS6: Readonly<Record<string, readonly string[]>> = {
  "both.test": ["2001:0:c633:6401::1", "3ffe:831f:c633:6401::1", "2001:db8::7"],
  "client.test": ["2001:0:c633:6401::1"],
  "site.test": ["fd00::1"],
  "nobody.test": [],
};
const OTHER_PREFIX = 0x3ffe831f;

const TARGETS: readonly (readonly [host: string, prefix: number, want: string | RegExp])[] = [
  ["2001:db8::7", SERVICE_PREFIX, "2001:db8::7"],
  ["both.test", SERVICE_PREFIX, "3ffe:831f:c633:6401::1"],
  ["both.test", OTHER_PREFIX, "2001:0:c633:6401::1"],
  [
    "client.test",
    SERVICE_PREFIX,
    /^client\.test is a Teredo address: give a host with native IPv6$/,
  ],
  ["client.test", OTHER_PREFIX, "2001:0:c633:6401::1"],
  ["3ffe:831f::1", OTHER_PREFIX, /^3ffe:831f::1 is a Teredo address/],
  ["3ffe:831f::1", SERVICE_PREFIX, "3ffe:831f::1"],
  ["site.test", SERVICE_PREFIX, /^site\.test is not an address of the IPv6 Internet/],
  ["nobody.test", SERVICE_PREFIX, /^nobody\.test has no IPv6 address, .*; name another host/],
];

for (const [host, prefix, want] of TARGETS) {
  test(`resolveTarget: ${host} where ${prefix.toString(16)} is the service prefix`, async () => {
    const resolve6 = (name: string) => Promise.resolve(DNS6[name]!.map((it) => parseIpv6(it)!));
    const found = await resolveTarget(host, prefix, resolve6);
    if (typeof want === "string") assert.deepEqual(found, parseIpv6(want));
    else assert.match(String(found), want);
  });
}
