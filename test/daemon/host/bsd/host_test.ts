import assert from "node:assert/strict";
import test from "node:test";
import { ENOENT } from "#ffi/posix.ts";
import type { RelayConfig, Role } from "#src/config/config.ts";
import { parseFstat, parseRoute, parseSockstat } from "#src/daemon/host/bsd/texts.ts";
import { Readiness } from "#src/daemon/readiness.ts";
import { NO_OFFLOADS, reportOffloads } from "#src/datapath/offloads.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { BsdMachine } from "#test/kernel/bsd/machine.ts";
import { typeAsRoot } from "#test/kernel/bsd/commands.ts";
import { Errno } from "#test/kernel/errno.ts";
import { type Asked, type Bsd, bsdMachine, BSDS } from "./machine.ts";
import { clientConfig, relayConfig, serverConfig } from "../../checks/fake_host.ts";
import { datapath } from "../../fake_datapath.ts";

const ROUTE_TO = `   route to: default
destination: default
       mask: default
    gateway: 192.0.2.254
        fib: 0
  interface: em0
      flags: <UP,GATEWAY,DONE,STATIC>
 recvpipe  sendpipe  ssthresh  rtt,msec    mtu        weight    expire
       0         0         0         0      1500         1         0
`;

test("parseRoute() finds interface and flags, and nothing where route(8) found none", () => {
  assert.deepEqual(parseRoute(ROUTE_TO), {
    interfaceName: "em0",
    flags: ["UP", "GATEWAY", "DONE", "STATIC"],
  });
  assert.deepEqual(parseRoute("interface: vio0\n"), { interfaceName: "vio0", flags: [] });
  for (const text of ["", "route: route has not been found\n", "my interface: em0 is down\n"]) {
    assert.equal(parseRoute(text), undefined);
  }
});

const SOCKSTAT = `USER     COMMAND    PID   FD PROTO  LOCAL ADDRESS         FOREIGN ADDRESS
root     miredo     4711  5  udp4   *:3545                *:*
?        ?          ?     ?  udp4   *:53                  *:*
bind     named      77    9  tcp4   127.0.0.1:3546        *:*
bind     named      78    9  udp46  *.53                  *.*
`;

const FSTAT = `USER     CMD          PID   FD MOUNT        INUM  MODE         R/W    SZ|DV
root     syslogd    33333 text /       12345  -r-xr-xr-x    r   100000
root     ntpd        2001    4* internet dgram udp 192.0.2.1:40123 <-> 198.51.100.7:3545
root     ntpd        2002    5* internet stream tcp 0xfff 192.0.2.1:3545
root     miredo      4711    5* internet dgram udp *:3545
`;

test("parseSockstat() and parseFstat() name who has a UDP port of its own", () => {
  assert.deepEqual(parseSockstat(SOCKSTAT, 3545), { pid: 4711, name: "miredo" });
  assert.deepEqual(parseSockstat(SOCKSTAT, 53), { pid: 78, name: "named" });
  assert.deepEqual(parseFstat(FSTAT, 3545), { pid: 4711, name: "miredo" });
  assert.deepEqual(parseFstat(FSTAT, 40123), { pid: 2001, name: "ntpd" });
});

for (const port of [3546, 545, 0, 22]) {
  test(`parseSockstat() and parseFstat() see nobody on port ${port}`, () => {
    assert.equal(parseSockstat(SOCKSTAT, port), undefined);
    assert.equal(parseFstat(FSTAT, port), undefined);
    assert.equal(parseSockstat("", port), undefined);
    assert.equal(parseFstat("\0\n\n: :", port), undefined);
  });
}

/** As the datapath leaves it: a TUN interface with its address and the prefix. */
function withTunnel(machine: BsdMachine): void {
  const { world } = machine;
  const link = world.addLink("tun0", 1280, 0x51);
  world.addAddress(link, { bytes: parseIpv6("fe80::ffff:ffff:ffff")!, prefixLength: 64, flags: 0 });
  const destination = parseIpv6("2001::")!;
  const route = { destination, length: 32, link, metric: 0 } as const;
  world.addRoute({ ...route, action: "send", origin: "static" });
}

/** Readiness of a relay, as `name: detail` of what fails. */
function failing(asked: Asked, changes: Partial<RelayConfig> = {}): string[] {
  return failingAs("relay", asked, changes);
}

/** The same of a server, whose native packets go into the same interface. */
const failingServer = (asked: Asked) => failingAs("server", asked, {});

function failingAs(role: Role, { host }: Asked, changes: Partial<RelayConfig>): string[] {
  const checks = new Readiness(host).look({
    role,
    relay: relayConfig(changes),
    server: serverConfig(),
    client: clientConfig(),
    open: {
      listening: ["192.0.2.1:3545"],
      ...(role === "relay" ? { interfaceName: "tun0" } : { nativeName: "tun0" }),
      workers: { count: 1, reason: "" },
      offloads: reportOffloads(NO_OFFLOADS, false),
      notices: [],
      start: () => Promise.reject(new Error("Not here")),
      close: () => {},
    },
    datapath: datapath(10),
    draining: false,
  });
  return checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`);
}

interface Change {
  readonly name: string;
  readonly change: (machine: BsdMachine) => void;
  readonly want: readonly string[];
}

const tunnelOf = ({ world }: BsdMachine) => world.link("tun0")!;

const changes: readonly Change[] = [
  { name: "nothing", change: () => {}, want: [] },
  {
    name: "the interface went down",
    change: (machine) => void (tunnelOf(machine).flags &= ~1),
    want: ["interface: tun0 is down", "route: 2001::/32 leads to ETHERNET"],
  },
  {
    name: "the interface went",
    change: (machine) => machine.world.removeLink(tunnelOf(machine)),
    want: ["interface: tun0 is gone", "route: 2001::/32 leads to ETHERNET"],
  },
  {
    name: "the interface lost its address, and no runtime lists it",
    change: (machine) => void tunnelOf(machine).addresses.splice(0),
    want: ["interface: tun0 has no link-local address"],
  },
  {
    name: "forwarding went off",
    change: (machine) => void machine.sysctls.set("net.inet6.ip6.forwarding", "0"),
    want: ["forwarding: the kernel does not forward IPv6 packets"],
  },
  {
    name: "the address bound to left",
    change: ({ world, ethernet }) => void world.link(ethernet)!.addresses.splice(0, 1),
    want: ["sockets: 192.0.2.1 is not on this host"],
  },
];

for (const system of BSDS) {
  for (const { name, change, want } of changes) {
    test(`Readiness.look() on ${system}, without root or a process: ${name}`, () => {
      const asked = bsdMachine(system, { prepare: withTunnel });
      asked.libc.call.setuid(32767);
      assert.deepEqual(failing(asked), []);
      change(asked.machine);
      const ethernet = asked.machine.ethernet;
      assert.deepEqual(failing(asked), want.map((line) => line.replace("ETHERNET", ethernet)));
      assert.deepEqual(asked.ran, []);
      assert.deepEqual(asked.libc.faults, []);
    });
  }

  test(`Readiness.look() on ${system}: a host-specific relay without forwarding`, () => {
    const asked = bsdMachine(system, { prepare: withTunnel, options: { forwards: false } });
    const want = ["forwarding: the kernel does not forward IPv6 packets"];
    assert.deepEqual(failing(asked), want);
    // ip6_input_if() of OpenBSD
    assert.deepEqual(failing(asked, { served: "self" }), system === "OpenBSD" ? want : []);
  });

  test(`interfaces() on ${system} tells state, MTU and addresses`, () => {
    const { host, machine } = bsdMachine(system, { prepare: withTunnel });
    assert.deepEqual(host.interfaces(), [
      {
        name: "lo0",
        up: true,
        loopback: true,
        mtu: 16_384,
        ipv4: [parseIpv4("127.0.0.1")!],
      },
      {
        name: machine.ethernet,
        up: true,
        loopback: false,
        mtu: 1500,
        ipv4: [parseIpv4("192.0.2.1")!, parseIpv4("192.0.2.2")!],
      },
      { name: "tun0", up: true, loopback: false, mtu: 1280, ipv4: [] },
    ]);
  });

  test(`interfaces() on ${system} keeps no descriptor that it does not need again`, () => {
    const { host, libc } = bsdMachine(system, { prepare: withTunnel });
    const open = libc.kernel.open.size;
    for (let i = 0; i < 100; i++) {
      host.interfaces();
      host.way6({ destination: parseIpv6("2001::")! });
      host.device("tun0");
      host.forwards6();
    }
    assert.equal(libc.kernel.open.size, open);
    assert.deepEqual(libc.faults, []);
  });
}

const answers: readonly [string, Bsd, number, boolean][] = [
  ["1 is on", "FreeBSD", 1, true],
  ["0 is off", "NetBSD", 0, false],
  ["2, for IPsec alone, is off", "OpenBSD", 2, false],
];

for (const [name, system, value, want] of answers) {
  test(`forwards6() on ${system}: ${name}`, () => {
    const sysctl = () => new Uint8Array(Int32Array.of(value).buffer);
    const { host } = bsdMachine(system, { prepare: (machine) => void (machine.sysctl = sysctl) });
    assert.equal(host.forwards6(), want);
    assert.equal(host.ipv6().verdict, "ok");
  });
}

test("Readiness.look() on FreeBSD tells when devd(8) has switched IPv6 off, and how to have it on", () => {
  const asked = bsdMachine("FreeBSD", { prepare: withTunnel });
  asked.libc.call.setuid(32767);
  const nd6 = asked.machine.nd6(tunnelOf(asked.machine));
  nd6.isDisabled = true;
  const mend = "ifconfig tun0 inet6 -ifdisabled";
  assert.deepEqual(failing(asked), ["interface: tun0 has IPv6 disabled"]);
  assert.deepEqual(failingServer(asked), ["interface: tun0 has IPv6 disabled"]);
  assert.equal(asked.host.disabledIpv6("tun0"), mend);
  assert.deepEqual(asked.ran, []);
  typeAsRoot(asked.machine, mend);
  assert.deepEqual([...failing(asked), ...failingServer(asked)], []);
  assert.deepEqual(asked.libc.faults, []);
});

test("ipv6() where the kernel has no variable of it says how to have it", () => {
  for (const system of BSDS) {
    const sysctl = () => {
      throw new Errno(ENOENT);
    };
    const { host } = bsdMachine(system, { prepare: (machine) => void (machine.sysctl = sysctl) });
    assert.equal(host.forwards6(), false);
    assert.deepEqual(host.ipv6(), {
      verdict: "fail",
      detail: "the kernel has no IPv6",
      mend: "boot a kernel that was built with `options INET6`, as GENERIC is",
    });
  }
});
