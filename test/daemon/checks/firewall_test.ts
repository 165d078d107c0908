import assert from "node:assert/strict";
import test from "node:test";
import { checkFirewall, watchFirewall } from "#src/daemon/checks/firewall.ts";
import { formatCheck } from "#src/daemon/checks/result.ts";
import type { Filtered, FilterReport, Traffic } from "#src/daemon/host/traffic.ts";
import { DESTINATION_AT, formatIpv6, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { clientConfig, fakeHost, relayConfig, serverConfig } from "./fake_host.ts";

const CONFIG = {
  relay: relayConfig({ bindPort: 3545 }),
  server: serverConfig(),
  client: clientConfig(),
};

/** A host whose filters do to the traffic what `filter` says. */
function hostWith(filter: (traffic: readonly Traffic[]) => Partial<FilterReport>) {
  const filters = (traffic: () => readonly Traffic[]): FilterReport => ({
    filtered: [],
    handled: [],
    seen: [],
    asked: [],
    unseen: [],
    ...filter(traffic()),
  });
  return fakeHost({ filters, watchFilters: filters });
}

function stopped(traffic: Traffic, change: Partial<Filtered> = {}): Filtered {
  const { packets } = traffic;
  return { traffic, packets, certain: true, doubt: undefined, by: "B", mend: "M", ...change };
}

const lines = (role: "relay" | "server", filter: Parameters<typeof hostWith>[0]) =>
  checkFirewall(hostWith(filter), role, CONFIG).map(formatCheck);

const find = (traffic: readonly Traffic[], subject: RegExp) =>
  traffic.find((it) => subject.test(it.subject))!;

test("checkFirewall() says that nothing is in the way, and of what", () => {
  assert.deepEqual(lines("relay", () => ({ seen: ["nftables", "iptables-legacy"] })), [
    "ok   firewall: nftables and iptables-legacy let everything needed pass",
  ]);
});

test("checkFirewall() never says ok of what it could not look at", () => {
  const unseen = ["nftables: that takes CAP_NET_ADMIN"];
  assert.deepEqual(lines("relay", () => ({ unseen })), [
    "note firewall: cannot look at nftables: that takes CAP_NET_ADMIN",
  ]);
});

test("checkFirewall() says nothing where it is not known what filters there are", () => {
  assert.deepEqual(checkFirewall(fakeHost(), "relay", CONFIG), []);
});

test("checkFirewall() fails for what the role serves nobody without, and warns of the rest", () => {
  const filtered = (traffic: readonly Traffic[]) => [
    stopped(find(traffic, /^UDP datagrams to/)),
    stopped(find(traffic, /^Packet Too Big/), { by: "C" }),
    stopped(find(traffic, /^UDP datagrams from/), { certain: false, doubt: "limit", by: "D" }),
  ];
  assert.deepEqual(lines("relay", (traffic) => ({ filtered: filtered(traffic) })), [
    "FAIL firewall: UDP datagrams to port 3545 are dropped by B; mend: M",
    "warn firewall: Packet Too Big to clients are dropped by C; mend: M",
    'warn firewall: UDP datagrams from port 3545 may be dropped by D, where "limit" is not ' +
    "understood; mend: M",
  ]);
});

test("checkFirewall() tells one rule once, with all that it drops", () => {
  const filtered = (traffic: readonly Traffic[]) => [
    stopped(find(traffic, /answers to clients/)),
    stopped(find(traffic, /send to clients first/), {
      packets: find(traffic, /send to clients first/).packets.slice(1, 2),
    }),
  ];
  assert.deepEqual(lines("relay", (traffic) => ({ filtered: filtered(traffic) })), [
    "FAIL firewall: IPv6 hosts' answers to clients, what IPv6 hosts send to clients first (UDP) " +
    "are dropped by B; mend: M",
  ]);
});

test("checkFirewall() of a server asks for both addresses, both ways, and for native packets", () => {
  let asked: readonly Traffic[] = [];
  lines("server", (traffic) => {
    asked = traffic;
    return {};
  });
  assert.deepEqual(asked.map(({ subject, path, version }) => `${version} ${path} ${subject}`), [
    "4 input UDP datagrams to 198.51.100.1:3544",
    "4 output UDP datagrams from 198.51.100.1:3544",
    "4 input UDP datagrams to 198.51.100.2:3544",
    "4 output UDP datagrams from 198.51.100.2:3544",
    "6 output clients' packets that this server hands to the IPv6 Internet",
  ]);
});

test("checkFirewall() of a relay for its own host asks for no forwarding", () => {
  let asked: readonly Traffic[] = [];
  const host = hostWith((traffic) => {
    asked = traffic;
    return {};
  });
  checkFirewall(host, "relay", { ...CONFIG, relay: relayConfig({ served: "self" }) });
  assert.deepEqual(asked.map(({ path }) => path), ["input", "output", "output", "input"]);
});

/** What `served` names, and the host that is to stand for it. */
const SAMPLES: readonly (readonly [served: string, native: string])[] = [
  ["2001:db8:7::/48", "2001:db8:7::1"],
  ["2001:db8:7::80/124", "2001:db8:7::81"],
  ["2001:db8:7::88/128", "2001:db8:7::88"],
];

for (const [served, native] of SAMPLES) {
  test(`checkFirewall() of a relay for ${served} asks about that alone`, () => {
    let asked: readonly Traffic[] = [];
    const host = hostWith((traffic) => {
      asked = traffic;
      return {};
    });
    const relay = relayConfig({ served: [parseIpv6Prefix(served)!] });
    checkFirewall(host, "relay", { ...CONFIG, relay });
    const [sample] = find(asked, /packets from clients/).packets;
    assert.equal(formatIpv6(sample!.bytes, DESTINATION_AT), native);
  });
}

test("watchFirewall() asks for the port and the interface that a relay has", () => {
  let asked: readonly Traffic[] = [];
  const host = hostWith((traffic) => {
    asked = traffic;
    return {};
  });
  const open = { listening: ["0.0.0.0:40123"], interfaceName: "tun7" };
  watchFirewall(host, { role: "relay", ...CONFIG, open });
  assert.equal(asked[0]!.subject, "UDP datagrams to port 40123");
  assert.deepEqual(find(asked, /packets from clients/).accept, { in: "tun7", from: "2001::/32" });
});

/** What `checkFirewall()`, or `watchFirewall()` with an endpoint, asks about for a client. */
function askedOfClient(
  changes: Parameters<typeof clientConfig>[0],
  listening?: string,
): readonly Traffic[] {
  let asked: readonly Traffic[] = [];
  const host = hostWith((traffic) => {
    asked = traffic;
    return {};
  });
  const config = { ...CONFIG, client: clientConfig(changes) };
  if (listening === undefined) checkFirewall(host, "client", config);
  else watchFirewall(host, { role: "client", ...config, open: { listening: [listening] } });
  return asked;
}

const saidOf = (asked: readonly Traffic[]) =>
  asked.map(({ path, subject, accept }) => `${path} ${subject} ${JSON.stringify(accept)}`);

test("checkFirewall() of a client names no port where the kernel is to choose one", () => {
  assert.deepEqual(saidOf(askedOfClient({})), [
    'output UDP datagrams to port 3544 of servers {"toPort":3544}',
    'input answers of servers (UDP from port 3544) {"udp":true,"answers":true}',
    'output UDP datagrams to peers {"udp":true}',
    'input answers of peers (UDP from any port) {"udp":true,"answers":true}',
  ]);
});

test("checkFirewall() of a client names the port that it has: its configured one, and that of its socket", () => {
  const want = [
    'output UDP datagrams from port 40123 to port 3544 of servers {"fromPort":40123}',
    'input answers of servers (UDP from port 3544) to port 40123 {"toPort":40123}',
    'output UDP datagrams from port 40123 to peers {"fromPort":40123}',
    'input answers of peers (UDP from any port) to port 40123 {"toPort":40123}',
  ];
  assert.deepEqual(saidOf(askedOfClient({ bindPort: 40_123 })), want);
  assert.deepEqual(saidOf(askedOfClient({}, "0.0.0.0:40123")), want);
});

test("checkFirewall() of a client asks about the servers that are named by address, else about any", () => {
  const to = (host: string) =>
    askedOfClient({ servers: [{ host, secondary: undefined }] })[0]!.packets.map((it) => it.what);
  assert.deepEqual(to("192.0.2.7"), ["to 192.0.2.7"]);
  assert.equal(to("teredo.example").length, 5);
});
