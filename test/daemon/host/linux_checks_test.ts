import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import type { RelayConfig } from "#src/config/config.ts";
import { formatCheck } from "#src/daemon/checks/result.ts";
import { checkRelay, checkServer } from "#src/daemon/checks/role.ts";
import { linuxHost } from "#src/daemon/host/linux/mod.ts";

import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";

import { inNamespace, sh } from "#test/runtime/namespace.ts";
import { relayConfig, serverConfig } from "../checks/fake_host.ts";

/** The checks against the kernel of this machine: what it was told, and what they make of its answers. */

interface Scene {
  readonly name: string;
  /** Commands that set it up. */
  readonly given: readonly string[];
  readonly relay?: Partial<RelayConfig>;
  /** Of the server's two addresses the first; the check is a relay's without. */
  readonly server?: string;
  /** Lines that are not ok, of checks of ROUTING. */
  readonly want: readonly (string | RegExp)[];
}

/** Checks that the scenes are about: the others depend on the machine that the tests run on. */
const ROUTING = new Set(
  ("tun forwarding ipv6_route icmp_source service_route address ipv4_route public port consecutive " +
    "mtu").split(" "),
);

const FIT = `link set lo up
link add v4 type veth peer name p4
link add v6 type veth peer name p6
link set v4 up
link set p4 up
link set v6 up
link set p6 up
address add 198.51.100.50/24 dev v4
address add 198.51.100.51/24 dev v4
route add default via 198.51.100.1
address add 2001:db8:1::1/64 dev v6 nodad
route add default via 2001:db8:1::2 dev v6
neighbour add 2001:db8:1::2 lladdr 02:00:00:00:00:02 dev v6`;

const NO_DEFAULT = "-6 route delete default";
const v4 = (text: string) => parseIpv4(text)!;

const SAID =
  "take away what says so, unless it is meant; `ip -6 route show table all` and `ip -6 rule` " +
  "show it";
const refused = (
  why: string,
  mend = "ip -6 route add default from 2001::/32 via 2001:db8:1::2 dev v6",
) =>
  `FAIL ipv6_route: packets from clients, of 2001::/32, to 2001:503:ba3e::2:30 are refused, while this ` +
  `host's own leave by v6: ${why}; mend: ${mend}`;
const NOWHERE = (why: string, mend = "ip -6 route add default via ROUTER dev INTERFACE") =>
  `warn ipv6_route: packets from clients to 2001:503:ba3e::2:30 are refused: ${why}; only networks with a ` +
  `route of their own are reachable; mend: ${mend}`;
const RULE = (verdict: string, priority: number) =>
  `${verdict} service_route: a rule has packets to 2001::/32 looked up in table 100, past a relay's ` +
  `route in table main; mend: ip -6 rule add to 2001::/32 lookup main priority ${priority}; ` +
  "`ip -6 rule` shows the rules";
const NO_SOURCE =
  /^warn icmp_source: ICMPv6 errors leave from fe80::\S+ \(Link-Local Unicast, RFC 4291\), and a Packet Too Big/;

const scenes: readonly Scene[] = [
  { name: "a fit host", given: [], want: [] },
  { name: "a fit server", given: [], server: "198.51.100.50", want: [] },
  {
    name: "a default route for one source alone",
    given: [NO_DEFAULT, "-6 route add default from 2001:db8:1::/64 via 2001:db8:1::2 dev v6"],
    want: [refused("no route leads there")],
  },
  {
    name: "no default route",
    given: [NO_DEFAULT],
    want: [NOWHERE("no route leads there")],
  },
  {
    name: "a rule that has only this host's own packets use the table of the default route",
    given: [
      NO_DEFAULT,
      "-6 route add default via 2001:db8:1::2 dev v6 table 100",
      "-6 rule add iif lo not from 2001::/32 lookup 100",
    ],
    want: [refused("no route leads there"), RULE("FAIL", 32764)],
  },
  {
    name: "a rule that prohibits packets of clients",
    given: ["-6 rule add from 2001::/32 prohibit"],
    want: [refused("a route or rule says prohibit", SAID)],
  },
  {
    name: "a rule for packets of clients, with a table of their own",
    given: [
      NO_DEFAULT,
      "-6 route add default via 2001:db8:1::2 dev v6 table 100",
      "-6 rule add from 2001::/32 lookup 100",
    ],
    want: [],
  },
  ...Object.entries({ unreachable: "route", prohibit: "route or rule", blackhole: "route or rule" })
    .map(([type, what]) => ({
      name: `a default route that says ${type}`,
      given: [NO_DEFAULT, `-6 route add ${type} default`],
      want: [NOWHERE(`a ${what} says ${type}`, SAID)],
    })),
  {
    name: "a table of throw routes",
    given: [
      "-6 route add throw default table 100",
      "-6 rule add from 2001::/32 lookup 100",
    ],
    want: [],
  },
  {
    name: "one network that a route rejects, within the default route",
    given: ["-6 route add unreachable 2001:7fd::/32"],
    want: [
      NOWHERE("a route says unreachable", SAID).replace("2001:503:ba3e::2:30", "2001:7fd::1"),
    ],
  },
  {
    name: "a default route of two nexthops by objects",
    given: [
      NO_DEFAULT,
      "nexthop add id 1 via 2001:db8:1::2 dev v6",
      "nexthop add id 2 via 2001:db8:1::3 dev v6",
      "nexthop add id 3 group 1/2",
      "-6 route add default nhid 3",
    ],
    want: [],
  },
  {
    name: "the guard of a careful operator",
    given: ["-6 route add unreachable 2001::/32 metric 4294967295"],
    want: [],
  },
  {
    name: "routes of other relays, by BGP",
    given: [
      "-6 route add 2001::/32 via 2001:db8:1::9 dev v6 metric 20 proto zebra",
      "-6 route add 2001::/32 via 2001:db8:1::9 dev v6 metric 32 proto bird",
    ],
    want: [],
  },
  {
    name: "a route of the prefix that wins",
    given: ["-6 route add 2001::/32 via 2001:db8:1::9 dev v6 metric 5 proto bird"],
    want: [
      "FAIL service_route: 2001::/32 is already routed to v6 (proto bird, metric 5), which wins over a " +
      "route of metric 10; mend: stop what made it, perhaps another Teredo relay or client, or " +
      "let it have a higher metric; `ip -6 route show exact 2001::/32` shows it",
    ],
  },
  {
    name: "a rule for all packets, with a table of its own before the main one",
    given: [
      "-6 route add default via 2001:db8:1::2 dev v6 table 100",
      "-6 rule add lookup 100 pref 1000",
    ],
    want: [RULE("FAIL", 999)],
  },
  {
    name: "a rule for packets to clients that come in from the Internet",
    given: [
      "-6 route add 2001::/32 via 2001:db8:1::9 dev v6 table 100",
      "-6 rule add iif v6 lookup 100 pref 1000",
    ],
    want: [RULE("FAIL", 999)],
  },
  {
    name: "the mend of such a rule",
    given: [
      "-6 route add default via 2001:db8:1::2 dev v6 table 100",
      "-6 rule add lookup 100 pref 1000",
      "-6 rule add to 2001::/32 lookup main priority 999",
    ],
    want: [],
  },
  {
    name: "a rule whose table has no route for clients",
    given: ["-6 route add 2001:db8:9::/48 dev v6 table 100", "-6 rule add lookup 100 pref 1000"],
    want: [],
  },
  {
    name: "a VPN's rules, which leave all but the default route to the main table",
    given: [
      "-6 route add default via 2001:db8:1::2 dev v6 table 100",
      "-6 rule add lookup main suppress_prefixlength 0 pref 999",
      "-6 rule add lookup 100 pref 1000",
    ],
    want: [],
  },
  {
    name: "a table behind the main one",
    given: [
      NO_DEFAULT,
      "-6 route add default via 2001:db8:1::2 dev v6 table 100",
      "-6 rule add lookup 100 pref 40000",
    ],
    want: [],
  },
  {
    name: "routes of parts of the prefix",
    given: [
      "-6 route add 2001:0:c000::/36 via 2001:db8:1::9 dev v6 metric 4000",
      "-6 route add unreachable 2001:0:a00::/40",
    ],
    want: [
      /^warn service_route: packets to some clients do not enter a relay: 2001:0:(a00::\/40 is refused by a route \(unreachable, .*, 2001:0:c000::\/36 is routed to v6 \(proto boot, metric 4000\)|c000::.*a00::.*); mend: /,
    ],
  },
  {
    name: "the tunnel of another Teredo client",
    given: [
      "tuntap add miredo mode tun",
      "link set miredo up",
      "-6 route add 2001::/32 dev miredo",
    ],
    want: [
      "warn service_route: 2001::/32 is also routed to miredo (proto boot, metric 1024), perhaps by " +
      "another Teredo relay or client, which gets no packets while a relay's route of metric 10 is " +
      "there; mend: stop one of the two; `ip -6 route show exact 2001::/32` shows the route",
    ],
  },
  {
    name: "an uplink with the relay's name as its other one",
    given: ["link property add dev v4 altname teredo"],
    want: [
      "FAIL tun: teredo is another name (altname) of the interface v4; mend: choose another " +
      "interface_name, or take that name away: ip link property del dev v4 altname teredo",
    ],
  },
  {
    name: "a bridge with the relay's name",
    given: ["link add teredo type bridge"],
    want: [
      "FAIL tun: an interface teredo exists already and is of the kind bridge; mend: choose another " +
      "interface_name; `ip -d link show dev teredo` shows what it is",
    ],
  },
  {
    name: "a server's addresses on no interface, for which the kernel takes packets",
    given: ["route add local 203.0.113.20/31 dev lo"],
    server: "203.0.113.20",
    want: [],
  },
  {
    name: "an address that can be bound and is not here",
    given: ["!sysctl -qw net.ipv4.ip_nonlocal_bind=1"],
    relay: { bindAddress: v4("203.0.113.20") },
    want: [
      "FAIL address: 203.0.113.20 is not on this host; mend: ip addr add 203.0.113.20/32 dev v4",
    ],
  },
  {
    name: "only link-local IPv6 addresses",
    given: [
      "-6 address flush dev v6 scope global",
      "address add fe80::99/64 dev v6 nodad",
      "-6 route replace default via fe80::1 dev v6",
    ],
    want: [NO_SOURCE],
  },
  {
    name: "no IPv4 address",
    given: ["address flush dev v4"],
    want: [
      "FAIL address: this host has no IPv4 address, so no client reaches it; mend: give it a public " +
      "one: ip addr add A.B.C.D/32 dev INTERFACE",
    ],
  },
  {
    name: "no IPv4 default route",
    given: ["route delete default"],
    want: [
      "warn ipv4_route: datagrams to the IPv4 Internet (198.41.0.4) are refused: no route leads there; " +
      "only clients in networks with a route of their own are reached; mend: ip route add default via " +
      "ROUTER dev INTERFACE",
    ],
  },
  {
    name: "an IPv4 address without a way of its own",
    given: ["rule add from 198.51.100.51 prohibit"],
    relay: { bindAddress: v4("198.51.100.51") },
    want: [
      "FAIL ipv4_route: datagrams from 198.51.100.51 to the IPv4 Internet (198.41.0.4) are refused, " +
      "unlike those of other addresses: a route or rule says prohibit; mend: take away what says so, " +
      "unless it is meant; `ip route show table all` and `ip rule` show it",
    ],
  },
  {
    name: "a carrier's NAT as the way out, beside a public address elsewhere",
    given: [
      "address add 100.64.3.1/24 dev p4",
      "route replace default via 100.64.3.254",
      "address add 8.8.8.8/32 dev lo",
    ],
    want: [
      "warn public: 100.64.3.1 (Shared Address Space, RFC 6598) is not reached from the Internet: " +
      "clients reach the relay only if its UDP port is forwarded to it; mend: bind_address = 8.8.8.8",
    ],
  },
  {
    name: "an uplink of 1280 bytes",
    given: ["link set v4 mtu 1280"],
    want: [
      "warn mtu: 1280 bytes and 28 of headers do not fit 1280 of v4: full-size packets leave as " +
      "fragments; mend: where its link carries that, raise it: ip link set dev v4 mtu 1308",
    ],
  },
  {
    name: "a route of 1300 bytes",
    given: ["route replace default via 198.51.100.1 mtu 1300"],
    want: [
      "warn mtu: 1280 bytes and 28 of headers do not fit 1300 of the route by v4: full-size packets " +
      "leave as fragments; mend: where its link carries that, raise it: ip link set dev v4 mtu 1308",
    ],
  },
];

/** What a command may do to a host that it does not know: nothing of this. */
const DESTROYS =
  /\b(link|tuntap|addr|address|route|rule) (-\w+ )*(del|delete|flush)\b|\bkill\b|\brm\b|\bdestroy\b|\bflush\b/;

const libc = await openLibc();

inNamespace(import.meta.filename!, () => {
  const host = linuxHost(libc);
  const told = new Set<string>();

  const typed = (command: string) =>
    sh(command.startsWith("!") ? command.slice(1) : `ip ${command}`);
  const reset = () => {
    for (const name of ["v4", "v6", "teredo", "miredo"]) spawnSync("ip", ["link", "delete", name]);
    for (const family of ["-4", "-6"]) {
      for (const table of ["main", "100"]) {
        spawnSync("ip", [family, "route", "flush", "table", table]);
      }
      // Rules come back by their priorities alone.
      spawnSync("ip", [family, "rule", "flush"]);
      spawnSync("ip", [family, "rule", "add", "pref", "32766", "lookup", "main"]);
    }
    for (const address of ["8.8.8.8/32"]) spawnSync("ip", ["addr", "del", address, "dev", "lo"]);
    spawnSync("ip", ["route", "delete", "local", "203.0.113.20/31"]);
    sh("sysctl -qw net.ipv4.ip_nonlocal_bind=0");
  };
  sh("sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0");

  for (const { name, given, relay, server, want } of scenes) {
    test(`check${server === undefined ? "Relay" : "Server"}() on this kernel: ${name}`, () => {
      reset();
      const batch = spawnSync("ip", ["-batch", "-"], { input: FIT, encoding: "utf8" });
      assert.equal(batch.status, 0, batch.stderr);
      for (const command of given) typed(command);
      const results = server === undefined ? checkRelay(host, relayConfig(relay)) : checkServer(
        host,
        serverConfig({ bindAddress: v4(server), bindAddress2: v4(server) + 1 }),
      );
      const odd = results
        .filter(({ name, verdict }) => ROUTING.has(name) && verdict !== "ok")
        .map(formatCheck);
      for (const { mend } of results) if (mend !== undefined) told.add(mend);
      assert.equal(odd.length, want.length, odd.join("\n"));
      for (const [i, line] of want.entries()) {
        if (typeof line === "string") assert.equal(odd[i], line);
        else assert.match(odd[i]!, line);
      }
    });
  }

  test("no mend that was told destroys anything", () => {
    assert.ok(told.size > 10);
    for (const mend of told) {
      // A name that was found to be one of an interface's own, and nothing else of it, goes.
      const rest = mend.replace("ip link property del dev v4 altname teredo", "");
      assert.doesNotMatch(rest, DESTROYS);
    }
  });
});
