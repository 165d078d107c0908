import assert from "node:assert/strict";
import test from "node:test";
import { EACCES, ENOENT, ENOSYS, ENXIO, EPERM } from "#ffi/linux/mod.ts";
import type { RelayConfig, ServerConfig } from "#src/config/config.ts";
import { failures, formatCheck } from "#src/daemon/checks/result.ts";
import { checkRelay, checkServer } from "#src/daemon/checks/role.ts";
import type { Journey, Way } from "#src/daemon/host/contract.ts";
import { ipv4Bytes } from "#src/daemon/host/samples.ts";
import type { Capability } from "#src/daemon/host/linux/answers.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import {
  formatIpv6,
  formatIpv6Prefix,
  parseIpv6,
  parseIpv6Prefix,
} from "#src/protocol/wire/ipv6.ts";
import {
  EVERY_CAPABILITY,
  type Facts,
  fakeHost,
  IN_USE,
  PRIMARY_ADDRESS,
  REFUSED,
  relayConfig,
  sentBy,
  serverConfig,
  UPLINK,
} from "./fake_host.ts";

interface Case {
  readonly name: string;
  readonly facts?: Facts;
  readonly relay?: Partial<RelayConfig>;
  readonly server?: Partial<ServerConfig>;
  /** Lines that must be there; every other line must be ok. */
  readonly want: readonly string[];
}

const DEVICE = { up: true, hasCarrier: true, mtu: 1500, hasLinkLocal: true };
const PROCESS = {
  user: undefined,
  chroot: undefined,
  pidFile: undefined,
  sandbox: "auto" as const,
};
const unable = (...missing: Capability[]) =>
  EVERY_CAPABILITY.filter((name) => !missing.includes(name));
const v4 = (text: string) => parseIpv4(text)!;
const takesBut = (...absent: string[]) => (asked: number) => !absent.map(v4).includes(asked);
/** Of packets that have a source: only those are refused. */
const refusesSource = ({ source }: Journey) =>
  source === undefined ? sentBy("eth0", parseIpv6("2001:db8::1")!) : REFUSED;
const leavesFrom = (text: string) => () => sentBy("eth0", ipv4Bytes(v4(text)));
const taken = (wanted: number) => (_: number, port: number) => port === wanted ? IN_USE : undefined;
const advertised = (interfaceName: string) => () => [{ interfaceName, fromAdvertisement: true }];

const NO_IPV6_ROUTE =
  "warn ipv6_route: packets from clients to 2001:503:ba3e::2:30 are refused: no " +
  "route leads there; only networks with a route of their own are reachable; mend: ip -6 route add " +
  "default via ROUTER dev INTERFACE";

const cases: readonly Case[] = [
  { name: "all is well", want: [] },
  {
    name: "neither root nor capabilities",
    facts: { capabilities: [] },
    want: [
      "FAIL privileges: this process lacks CAP_NET_ADMIN, CAP_NET_RAW; mend: start it as root, " +
      "e.g. with sudo, or under systemd with AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW",
    ],
  },
  {
    name: "a user to become, without the right to",
    facts: {
      capabilities: unable("CAP_SETUID", "CAP_SETGID"),
      user: (name) => ({ name, uid: 65534, gid: 65534, groups: [65534] }),
    },
    relay: { process: { ...PROCESS, user: "nobody" } },
    want: [
      "FAIL privileges: this process lacks CAP_SETUID, CAP_SETGID; mend: start it as root, e.g. " +
      "with sudo, or under systemd with AmbientCapabilities=CAP_SETUID CAP_SETGID",
    ],
  },
  {
    name: "a root directory to change to, without the right to",
    facts: { capabilities: unable("CAP_SYS_CHROOT") },
    relay: { process: { ...PROCESS, chroot: "/var/empty" } },
    want: [
      "FAIL privileges: this process lacks CAP_SYS_CHROOT; mend: start it as root, e.g. with " +
      "sudo, or under systemd with AmbientCapabilities=CAP_SYS_CHROOT",
    ],
  },
  {
    name: "a low port without the right to it",
    facts: { capabilities: unable("CAP_NET_BIND_SERVICE") },
    relay: { bindPort: 1000 },
    want: [
      "FAIL privileges: this process lacks CAP_NET_BIND_SERVICE; mend: start it as root, e.g. " +
      "with sudo, or under systemd with AmbientCapabilities=CAP_NET_BIND_SERVICE",
    ],
  },
  {
    name: "no TUN device",
    facts: { openTunDevice: ENOENT },
    want: [
      "FAIL tun: /dev/net/tun is missing, so the kernel's TUN driver cannot be reached; mend: run " +
      "`modprobe tun`; in a container start it with --device /dev/net/tun, or run `mkdir -p " +
      "/dev/net && mknod /dev/net/tun c 10 200`",
    ],
  },
  {
    name: "no TUN driver",
    facts: { openTunDevice: ENXIO },
    want: [
      "FAIL tun: the kernel has no TUN driver behind /dev/net/tun; mend: run `modprobe tun`",
    ],
  },
  {
    name: "a TUN device that is not ours to open",
    facts: { openTunDevice: EACCES },
    want: [
      "FAIL tun: /dev/net/tun may not be opened: EACCES (Permission denied); mend: start as root; " +
      "in a container start it with --device /dev/net/tun",
    ],
  },
  {
    name: "a kernel without IPv6",
    facts: { variables: { "net/ipv6/conf/all/disable_ipv6": undefined } },
    want: [
      "FAIL ipv6: the kernel has no IPv6; mend: boot without ipv6.disable=1; modprobe ipv6",
    ],
  },
  ...["all", "default"].map((which) => ({
    name: `IPv6 switched off for ${which} interfaces`,
    facts: { variables: { [`net/ipv6/conf/${which}/disable_ipv6`]: "1" } },
    want: [
      `FAIL ipv6: IPv6 is switched off by net.ipv6.conf.${which}.disable_ipv6=1; mend: sysctl -w ` +
      `net.ipv6.conf.${which}.disable_ipv6=0`,
    ],
  })),
  {
    name: "no forwarding",
    facts: { variables: { "net/ipv6/conf/all/forwarding": "0" } },
    want: [
      "FAIL forwarding: the kernel does not forward IPv6 packets; mend: sysctl -w " +
      "net.ipv6.conf.all.forwarding=1",
    ],
  },
  {
    name: "no forwarding, which a host-specific relay does without (H rows)",
    facts: { variables: { "net/ipv6/conf/all/forwarding": "0" } },
    relay: { served: "self" },
    want: [],
  },
  {
    name: "a default route that forwarding will take away",
    facts: {
      variables: { "net/ipv6/conf/wan.7/accept_ra": "1" },
      defaultRoutes6: advertised("wan.7"),
    },
    want: [
      "FAIL accept_ra: wan.7 will lose its IPv6 default route: it came by router advertisement, " +
      "which a forwarding host ignores unless accept_ra is 2; mend: sysctl -w " +
      "net.ipv6.conf.wan/7.accept_ra=2",
    ],
  },
  ...["0", "2"].map((value) => ({
    name: `an advertised default route under accept_ra=${value}`,
    facts: {
      variables: { "net/ipv6/conf/eth0/accept_ra": value },
      defaultRoutes6: advertised("eth0"),
    },
    want: [],
  })),
  { name: "no IPv6 route to the Internet", facts: { way6: () => REFUSED }, want: [NO_IPV6_ROUTE] },
  {
    name: "no IPv6 route to the Internet, which a host-specific relay does without (H rows)",
    facts: { way6: () => REFUSED },
    relay: { served: "self" },
    want: [],
  },
  {
    name: "a default route for this host's own packets alone",
    facts: { way6: refusesSource },
    want: [
      "FAIL ipv6_route: packets from clients, of 2001::/32, to 2001:503:ba3e::2:30 are refused, while " +
      "this host's own leave by eth0: no route leads there; mend: ip -6 route add default from " +
      "2001::/32 dev eth0",
    ],
  },
  {
    name: "a default route back into the tunnel",
    facts: { way6: () => sentBy("teredo") },
    want: [
      "FAIL ipv6_route: packets from clients leave by teredo again; mend: `ip -6 route get fibmatch " +
      "2001:503:ba3e::2:30` shows the route: let it lead to the Internet",
    ],
  },
  {
    name: "a way to all that is served, and to nothing else",
    facts: {
      way6: ({ destination }) =>
        formatIpv6(destination) === "2001:db8:7::1" ? sentBy("eth0") : REFUSED,
    },
    relay: { served: [parseIpv6Prefix("2001:db8:7::/48")!] },
    want: [],
  },
  ...[
    ["fe80::1", "Link-Local Unicast, RFC 4291"],
    ["fd00::1", "Unique-Local, RFC 4193"],
  ].map(([source, what]) => ({
    name: `ICMPv6 errors from ${source}`,
    facts: { way6: () => sentBy("eth0", parseIpv6(source!)!) },
    want: [
      `warn icmp_source: ICMPv6 errors leave from ${source} (${what}), and a Packet Too Big from ` +
      "there is thrown away on its way: large packets then vanish; mend: give this host a global " +
      "IPv6 address: ip -6 addr add ADDRESS/128 dev lo",
    ],
  })),
  {
    name: "no IPv4 address at all",
    facts: { hasIpv4: () => false, way4: () => REFUSED, interfaces: () => [] },
    want: [
      "FAIL address: this host has no IPv4 address, so no client reaches it; mend: give it a public " +
      "one: ip addr add A.B.C.D/32 dev INTERFACE",
    ],
  },
  {
    name: "no IPv4 route to the Internet",
    facts: { way4: () => REFUSED },
    want: [
      "warn ipv4_route: datagrams to the IPv4 Internet (198.41.0.4) are refused: no route leads there; " +
      "only clients in networks with a route of their own are reached; mend: ip route add default via " +
      "ROUTER dev INTERFACE",
    ],
  },
  {
    name: "an address whose datagrams alone are refused",
    facts: { way4: refusesSource },
    relay: { bindAddress: PRIMARY_ADDRESS },
    want: [
      "FAIL ipv4_route: datagrams from 198.51.100.1 to the IPv4 Internet (198.41.0.4) are refused, " +
      "unlike those of other addresses: no route leads there; mend: give packets from that address a " +
      "route, or choose another bind_address",
    ],
  },
  {
    name: "another owner of the prefix",
    facts: {
      serviceRoute: (prefix, own) => ({
        verdict: "fail",
        detail: `${formatIpv6Prefix(prefix)} leads elsewhere than to ${own}`,
        mend: "stop what made the route",
      }),
    },
    want: [
      "FAIL service_route: 2001::/32 leads elsewhere than to teredo; mend: stop what made the route",
    ],
  },
  {
    name: "an announcement where a prefix has one route",
    facts: { hasMetrics: false },
    relay: { announce: true },
    want: [
      "FAIL announce: a prefix has one route on this system, which can say no more than where packets " +
      "go; mend: write `announce = no`; `teredo announce openbgpd` prints what asks /readyz",
    ],
  },
  {
    name: "an address that this host lacks",
    facts: { takes4: takesBut("198.51.100.9") },
    relay: { bindAddress: parseIpv4("198.51.100.9")! },
    want: [
      "FAIL address: 198.51.100.9 is not on this host; mend: ip addr add 198.51.100.9/32 dev eth0",
    ],
  },
  {
    name: "an address that can be bound and gets no packets (ip_nonlocal_bind)",
    facts: { takes4: () => false, refusesUdp: () => undefined },
    relay: { bindAddress: PRIMARY_ADDRESS },
    want: [
      "FAIL address: 198.51.100.1 is not on this host; mend: ip addr add 198.51.100.1/32 dev eth0",
    ],
  },
  {
    name: "an address that no interface shows, and that the kernel takes packets for",
    facts: { interfaces: () => [], takes4: () => true },
    relay: { bindAddress: PRIMARY_ADDRESS },
    want: [],
  },
  ...[
    [
      "192.168.1.5",
      "Private-Use, RFC 1918",
      "forward the relay's UDP port on the NAT in front of this host",
    ],
    [
      "100.64.3.1",
      "Shared Address Space, RFC 6598",
      "have the carrier give a public address: its NAT forwards no ports as a rule",
    ],
    [
      "240.0.0.1",
      "Reserved, RFC 1112",
      "forward the relay's UDP port on the NAT in front of this host",
    ],
  ].map(([address, what, mend]) => ({
    name: `datagrams that leave from ${address}`,
    facts: { way4: leavesFrom(address!), interfaces: () => [{ ...UPLINK, ipv4: [v4(address!)] }] },
    want: [
      `warn public: ${address} (${what}) is not reached from the Internet: clients reach the relay ` +
      `only if its UDP port is forwarded to it; mend: ${mend}`,
    ],
  })),
  {
    name: "datagrams that leave from a private address, beside a public one",
    facts: {
      way4: leavesFrom("10.0.0.1"),
      interfaces: () => [{ ...UPLINK, ipv4: [v4("10.0.0.1"), v4("8.8.8.8")] }],
    },
    want: [
      "warn public: 10.0.0.1 (Private-Use, RFC 1918) is not reached from the Internet: clients reach " +
      "the relay only if its UDP port is forwarded to it; mend: bind_address = 8.8.8.8",
    ],
  },
  {
    name: "a port taken by a program",
    facts: { refusesUdp: taken(3545), udpOwner: () => ({ pid: 77, name: "miredo" }) },
    want: [
      "FAIL port: UDP 0.0.0.0:3545 is taken by miredo (process 77); mend: systemctl stop " +
      "miredo; choose another bind_port",
    ],
  },
  {
    name: "the first port there is taken by a program",
    relay: { bindPort: 1 },
    facts: { refusesUdp: taken(1), udpOwner: () => ({ pid: 77, name: "miredo" }) },
    want: [
      "FAIL port: UDP 0.0.0.0:1 is taken by miredo (process 77); mend: systemctl stop " +
      "miredo; choose another bind_port",
    ],
  },
  {
    name: "a port taken by a program of which nothing is known",
    facts: { refusesUdp: taken(3545), udpOwner: () => ({ pid: 77, name: "named" }) },
    want: [
      "FAIL port: UDP 0.0.0.0:3545 is taken by named (process 77); mend: `ps -p 77` shows what it is; " +
      "choose another bind_port",
    ],
  },
  {
    name: "a port taken by nobody visible",
    facts: { refusesUdp: taken(3545) },
    want: [
      "FAIL port: UDP 0.0.0.0:3545 is taken; mend: ss -ulpn 'sport = :3545' shows by whom",
    ],
  },
  {
    name: "an MTU that the path cannot carry",
    facts: { device: () => ({ ...DEVICE, mtu: 1280 }) },
    want: [
      "warn mtu: 1280 bytes and 28 of headers do not fit 1280 of eth0: full-size packets leave as " +
      "fragments; mend: where its link carries that, raise it: ip link set dev eth0 mtu 1308",
    ],
  },
  {
    name: "an MTU that the path cannot carry, and one that it can",
    facts: { device: () => ({ ...DEVICE, mtu: 1308 }) },
    relay: { interfaceMtu: 1281 },
    want: [
      "warn mtu: 1281 bytes and 28 of headers do not fit 1308 of eth0: full-size packets leave as " +
      "fragments; mend: interface_mtu = 1280",
    ],
  },
  {
    name: "a large MTU and a path that cannot carry the least one",
    facts: { way4: () => ({ ...sentBy("eth0", ipv4Bytes(PRIMARY_ADDRESS)), mtu: 1300 } as Way) },
    relay: { interfaceMtu: 1400 },
    want: [
      "warn mtu: 1400 bytes and 28 of headers do not fit 1300 of the route by eth0: full-size packets " +
      "leave as fragments; mend: interface_mtu = 1280; and where its link carries that, raise it: ip " +
      "link set dev eth0 mtu 1308",
    ],
  },
  {
    name: "several workers without the right to share out packets among them",
    facts: { loadSteering: (workers) => workers === 3 ? EPERM : ENOSYS },
    relay: { workers: 3 },
    want: [
      "warn workers: one serves, not 3 (workers = 3): bpf(2) is refused: EPERM (Operation not " +
      "permitted); mend: start it as root, or under systemd with AmbientCapabilities=CAP_BPF; " +
      "where that is not to be had, as in a user namespace, workers = 1",
    ],
  },
  {
    name: "as many workers as a machine has use for, on a kernel without bpf(2)",
    facts: { cores: () => 8, loadSteering: (workers) => workers === 4 ? ENOSYS : EPERM },
    want: [
      "warn workers: one serves, not 4 (auto: half of 8 cores, the others receive): bpf(2) is " +
      "refused: ENOSYS (Function not implemented); mend: workers = 1",
    ],
  },
  {
    name: "one worker, which needs no such right",
    facts: { cores: () => 2, loadSteering: () => EPERM },
    want: [],
  },
  {
    name: "a clock that was never set",
    facts: { year: () => 1970 },
    want: [
      "warn clock: the clock says 1970: times in logs and metrics will mislead; mend: timedatectl " +
      "set-ntp true",
    ],
  },
  {
    name: "an unknown user",
    relay: { process: { ...PROCESS, user: "teredo" } },
    want: [
      "FAIL user: there is no user teredo in /etc/passwd; mend: useradd --system --no-create-home " +
      "--shell /usr/sbin/nologin teredo",
    ],
  },
  {
    name: "the superuser as user",
    facts: { user: (name) => ({ name, uid: 0, gid: 0, groups: [0] }) },
    relay: { process: { ...PROCESS, user: "root" } },
    want: [
      "FAIL user: root is the superuser, so nothing would be given up; mend: choose another user, " +
      "e.g. nobody, or none",
    ],
  },
  {
    name: "a root directory that is none",
    facts: { isDirectory: () => false },
    relay: { process: { ...PROCESS, chroot: "/nowhere" } },
    want: ["FAIL chroot: /nowhere is not a directory; mend: mkdir -p /nowhere"],
  },
  { name: "a fit server", server: {}, want: [] },
  {
    name: "a server without raw sockets",
    facts: { capabilities: unable("CAP_NET_RAW") },
    server: {},
    want: [
      "FAIL privileges: this process lacks CAP_NET_RAW; mend: start it as root, e.g. with sudo, or " +
      "under systemd with AmbientCapabilities=CAP_NET_RAW",
    ],
  },
  {
    name: "a server whose second address is missing",
    facts: {
      takes4: takesBut("198.51.100.2"),
      interfaces: () => [
        { ...UPLINK, name: "lan0", ipv4: [parseIpv4("192.168.1.1")!] },
        { ...UPLINK, name: "wan0", ipv4: [PRIMARY_ADDRESS] },
      ],
      way4: () => sentBy("lan0"),
    },
    server: {},
    want: [
      "FAIL address: 198.51.100.2 is not on this host; mend: ip addr add 198.51.100.2/32 dev wan0",
    ],
  },
  ...[["wan0", "wan9"], ["wan9", "wan0"]].map((names): Case => ({
    name: `a server whose second address is missing, near ${names.join(" and ")}`,
    facts: {
      takes4: takesBut("198.51.100.2"),
      interfaces: () =>
        names.map((name) => ({
          ...UPLINK,
          name,
          ipv4: [name === "wan0" ? PRIMARY_ADDRESS : parseIpv4("198.51.100.99")!],
        })),
    },
    server: {},
    want: [
      "FAIL address: 198.51.100.2 is not on this host; mend: ip addr add 198.51.100.2/32 dev wan0",
    ],
  })),
  {
    name: "a server on private addresses",
    server: { bindAddress: parseIpv4("10.0.0.1")!, bindAddress2: parseIpv4("10.0.0.2")! },
    want: ["10.0.0.1", "10.0.0.2"].map((address) =>
      `FAIL public: ${address} is not a global unicast address: clients and relays refuse it; ` +
      "mend: behind 1:1 NAT set advertised_address and advertised_address2 to the public addresses"
    ),
  },
  {
    name: "a server on a carrier's addresses",
    server: { bindAddress: v4("100.64.0.1"), bindAddress2: v4("100.64.0.2") },
    want: ["100.64.0.1", "100.64.0.2"].map((address) =>
      `warn public: ${address} (Shared Address Space, RFC 6598) is not reached from the Internet; ` +
      "mend: behind 1:1 NAT set advertised_address and advertised_address2 to the public addresses"
    ),
  },
  {
    name: "a server whose second address has no way out",
    facts: {
      way4: ({ source }) => source?.[3] === 2 ? REFUSED : sentBy("eth0"),
    },
    server: {},
    want: [
      "FAIL ipv4_route: datagrams from 198.51.100.2 to the IPv4 Internet (198.41.0.4) are refused, " +
      "unlike those of other addresses: no route leads there; mend: give packets from that address a " +
      "route, or choose another bind_address",
    ],
  },
  {
    name: "a server without a way for clients' packets",
    facts: { way6: refusesSource },
    server: {},
    want: [
      "FAIL ipv6_route: packets from clients, of 2001::/32, to 2001:503:ba3e::2:30 are refused, while " +
      "this host's own leave by eth0: no route leads there; mend: ip -6 route add default from " +
      "2001::/32 dev eth0",
    ],
  },
  {
    name: "a server behind 1:1 NAT",
    server: {
      bindAddress: parseIpv4("10.0.0.1")!,
      bindAddress2: parseIpv4("10.0.0.7")!,
      advertisedAddress: PRIMARY_ADDRESS,
      advertisedAddress2: PRIMARY_ADDRESS + 1,
    },
    want: [],
  },
  {
    name: "two server addresses that are not consecutive",
    server: { bindAddress2: PRIMARY_ADDRESS + 4 },
    want: [
      "FAIL consecutive: 198.51.100.1, 198.51.100.5 are not consecutive, as Windows clients take " +
      "them to be; mend: use 198.51.100.2 as second address, or allow_non_consecutive = yes",
    ],
  },
  {
    name: "the same on purpose",
    server: { bindAddress2: PRIMARY_ADDRESS + 4, allowNonConsecutive: true },
    want: [
      "warn consecutive: 198.51.100.1, 198.51.100.5 are not consecutive, as Windows clients take " +
      "them to be; mend: use 198.51.100.2 as second address, or allow_non_consecutive = yes",
    ],
  },
  {
    name: "a server beside another one of ours",
    facts: { refusesUdp: taken(3544), udpOwner: () => ({ pid: 5, name: "teredo" }) },
    server: {},
    want: ["198.51.100.1", "198.51.100.2"].map((address) =>
      `FAIL port: UDP ${address}:3544 is taken by teredo (process 5); mend: \`ps -p 5\` ` +
      "shows what it is; servers have no other port"
    ),
  },
  {
    name: "a server beside Miredo's",
    facts: { refusesUdp: taken(3544), udpOwner: () => ({ pid: 5, name: "miredo-server" }) },
    server: {},
    want: ["198.51.100.1", "198.51.100.2"].map((address) =>
      `FAIL port: UDP ${address}:3544 is taken by miredo-server (process 5); mend: ` +
      "systemctl stop miredo-server; servers have no other port"
    ),
  },
];

/** What a command may do to a host that it does not know: nothing of this. */
const DESTROYS =
  /\b(link|tuntap|addr|address|route|rule)\b[^;`]*\b(del|delete|flush)\b|\b(kill|pkill|rm|destroy|flush)\b/;
/** Services that are known for Teredo relays and servers. */
const STOPPED = /^systemctl stop (miredo|miredo-server); /;

test("no mend of any case destroys anything, or stops what is not known for Teredo", () => {
  for (const { facts, relay, server } of cases) {
    const host = fakeHost(facts);
    const results = server === undefined
      ? checkRelay(host, relayConfig(relay))
      : checkServer(host, serverConfig(server));
    for (const { mend = "" } of results) {
      assert.doesNotMatch(mend, DESTROYS);
      if (/\bstop \S+;/.test(mend)) assert.match(mend, STOPPED);
    }
  }
});

for (const { name, facts, relay, server, want } of cases) {
  const role = server === undefined ? "Relay" : "Server";
  test(`check${role}() of ${name}`, () => {
    const host = fakeHost(facts);
    const results = server === undefined
      ? checkRelay(host, relayConfig(relay))
      : checkServer(host, serverConfig(server));
    const odd = results.filter((result) => result.verdict !== "ok").map(formatCheck);
    assert.deepEqual(odd, want);
    const failed = want.filter((line) => line.startsWith("FAIL")).length;
    assert.equal(failures(results).length, failed);
  });
}

test("checkRelay() names its checks in a fixed order", () => {
  const names = checkRelay(fakeHost(), relayConfig()).map((result) => result.name);
  const want = "privileges tun ipv6 forwarding ipv6_route icmp_source service_route ipv4_route " +
    "public port mtu clock";
  assert.equal(names.join(" "), want);
});

test("checkRelay() tells how many workers serve, where it is not one", () => {
  const host = fakeHost({ cores: () => 4 });
  const found = checkRelay(host, relayConfig()).filter(({ name }) => name === "workers");
  assert.deepEqual(found.map(formatCheck), [
    "ok   workers: 2 (auto: half of 4 cores, the others receive)",
  ]);
});

test("checkServer() names its checks in a fixed order", () => {
  const names = checkServer(fakeHost(), serverConfig()).map((result) => result.name);
  const want =
    "privileges ipv6 ipv6_route icmp_source address ipv4_route port address ipv4_route port " +
    "public public consecutive mtu clock";
  assert.equal(names.join(" "), want);
});
