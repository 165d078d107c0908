import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { parseIfconfig, shownInterface } from "#src/datapath/bsd/interfaces.ts";
import { isFree, isLeftByRelay, isLeftByServer, isStale } from "#src/datapath/bsd/tun/problems.ts";

/** As ifconfig(8) prints it: tabs before all but the first line of an interface. */
const text = (lines: string) => lines.replace(/^ +/gm, "\t").replace(/^\n/, "");

const FREEBSD = text(`
lo0: flags=1008049<UP,LOOPBACK,RUNNING,MULTICAST,LOWER_UP> metric 0 mtu 16384
  options=680003<RXCSUM,TXCSUM,LINKSTATE,RXCSUM_IPV6,TXCSUM_IPV6>
  inet 127.0.0.1 netmask 0xff000000
  inet6 ::1 prefixlen 128
  inet6 fe80::1%lo0 prefixlen 64 scopeid 0x2
  groups: lo
  nd6 options=21<PERFORMNUD,AUTO_LINKLOCAL>
teredo: flags=1008051<UP,POINTOPOINT,RUNNING,LOWER_UP> metric 0 mtu 1280
  options=80000<LINKSTATE>
  inet6 fe80::ffff:ffff:ffff%teredo prefixlen 64 scopeid 0x3
  groups: tun
  nd6 options=101<PERFORMNUD,NO_DAD>
  Opened by PID 1964
tun1: flags=8010<POINTOPOINT,MULTICAST> metric 0 mtu 1500
  options=80000<LINKSTATE>
  groups: tun
  nd6 options=29<PERFORMNUD,IFDISABLED,AUTO_LINKLOCAL>
`);

const OPENBSD = text(`
tun0: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1280
  index 5 priority 0 llprio 3
  description: teredo
  groups: tun
  status: active
  inet6 fe80::ffff:ffff:ffff%tun0 -->  prefixlen 64 scopeid 0x5
tun1: flags=8010<POINTOPOINT,MULTICAST> mtu 1500
  index 6 priority 0 llprio 3
  groups: tun
  inet 10.8.0.1 --> 10.8.0.2 netmask 0xffffffff
`);

const NETBSD = text(`
wm0: flags=0x8843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST> mtu 1500
  capabilities=0x7ff80<TSO4,IP4CSUM_Rx,IP4CSUM_Tx>
  ec_capabilities=0x7<VLAN_MTU,VLAN_HWTAGGING,JUMBO_MTU>
  ec_enabled=0
  address: f2:0b:a4:a9:06:ff
  media: Ethernet autoselect (1000baseT full-duplex)
  status: active
  inet6 fe80::f00b:a4ff:fea9:6ff%wm0/64 flags 0 scopeid 0x1
  inet6 2001:db8::10/64 flags 0
  inet 192.0.2.1/24 broadcast 192.0.2.255 flags 0
  inet alias 192.0.2.2/32 broadcast 192.0.2.2 flags 0
tun0: flags=0x10<POINTOPOINT> mtu 1280
  description: "teredo"
  status: no carrier
  inet6 fe80::ffff:ffff:ffff%tun0/64 ->  flags 0 scopeid 0x4
`);

const DRAGONFLY = text(`
tun4: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1500
  inet6 fe80::ffff:ffff:ffff%tun4 prefixlen 64 tentative scopeid 0x4
  Opened by PID 811
`);

const SHOWN = [
  ["FreeBSD", FREEBSD, [
    ["lo0", 16384, ["127.0.0.1"], ["::1", "fe80::1%lo0"], ["lo"], undefined],
    ["teredo", 1280, [], ["fe80::ffff:ffff:ffff%teredo"], ["tun"], 1964],
    ["tun1", 1500, [], [], ["tun"], undefined],
  ]],
  ["OpenBSD", OPENBSD, [
    ["tun0", 1280, [], ["fe80::ffff:ffff:ffff%tun0"], ["tun"], undefined],
    ["tun1", 1500, ["10.8.0.1"], [], ["tun"], undefined],
  ]],
  ["NetBSD", NETBSD, [
    [
      "wm0",
      1500,
      ["192.0.2.1", "192.0.2.2"],
      ["fe80::f00b:a4ff:fea9:6ff%wm0", "2001:db8::10"],
      [],
      undefined,
    ],
    ["tun0", 1280, [], ["fe80::ffff:ffff:ffff%tun0"], [], undefined],
  ]],
  ["DragonFly BSD", DRAGONFLY, [
    ["tun4", 1500, [], ["fe80::ffff:ffff:ffff%tun4"], [], 811],
  ]],
] as const;

for (const [system, printed, expected] of SHOWN) {
  test(`parseIfconfig() reads what ifconfig(8) of ${system} prints`, () => {
    const got = parseIfconfig(printed)
      .map((it) => [it.name, it.mtu, it.ipv4, it.ipv6, it.groups, it.openedBy]);
    assert.deepEqual(got, expected);
  });
}

test("parseIfconfig() tells which interfaces are up", () => {
  const up = [FREEBSD, OPENBSD, NETBSD, DRAGONFLY]
    .flatMap(parseIfconfig).filter((it) => it.flags.has("UP")).map((it) => it.name);
  assert.deepEqual(up, ["lo0", "teredo", "tun0", "wm0", "tun4"]);
});

test("parseIfconfig() makes nothing of what is no interface", () => {
  assert.deepEqual(parseIfconfig(""), []);
  assert.deepEqual(parseIfconfig("ifconfig: interface teredo does not exist\n"), []);
  assert.deepEqual(parseIfconfig("\tinet6 fe80::1\n\tOpened by PID 1\n"), []);
});

test("parseIfconfig() reads any text without failing", () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom("tun0: flags=1<>", "tun0: flags=x<UP> mtu", "\tinet6 %", "\tgroups:", "\t"),
  );
  fc.assert(fc.property(fc.array(line), (lines) => {
    for (const it of parseIfconfig(lines.join("\n"))) assert.match(it.name, /^\S+$/);
  }));
});

test("shownInterface() asks for one interface, of that very name", () => {
  const asked: (readonly string[])[] = [];
  const run = (argv: readonly string[]) => {
    asked.push(argv);
    return { status: 0, stdout: OPENBSD, stderr: "" };
  };
  assert.equal(shownInterface(run, "tun1")?.mtu, 1500);
  assert.equal(shownInterface(run, "tun10"), undefined);
  assert.deepEqual(asked, [["/sbin/ifconfig", "tun1"], ["/sbin/ifconfig", "tun10"]]);
  const missing = () => ({ status: 1, stdout: "", stderr: "tun1: no such interface\n" });
  assert.equal(shownInterface(missing, "tun1"), undefined);
});

const named = (printed: string, name: string) =>
  parseIfconfig(printed).find((it) => it.name === name)!;

test("parseIfconfig() reads descriptions, and what neighbour discovery does on an interface", () => {
  const told = [FREEBSD, OPENBSD, NETBSD, DRAGONFLY].flatMap(parseIfconfig)
    .map((it) => [it.name, it.description, [...it.nd6].join()]);
  assert.deepEqual(told, [
    ["lo0", undefined, "PERFORMNUD,AUTO_LINKLOCAL"],
    ["teredo", undefined, "PERFORMNUD,NO_DAD"],
    ["tun1", undefined, "PERFORMNUD,IFDISABLED,AUTO_LINKLOCAL"],
    ["tun0", "teredo", ""],
    ["tun1", undefined, ""],
    ["wm0", undefined, ""],
    ["tun0", "teredo", ""],
    ["tun4", undefined, ""],
  ]);
});

test("a link-local address that came by itself hides nothing of what a relay has left", () => {
  const tun0 = named(NETBSD, "tun0");
  const automatic = "fe80::5054:ff:fe12:3456%tun0";
  for (const ipv6 of [[automatic, ...tun0.ipv6], [...tun0.ipv6, automatic]]) {
    assert.equal(isLeftByRelay({ ...tun0, ipv6 }), true);
    assert.equal(isFree({ ...tun0, ipv6 }), false);
  }
});

test("isLeftByServer(): described as a server's, and down", () => {
  const left = { ...named(NETBSD, "tun0"), ipv6: [], description: "teredo-server" };
  assert.equal(isLeftByServer(left), true);
  assert.equal(isLeftByServer({ ...left, flags: new Set(["UP"]) }), false, "serves");
  assert.equal(isLeftByServer({ ...left, description: undefined }), false, "an operator's");
  assert.equal(isLeftByServer({ ...left, openedBy: 7 }), false, "held by a process");
});

test("isStale(): down, of tun(4), and held by nobody", () => {
  assert.equal(isStale(named(FREEBSD, "tun1")), true);
  assert.equal(isStale(named(FREEBSD, "teredo")), false, "held by a process");
  assert.equal(isStale(named(FREEBSD, "lo0")), false, "up, and of another driver");
  const bridge = FREEBSD.replaceAll("groups: tun", "groups: bridge");
  assert.equal(isStale(named(bridge, "tun1")), false, "another driver's of that name");
});

test("isFree(): nobody has set it up; isLeftByRelay(): a relay did, which is gone", () => {
  const tun0 = named(NETBSD, "tun0");
  assert.equal(isFree(tun0), false);
  assert.equal(isLeftByRelay(tun0), true);
  assert.equal(isFree({ ...tun0, ipv6: ["fe80::1%tun0"] }), true, "made by itself");
  assert.equal(isLeftByRelay({ ...tun0, flags: new Set(["UP"]) }), false, "serves");
  assert.equal(isFree(named(OPENBSD, "tun1")), false, "set up for another program");
  assert.equal(isFree(named(NETBSD, "wm0")), false);
  assert.equal(isFree(named(DRAGONFLY, "tun4")), false, "held by a process");
});
