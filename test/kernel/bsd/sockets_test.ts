import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { cmsgSpace, errnoName } from "#ffi/layout.ts";
import { type FoundRoute, Routes } from "#src/datapath/bsd/routing/socket.ts";
import { parseIpv6, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { type HostName, HOSTS, machineOf } from "./hosts.ts";
import type { BsdMachine } from "./machine.ts";
import { AF_INET, RTA_DST, RTA_IFP, RTA_NETMASK, SOCK_DGRAM } from "./numbers.ts";
import { BsdProcess, HOST_IPV4, HOST_IPV4_SECOND } from "./process.ts";
import { RouteSocket } from "./route_socket.ts";
import { Errno } from "../errno.ts";
import { PaperKernel } from "../kernel.ts";
import { PaperLibc } from "../libc.ts";
import { nameOf } from "../sockaddr.ts";

/** Routing sockets and control messages of the BSDs of paper, and hostile ones. */

const PREFIX = parseIpv6Prefix("2001::/32")!;

function withRoutes(
  host: HostName,
  ...routes: (readonly [string, "send" | "reject"])[]
): BsdMachine {
  const machine = machineOf(host);
  const { world } = machine;
  const link = world.addLink("gif0", 1280, 1);
  for (const [text, action] of routes) {
    const { bytes, length } = parseIpv6Prefix(text)!;
    const to = action === "send" ? link : undefined;
    world.addRoute({ destination: bytes, length, link: to, metric: 0, action, origin: "static" });
  }
  return machine;
}

/** What a message comes to, one byte or more of which are changed: `EINVAL`, or the answer's length. */
function ask(machine: BsdMachine, change: (message: Uint8Array, view: DataView) => void): string {
  const { rtm, AF_INET6, SIZEOF_SOCKADDR_DL } = machine.numbers;
  const link = Math.ceil(SIZEOF_SOCKADDR_DL / 8) * 8;
  const message = new Uint8Array(rtm.size + 32 + 32 + link);
  const view = new DataView(message.buffer);
  view.setUint16(0, message.length, true);
  message.set([rtm.version, 4], 2);
  if (rtm.hdrlenAt !== undefined) view.setUint16(rtm.hdrlenAt, rtm.size, true);
  view.setInt32(rtm.addrsAt, RTA_DST | RTA_NETMASK | RTA_IFP, true);
  message.set([28, AF_INET6, 0, 0, 0, 0, 0, 0, 0x20, 1], rtm.size);
  message.set([28, AF_INET6, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255], rtm.size + 32);
  message.set([SIZEOF_SOCKADDR_DL, 18], rtm.size + 64);
  change(message, view);
  const socket = new RouteSocket(machine);
  try {
    socket.write(message);
    socket.receive(); // what others do
    return `index ${
      new DataView(socket.receive().data.slice().buffer).getUint16(rtm.indexAt, true)
    }`;
  } catch (error) {
    if (error instanceof Errno) return errnoName(machine.layout, error.errno).replace(/ .*/, "");
    throw error;
  }
}

/** A message that is not what route_output() wants. */
const HOSTILE: readonly {
  readonly name: string;
  change(message: Uint8Array, view: DataView, machine: BsdMachine): void;
  readonly want: string;
}[] = [
  { name: "as it has to be", change: () => {}, want: "index 3" },
  { name: "of another length", change: (_, view) => view.setUint16(0, 96, true), want: "EINVAL" },
  { name: "of another version", change: (it) => void (it[2]! += 1), want: "EPROTONOSUPPORT" },
  {
    name: "without a destination",
    change: (_, view, { numbers: { rtm } }) => view.setInt32(rtm.addrsAt, RTA_NETMASK, true),
    want: "EINVAL",
  },
  {
    name: "whose address is longer than itself",
    change: (it, _, { numbers: { rtm } }) => void (it[rtm.size] = 255),
    want: "EINVAL",
  },
  {
    name: "with half of an address",
    change: (it, _, { numbers: { rtm } }) => void (it[rtm.size] = 16),
    want: "EINVAL",
  },
  {
    name: "about another family",
    change: (it, _, { numbers: { rtm } }) => void (it[rtm.size + 1] = 10), // of Linux
    want: "EAFNOSUPPORT",
  },
  {
    name: "with a netmask that has holes",
    change: (it, _, { numbers: { rtm } }) => void (it[rtm.size + 32 + 9] = 0x0f),
    want: "EINVAL",
  },
  {
    name: "about a prefix that is not there",
    change: (it, _, { numbers: { rtm } }) => void (it[rtm.size + 8] = 0x3f),
    want: "ESRCH",
  },
];

/** What the program makes of it. */
const FOUND = [
  { routes: [], exact: undefined, best: "wan0" },
  { routes: [["2001::/32", "send"]], exact: "gif0", best: "gif0" },
  { routes: [["2001::/32", "reject"]], exact: "rejects", best: "rejects" },
  { routes: [["2000::/3", "send"]], exact: undefined, best: "gif0" },
  { routes: [["2001::/31", "send"]], exact: undefined, best: "gif0" },
  { routes: [["2001::/33", "send"]], exact: undefined, best: "gif0" },
  { routes: [["2001::/128", "send"]], exact: undefined, best: "wan0" },
  { routes: [["2001::/32", "send"], ["2001:0:4::/48", "reject"]], exact: "gif0", best: "rejects" },
] as const;

for (const host of HOSTS) {
  for (const { name, change, want } of HOSTILE) {
    test(`a routing socket of ${host} on paper, given a message ${name}`, () => {
      const machine = withRoutes(host, ["2001::/32", "send"]);
      assert.equal(ask(machine, (message, view) => change(message, view, machine)), want);
    });
  }

  for (const { routes, exact, best } of FOUND) {
    const there = routes.map((it) => it.join(" ")).join(", ") || "no route but the default";
    test(`Routes.of() and Routes.to() on ${host} with ${there}`, () => {
      const { libc } = new BsdProcess(withRoutes(host, ...routes));
      const asked = new Routes(libc, new Arena(libc, 4096));
      const words = (route: FoundRoute | undefined) =>
        route?.rejects === true ? "rejects" : route?.interfaceName;
      assert.equal(words(asked.of(PREFIX)), exact);
      assert.equal(words(asked.to(parseIpv6("2001:0:4::7")!)), best);
      assert.deepEqual([libc.faults, libc.kernel.open.size], [[], 0]);
    });
  }
}

test("Routes.to() knows no route where there is none, and leaves no descriptor", () => {
  for (const host of HOSTS) {
    const machine = machineOf(host, { gateways: [] });
    const { libc } = new BsdProcess(machine);
    const routes = new Routes(libc, new Arena(libc, 4096));
    assert.equal(routes.to(parseIpv6("2001:0:4::7")!), undefined);
    assert.deepEqual([libc.faults, libc.kernel.open.size], [[], 0]);
  }
});

/** Sends a datagram of no bytes that names its source. @returns 0 or the errno */
function sendFrom(host: HostName, bound: number, source: number, length = 4): string {
  const machine = machineOf(host);
  const libc = new PaperLibc(new PaperKernel(machine, machine.world));
  const { layout } = libc;
  const bytes = new Uint8Array(1024);
  const view = new DataView(bytes.buffer);
  const base = libc.addressOf(bytes);
  const [OWN, PEER, CONTROL, HEADER] = [0, 64, 128, 256];
  const fd = libc.call.socket(AF_INET, SOCK_DGRAM, 0);
  const own = nameOf(layout, { address: bound, port: 3545 });
  bytes.set(own, OWN);
  assert.equal(libc.call.bind(fd, base + OWN, own.length), 0);
  bytes.set(nameOf(layout, { address: HOST_IPV4_SECOND, port: 7 }), PEER);
  view.setUint32(CONTROL, 16 + length, true);
  view.setInt32(CONTROL + layout.CMSGHDR_LEVEL_AT, 0, true);
  view.setInt32(CONTROL + layout.CMSGHDR_TYPE_AT, layout.localAddress.sentType, true);
  view.setUint32(CONTROL + 16, source);
  // struct msghdr: name, namelen, iov, iovlen, control, controllen
  view.setBigUint64(HEADER, BigInt(base + PEER), true);
  view.setUint32(HEADER + 8, own.length, true);
  view.setBigUint64(HEADER + 32, BigInt(base + CONTROL), true);
  view.setUint32(HEADER + 40, cmsgSpace(layout, length), true);
  const result = libc.call.sendmsg(fd, base + HEADER, 0);
  assert.deepEqual(libc.faults, []);
  return result === 0 ? "0" : errnoName(layout, libc.errno()).replace(/ .*/, "");
}

test("IP_SENDSRCADDR on paper: of this host, 4 bytes long; on FreeBSD only from any address", () => {
  const other = HOST_IPV4 + 100;
  for (const host of HOSTS) {
    assert.equal(sendFrom(host, 0, HOST_IPV4), "0", host);
    assert.equal(sendFrom(host, 0, other), "EADDRNOTAVAIL", host);
    assert.equal(sendFrom(host, 0, HOST_IPV4, 8), "EINVAL", host);
    // in_pcbbind_setup(): an address, where one is set already
    const second = host.startsWith("FreeBSD") ? "EINVAL" : "0";
    assert.equal(sendFrom(host, HOST_IPV4, HOST_IPV4, 4), second, host);
  }
});
