import assert from "node:assert/strict";
import test from "node:test";
import type { RelayConfig, ServerConfig } from "#src/config/config.ts";
import { formatCheck } from "#src/daemon/checks/result.ts";
import { checkRelay, checkServer } from "#src/daemon/checks/role.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { BsdMachine } from "#test/kernel/bsd/machine.ts";
import { type Bsd, type BsdFacts, bsdMachine, BSDS, routed } from "./machine.ts";
import { ADD_USER, FIND_PORT, FORWARD, SET_CLOCK, STOP, TUN } from "./words.ts";
import { relayConfig, serverConfig } from "../../checks/fake_host.ts";

type Lines = readonly string[];

interface Case {
  readonly name: string;
  readonly facts?: BsdFacts;
  readonly relay?: Partial<RelayConfig>;
  readonly server?: Partial<ServerConfig>;
  /**
   * Lines that must be there; every other line must be ok. A system without lines of its own has
   * nothing to complain of.
   */
  readonly want: Lines | Partial<Record<Bsd, Lines>> | ((system: Bsd) => Lines);
}

const PROCESS = {
  user: undefined,
  chroot: undefined,
  pidFile: undefined,
  sandbox: "auto" as const,
};

/** The interface to the network. */
const { ethernet: ETHERNET } = new BsdMachine("FreeBSD");

const ROOT = "start it as root; it changes to its user by itself";
const LOADER = (line: string) => `to have it at every start put ${line} into /boot/loader.conf`;

/** What has a UDP port, as the command of each system shows it. */
function owner(name: string, port: number): Record<string, string> {
  const head = "USER     COMMAND    PID   FD PROTO  LOCAL ADDRESS         FOREIGN ADDRESS\n";
  const other = `root     syslogd    400   7  udp4   *:514                 *:*\n`;
  const sockstat = `${head}${other}root     ${name} 4711  5  udp4   *:${port} *:*\n`;
  const fstat = `root     syslogd      400    7* internet dgram udp *:514\n` +
    `root     ${name}      4711    5* internet dgram udp *:${port}\n`;
  return {
    "sockstat -4 -l": sockstat,
    "sockstat -4 -l -n": sockstat.replaceAll("*:", "*."),
    fstat,
  };
}

/** Somebody has bound all addresses at this port. */
const taken = (port: number): NonNullable<BsdFacts["prepare"]> => ({ world }) =>
  world.network.add({ bound: { address: 0, port }, sharesPort: false, deliver: () => true });

/** Takes the IPv6 default route away. */
const withoutDefault: NonNullable<BsdFacts["prepare"]> = ({ world }) => {
  for (const route of world.routes.filter((it) => it.length === 0)) {
    if (route.destination.length === 16) world.removeRoute(route);
  }
};

const NO_DEFAULT =
  "warn ipv6_route: packets from clients to 2001:503:ba3e::2:30 are refused: no route leads there; " +
  "only networks with a route of their own are reachable; mend: route add -inet6 default ROUTER";

const ADVERTISED = `  interface: ${ETHERNET}\n      flags: <UP,GATEWAY,DONE>\n`;
const LOST = `FAIL accept_ra: ${ETHERNET} will lose its IPv6 default route: it came by router ` +
  "advertisement, which a forwarding host ignores ";

const cases: readonly Case[] = [
  { name: "all is well", want: [] },
  { name: "all is well for a server", server: {}, want: [] },
  {
    name: "not root",
    facts: { around: { uid: () => 1001 } },
    want: [`FAIL privileges: this process lacks root privileges; mend: ${ROOT}`],
  },
  {
    name: "a server that is not root",
    facts: { around: { uid: () => 1001 } },
    server: {},
    want: [`FAIL privileges: this process lacks root privileges; mend: ${ROOT}`],
  },
  {
    name: "a user to become, as root",
    relay: { process: { ...PROCESS, user: "nobody", chroot: "/var/empty" } },
    want: [],
  },
  {
    name: "a driver that is not loaded",
    facts: {
      commands: {
        "kldstat -q -m if_tuntap": undefined,
        "sysctl -n net.link.tun.refcnt": undefined,
        "ifconfig -C": "bridge gif lo vlan\n",
      },
    },
    want: {
      "FreeBSD": [
        "warn tun: if_tuntap is not loaded yet: the daemon loads it as it starts; mend: kldload " +
        `if_tuntap; ${LOADER('if_tuntap_load="YES"')}`,
      ],
      "NetBSD": [
        "warn tun: if_tun is not loaded yet: the kernel may load it when /dev/tun0 is opened; " +
        "mend: modload if_tun; to have it at every start put if_tun into /etc/modules.conf",
      ],
      "DragonFly BSD": [
        "warn tun: if_tun is not loaded yet: the daemon loads it as it starts; mend: kldload " +
        `if_tun; ${LOADER('if_tun_load="YES"')}`,
      ],
    },
  },
  {
    name: "no TUN device",
    facts: { around: { exists: () => false } },
    want: (system) =>
      system === "OpenBSD" || system === "NetBSD"
        ? ["FAIL tun: /dev/tun0 is missing; mend: run `cd /dev && sh MAKEDEV tun0`"]
        : [],
  },
  {
    name: "no device for the unit asked for",
    relay: { interfaceName: "tun7" },
    want: (system) =>
      system === "OpenBSD" || system === "NetBSD"
        ? ["FAIL tun: /dev/tun7 is missing; mend: run `cd /dev && sh MAKEDEV tun7`"]
        : [],
  },
  {
    name: "cloning that is switched off",
    facts: { commands: { "sysctl -n net.link.tun.devfs_cloning": "0\n" } },
    want: {
      "FreeBSD": [
        "FAIL tun: /dev/tun is switched off by net.link.tun.devfs_cloning=0; mend: sysctl " +
        "net.link.tun.devfs_cloning=1",
      ],
    },
  },
  {
    name: "cloning that is switched off, and a unit by its name",
    facts: {
      commands: { "sysctl -n net.link.tun.devfs_cloning": "0\n" },
      around: { exists: () => true },
    },
    relay: { interfaceName: "tun7" },
    want: [],
  },
  {
    name: "a jail without a network stack of its own",
    facts: { commands: { "sysctl -n security.jail.jailed": "1\n" } },
    want: {
      "FreeBSD": [
        "FAIL tun: this jail has no network stack of its own, so no interface can be made in it; " +
        "mend: give it `vnet;` in jail.conf(5), or run the daemon outside",
      ],
    },
  },
  {
    name: "a jail with a network stack, whose host has no driver",
    facts: {
      commands: {
        "sysctl -n security.jail.jailed": "1\n",
        "sysctl -n security.jail.vnet": "1\n",
        "kldstat -q -m if_tuntap": undefined,
      },
    },
    want: {
      "FreeBSD": [
        "FAIL tun: if_tuntap is not loaded, and a jail cannot load it; mend: outside of the jail " +
        `run kldload if_tuntap; ${LOADER('if_tuntap_load="YES"')}`,
      ],
    },
  },
  {
    name: "no forwarding",
    facts: { options: { forwards: false } },
    want: (system) => [
      `FAIL forwarding: the kernel does not forward IPv6 packets; mend: ${FORWARD[system]}`,
    ],
  },
  {
    name: "no forwarding, which a host-specific relay does without (H rows), but for OpenBSD",
    facts: { options: { forwards: false } },
    relay: { served: "self" },
    want: {
      "OpenBSD": [
        `FAIL forwarding: the kernel does not forward IPv6 packets; mend: ${FORWARD.OpenBSD}`,
      ],
    },
  },
  {
    name: "no forwarding for a server's native packets",
    facts: { options: { forwards: false } },
    server: {},
    want: (system) => [
      `FAIL forwarding: the kernel does not forward IPv6 packets; mend: ${FORWARD[system]}`,
    ],
  },
  { name: "no IPv6 default route", facts: { prepare: withoutDefault }, want: [NO_DEFAULT] },
  {
    name: "a default route that forwarding will take away",
    facts: { commands: { "route -n get -inet6 default": ADVERTISED } },
    want: {
      "FreeBSD": [
        LOST + "unless net.inet6.ip6.rfc6204w3 is 1; mend: sysctl net.inet6.ip6.rfc6204w3=1",
      ],
      "DragonFly BSD": [LOST + "on this system; mend: route add -inet6 default ROUTER"],
    },
  },
  {
    name: "an advertised default route that stays",
    facts: {
      commands: {
        "route -n get -inet6 default": ADVERTISED,
        "sysctl -n net.inet6.ip6.rfc6204w3": "1\n",
      },
    },
    want: {
      "DragonFly BSD": [LOST + "on this system; mend: route add -inet6 default ROUTER"],
    },
  },
  {
    name: "another owner of the prefix",
    facts: { prepare: routed("gif0", 0x41) },
    want: [
      "FAIL service_route: 2001::/32 is already routed to the interface gif0, perhaps by another " +
      "Teredo relay or client; mend: stop what made the route; `route -n get -inet6 2001::` shows it",
    ],
  },
  {
    name: "the route of a relay that was killed",
    facts: { prepare: routed("tun0", 0) },
    want: [],
  },
  {
    name: "an address that this host lacks",
    relay: { bindAddress: parseIpv4("198.51.100.9")! },
    want: [
      `FAIL address: 198.51.100.9 is not on this host; mend: ifconfig ${ETHERNET} inet ` +
      "198.51.100.9 netmask 255.255.255.255 alias",
    ],
  },
  {
    name: "a server whose second address is missing",
    server: { bindAddress: parseIpv4("192.0.2.2")!, bindAddress2: parseIpv4("192.0.2.3")! },
    want: [
      `FAIL address: 192.0.2.3 is not on this host; mend: ifconfig ${ETHERNET} inet ` +
      "192.0.2.3 netmask 255.255.255.255 alias",
    ],
  },
  {
    name: "a port taken by a program",
    facts: { prepare: taken(3545), commands: owner("miredo", 3545) },
    want: (system) => [
      `FAIL port: UDP 0.0.0.0:3545 is taken by miredo (process 4711); mend: ${
        STOP[system]("miredo")
      }; choose another bind_port`,
    ],
  },
  {
    name: "a port taken by what runs from source",
    facts: { prepare: taken(3545), commands: owner("deno", 3545) },
    want: [
      "FAIL port: UDP 0.0.0.0:3545 is taken by deno (process 4711); mend: `ps -p 4711` " +
      "shows what it is; choose another bind_port",
    ],
  },
  {
    name: "a port taken by nobody visible",
    facts: { prepare: taken(3545), commands: owner("miredo", 3546) },
    want: (system) => [
      `FAIL port: UDP 0.0.0.0:3545 is taken; mend: ${FIND_PORT[system]} shows by whom`,
    ],
  },
  {
    name: "a server beside another one of ours",
    facts: { prepare: taken(3544), commands: owner("teredo", 3544) },
    server: {},
    want: ["192.0.2.1", "192.0.2.2"].map((address) =>
      `FAIL port: UDP ${address}:3544 is taken by teredo (process 4711); mend: \`ps -p 4711\` shows ` +
      "what it is; servers have no other port"
    ),
  },
  {
    name: "an MTU that the path cannot carry",
    relay: { interfaceMtu: 1480 },
    want: [
      `warn mtu: 1480 bytes and 28 of headers do not fit 1500 of ${ETHERNET}: full-size ` +
      "packets leave as fragments; mend: interface_mtu = 1280",
    ],
  },
  {
    name: "an MTU that the interface does not take",
    facts: { prepare: ({ world, ethernet }) => void (world.link(ethernet)!.mtu = 70_000) },
    relay: { interfaceMtu: 65_500 },
    want: {
      "OpenBSD": [
        "FAIL mtu: a TUN interface takes no 65500 bytes here; mend: interface_mtu = 16384",
      ],
      "NetBSD": [
        "FAIL mtu: a TUN interface takes no 65500 bytes here; mend: interface_mtu = 1500",
      ],
      "DragonFly BSD": [
        "FAIL mtu: a TUN interface takes no 65500 bytes here; mend: interface_mtu = 16380",
      ],
    },
  },
  {
    name: "a wish for several workers",
    relay: { workers: 3 },
    want: [
      "warn workers: one serves, not 3 (workers = 3): a TUN interface has one queue on a BSD; " +
      "mend: workers = 1",
    ],
  },
  { name: "many cores and no such wish", facts: { around: { cores: () => 16 } }, want: [] },
  {
    name: "a clock that was never set",
    facts: { around: { year: () => 1970 } },
    want: (system) => [
      "warn clock: the clock says 1970: times in logs and metrics will mislead; mend: " +
      SET_CLOCK[system],
    ],
  },
  {
    name: "an unknown user",
    relay: { process: { ...PROCESS, user: "teredo" } },
    want: (system) => [
      `FAIL user: there is no user teredo in /etc/passwd; mend: ${ADD_USER[system]}`,
    ],
  },
  {
    name: "a root directory that is none",
    facts: { around: { isDirectory: () => false } },
    relay: { process: { ...PROCESS, chroot: "/nowhere" } },
    want: ["FAIL chroot: /nowhere is not a directory; mend: mkdir -p /nowhere"],
  },
  {
    name: "commands that do not run",
    facts: { around: { run: () => ({ status: -1, stdout: "", stderr: "ENOENT" }) } },
    want: [],
  },
];

const PAIR = { bindAddress: parseIpv4("192.0.2.1")!, bindAddress2: parseIpv4("192.0.2.2")! };

function linesOf(system: Bsd, { facts = {}, relay, server }: Omit<Case, "name" | "want">): Lines {
  const asked = bsdMachine(system, facts);
  const before = asked.machine.world.links.map(({ name }) => name);
  const results = server === undefined
    ? checkRelay(asked.host, relayConfig(relay))
    : checkServer(asked.host, serverConfig({ ...PAIR, ...server }));
  assert.deepEqual(asked.libc.faults, []);
  assert.deepEqual(asked.machine.world.links.map(({ name }) => name), before, "it changed nothing");
  return results.map(formatCheck);
}

for (const system of BSDS) {
  for (const { name, want, ...given } of cases) {
    const role = given.server === undefined ? "Relay" : "Server";
    test(`check${role}() on ${system}: ${name}`, () => {
      const odd = linesOf(system, given).filter((line) => !line.startsWith("ok"));
      const wanted = typeof want === "function"
        ? want(system)
        : "length" in want
        ? want
        : want[system];
      assert.deepEqual(odd, wanted ?? []);
    });
  }
}

for (const system of BSDS) {
  const common = [`ok   tun: ${TUN[system]}`, "ok   ipv6: IPv6 is on"];
  const privileges = "ok   privileges: root privileges";
  const forwarding = "ok   forwarding: IPv6 is forwarded";
  const way = `ok   ipv6_route: packets from clients leave by ${ETHERNET}`;
  const icmp = "ok   icmp_source: 2001:db8::53";

  test(`checkRelay() on ${system} says what is well, in a fixed order`, () => {
    const process = { ...PROCESS, user: "nobody", chroot: "/var/empty" };
    const given = { relay: { process }, facts: { around: { cores: () => 8 } } };
    assert.deepEqual(linesOf(system, given), [
      privileges,
      ...common,
      forwarding,
      way,
      icmp,
      "ok   service_route: nothing else has 2001::/32",
      `ok   ipv4_route: datagrams to the Internet leave by ${ETHERNET}`,
      "ok   public: 192.0.2.1 (Documentation (TEST-NET-1), RFC 5737)",
      "ok   port: UDP 0.0.0.0:3545 is free",
      `ok   mtu: 1280 fits 1500 of ${ETHERNET}`,
      "ok   workers: 1 (a TUN interface has one queue on a BSD)",
      "ok   clock: it is 2026",
      "ok   user: nobody, uid 32767",
      "ok   chroot: /var/empty",
    ]);
  });

  test(`checkServer() on ${system} says what is well, in a fixed order`, () => {
    assert.deepEqual(linesOf(system, { server: {} }), [
      privileges,
      common[1],
      common[0],
      forwarding,
      way,
      icmp,
      ...["192.0.2.1", "192.0.2.2"].flatMap((address) => [
        `ok   address: ${address} is on this host`,
        `ok   ipv4_route: datagrams from ${address} to the Internet leave by ${ETHERNET}`,
        `ok   port: UDP ${address}:3544 is free`,
      ]),
      "ok   public: 192.0.2.1 (Documentation (TEST-NET-1), RFC 5737)",
      "ok   public: 192.0.2.2 (Documentation (TEST-NET-1), RFC 5737)",
      "ok   consecutive: 192.0.2.1, 192.0.2.2",
      `ok   mtu: 1280 fits 1500 of ${ETHERNET}`,
      "ok   clock: it is 2026",
    ]);
  });
}
