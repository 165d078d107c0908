import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { SyscallError } from "#ffi/errors.ts";
import {
  AF_INET,
  AF_INET6,
  EINVAL,
  ENETUNREACH,
  IFF_LOOPBACK,
  RTPROT_STATIC,
} from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { configureTunnel, QUEUE_LENGTH, tearDown } from "#src/datapath/linux/tun/interface.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { ownersOf } from "#src/datapath/linux/owners.ts";
import { addresses, addRoute, links, routesOf } from "#src/datapath/linux/netlink/routing.ts";
import { wayOf } from "#src/datapath/linux/netlink/look_up.ts";
import { StartError } from "#src/errors.ts";
import { writeU16 } from "#src/protocol/wire/bytes.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import {
  formatIpv6,
  parseIpv6,
  parseIpv6Prefix,
  writeIpv6Header,
} from "#src/protocol/wire/ipv6.ts";
import { inNamespace, ip, sh } from "./namespace.ts";
import { OneQueue } from "./one_queue.ts";

const libc = await openLibc();
const PREFIX = parseIpv6Prefix("2001::/32")!;
const DEFAULT_ROUTE = parseIpv6Prefix("::/0")!;
const SETUP = {
  interfaceName: "teredo",
  mtu: 1280,
  queueLength: QUEUE_LENGTH,
  prefix: PREFIX,
  routes: { metric: 10 },
};

interface Bench {
  readonly arena: Arena;
  readonly netlink: Netlink;
  readonly tun: OneQueue;
}

/** A fresh TUN `teredo`, not yet configured. */
function withTun(use: (bench: Bench) => void): void {
  const arena = new Arena(libc, 64 * 1024);
  const netlink = new Netlink(libc);
  const tun = new OneQueue(libc, arena, SETUP.interfaceName);
  try {
    use({ arena, netlink, tun });
  } finally {
    tun.close();
    netlink.close();
    arena.close();
  }
}

function errorOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  assert.fail("nothing was thrown");
}

function startErrorOf(call: () => unknown): string {
  const error = errorOf(call);
  assert.ok(error instanceof StartError, String(error));
  return error.message;
}

const RIVALS = [
  ["2001::/32 dev other metric 3", "routed to other (proto boot, metric 3)"],
  ["2001::/32 dev other metric 10 proto static", "routed to other (proto static, metric 10)"],
  ["2001::/32 dev other metric 1 proto bird", "routed to other (proto bird, metric 1)"],
  ["2001::/32 dev other metric 1 proto 11", "routed to other (proto zebra, metric 1)"],
  ["2001::/32 dev other metric 1 proto 77", "routed to other (proto 77, metric 1)"],
  ["unreachable 2001::/32 metric 9", "refused by a route (unreachable, proto boot, metric 9)"],
  ["blackhole 2001::/32 metric 9", "refused by a route (blackhole, proto boot, metric 9)"],
  ["prohibit 2001::/32 metric 9", "refused by a route (prohibit, proto boot, metric 9)"],
] as const;
/** The guard of a careful operator, and what comes by BGP from other relays. */
const LOSERS = [
  "unreachable 2001::/32 metric 4294967295",
  "2001::/32 dev other metric 32 proto bird",
  "2001::/32 dev other metric 20 proto zebra",
  "2001::/32 dev other metric 11",
] as const;

/** Index of the interface that packets to there leave by. */
function leadsTo(netlink: Netlink, destination: Uint8Array): number | undefined {
  const way = wayOf(netlink, { destination });
  return typeof way === "number" ? undefined : way.index;
}

inNamespace(import.meta.filename!, () => {
  sh("ip link set lo up");

  test("configureTunnel() sets flags, MTU, queue, address and route, also a second time", () => {
    withTun(({ netlink }) => {
      for (let time = 0; time < 2; time++) {
        configureTunnel(netlink, SETUP);
        const [link] = ip("address show teredo");
        assert.deepEqual(link.flags.sort(), ["LOWER_UP", "NOARP", "POINTOPOINT", "UP"]);
        assert.deepEqual([link.mtu, link.txqlen], [1280, QUEUE_LENGTH]);
        assert.equal(ip("link show teredo")[0].inet6_addr_gen_mode, "none");
        const inet6 = link.addr_info;
        assert.equal(inet6.length, 1);
        assert.deepEqual([inet6[0].local, inet6[0].prefixlen], ["fe80::ffff:ffff:ffff", 64]);
        assert.deepEqual([inet6[0].scope, inet6[0].tentative], ["link", undefined]);
        const routes = ip("-6 route show 2001::/32");
        assert.deepEqual(routes.map((it) => [it.dev, it.metric]), [["teredo", 10]]);
      }
    });
    assert.deepEqual(ip("-6 route show 2001::/32"), []);
  });

  test("a packet from a client is answered through the tunnel, and counted by the kernel", () => {
    withTun(({ arena, netlink, tun }) => {
      configureTunnel(netlink, SETUP);
      sh("ip -6 address add 2001:db8::1/128 dev lo nodad");
      const [client, host] = ["2001:0:5ef5:79fd::1", "2001:db8::1"];
      const [request, reply] = [arena.take(64), arena.take(2048)];
      writeIpv6Header(arena.u8, request, 8, 58, 64);
      arena.u8.set(parseIpv6(client)!, request + 8);
      arena.u8.set(parseIpv6(host)!, request + 24);
      arena.u8[request + 40] = 128; // echo request
      writeU16(arena.u8, request + 42, payloadChecksum(arena.u8, request));

      const counted = () => ip("-s link show teredo")[0].stats64;
      const before = counted();
      // The kernel's own router solicitation may come before the reply; of what is sent right behind
      // "up" a busy one may lose all, until its queue is there.
      let [length, written] = [0, 0];
      for (const until = performance.now() + 30_000; performance.now() < until;) {
        assert.equal(tun.write(request, 48), 48);
        written++;
        const next = performance.now() + 500;
        do length = tun.read(reply, 2048); while (
          performance.now() < next && !(length > 0 && arena.u8[reply + 40] === 129)
        );
        if (length > 0) break;
      }
      assert.equal(length, 48);
      assert.equal(formatIpv6(arena.u8, reply + 8), host);
      assert.equal(formatIpv6(arena.u8, reply + 24), client);
      assert.equal(payloadChecksum(arena.u8, reply), 0);
      assert.equal(counted().rx.packets, before.rx.packets + written);
      assert.ok(counted().tx.packets > before.tx.packets);
    });
  });

  test("configureTunnel() names a route that would win over its own, and deletes nothing", () => {
    withTun(({ netlink }) => {
      sh("ip tuntap add other mode tun");
      sh("ip link set other up");
      for (const [route, problem] of RIVALS) {
        sh(`ip -6 route add ${route}`);
        const message = startErrorOf(() => configureTunnel(netlink, SETUP));
        assert.equal(
          message,
          `2001::/32 is already ${problem}, which wins over a route of metric 10; stop ` +
            "what made it, perhaps another Teredo relay or client, or let it have a higher " +
            "metric; `ip -6 route show exact 2001::/32` shows it",
        );
        assert.equal(ip("link show teredo")[0].flags.includes("UP"), false, "nothing was changed");
        assert.equal(ip("-6 route show exact 2001::/32").length, 1);
        sh(`ip -6 route delete ${route}`);
      }
      sh("ip link delete other");
    });
  });

  test("configureTunnel() leaves routes that lose, and its own wins over them", () => {
    withTun(({ netlink }) => {
      sh("ip tuntap add other mode tun");
      sh("ip link set other up");
      for (const route of LOSERS) sh(`ip -6 route add ${route}`);
      const { index } = configureTunnel(netlink, SETUP);
      assert.equal(leadsTo(netlink, parseIpv6("2001:0:5ef5:79fd::1")!), index);
      assert.equal(ip("-6 route show exact 2001::/32").length, 1 + LOSERS.length);
      sh("ip link delete other");
      for (const route of LOSERS.filter((it) => !it.includes("dev"))) {
        sh(`ip -6 route delete ${route}`);
      }
    });
  });

  test("configureTunnel() says why IPv6 is off, or that the interface is gone", () => {
    withTun(({ netlink }) => {
      writeFileSync("/proc/sys/net/ipv6/conf/teredo/disable_ipv6", "1");
      const message = startErrorOf(() => configureTunnel(netlink, SETUP));
      assert.match(message, /^IPv6 is off on the interface teredo \(.*run `sysctl -w net\.ipv6/);
      sh("ip link delete teredo");
      assert.equal(
        startErrorOf(() => configureTunnel(netlink, SETUP)),
        "the interface teredo is gone",
      );
    });
  });

  test("a refused change carries the kernel's number and its explanation", () => {
    withTun(({ netlink }) => {
      const error = errorOf(() => configureTunnel(netlink, { ...SETUP, mtu: 70_000 }));
      assert.ok(error instanceof SyscallError);
      assert.equal(error.errno, EINVAL);
      const text = "EINVAL (Invalid argument): mtu greater than device maximum";
      assert.equal(error.message, `netlink(set up teredo): ${text}`);
      assert.match(
        String(errorOf(() => addRoute(netlink, { prefix: PREFIX, index: 4711, metric: 1 }))),
        /^SyscallError: netlink\(add route 2001::\/32\): ENODEV \(No such device\)/,
      );
    });
  });

  test("tearDown() takes the route alone, and is content when it is gone", () => {
    withTun(({ netlink, tun }) => {
      const tunnel = configureTunnel(netlink, SETUP);
      tearDown(netlink, tunnel);
      assert.deepEqual(ip("-6 route show 2001::/32"), []);
      assert.ok(ip("link show teredo")[0].flags.includes("UP"));
      tearDown(netlink, tunnel);
      configureTunnel(netlink, SETUP);
      sh(`ip link delete ${tun.name}`);
      tearDown(netlink, tunnel);
    });
  });

  test("wayOf() follows the kernel's choice among routes of the prefix", () => {
    withTun(({ netlink }) => {
      const client = parseIpv6("2001:0:5ef5:79fd::1")!;
      assert.equal(wayOf(netlink, { destination: client }), ENETUNREACH);
      const { index } = configureTunnel(netlink, SETUP);
      assert.equal(leadsTo(netlink, client), index);
      sh("ip -6 route add 2001::/32 dev lo metric 1");
      assert.equal(leadsTo(netlink, client), 1);
      sh("ip -6 route delete 2001::/32 dev lo metric 1");
      assert.equal(leadsTo(netlink, client), index);
    });
  });

  test("links() and addresses() list both families as ip(8) does", () => {
    withTun(({ netlink }) => {
      configureTunnel(netlink, SETUP);
      sh("ip address add 192.0.2.1 peer 192.0.2.2 dev teredo");
      const expected = ip("address show");
      const names = new Map(links(netlink).map((link) => [link.index, link.name]));
      assert.deepEqual([...names.values()], expected.map((link) => link.ifname));
      assert.ok((links(netlink)[0]!.flags & IFF_LOOPBACK) !== 0);

      const text = (family: number, bytes: Uint8Array) =>
        family === AF_INET ? [...bytes].join(".") : formatIpv6(bytes);
      const ours = addresses(netlink).map((it) =>
        `${names.get(it.index)} ${text(it.family, it.bytes)}/${it.prefixLength}`
      );
      const theirs = expected.flatMap((link) =>
        // deno-lint-ignore no-explicit-any -- JSON of iproute2
        link.addr_info.map((it: any) => `${link.ifname} ${it.local}/${it.prefixlen}`)
      );
      assert.deepEqual(ours.sort(), theirs.sort());
      assert.ok(addresses(netlink).every((it) => [AF_INET, AF_INET6].includes(it.family)));
    });
  });

  test("routesOf() finds default routes, of several next hops too, among thousands", () => {
    withTun(({ netlink }) => {
      configureTunnel(netlink, SETUP);
      assert.deepEqual(routesOf(netlink, DEFAULT_ROUTE), []);
      const many = Array.from(
        { length: 5000 },
        (_, i) => `route add 2001:db8:${i.toString(16)}::/48 dev teredo`,
      );
      const batch = [
        ...many,
        "route add default via fe80::1 dev teredo proto static metric 7",
        "route add default metric 9 nexthop via fe80::2 dev teredo nexthop via fe80::3 dev teredo",
        "route add default dev teredo table 100",
      ];
      const { status, stderr } = spawnSync("ip", ["-6", "-batch", "-"], {
        input: batch.join("\n"),
        encoding: "utf8",
      });
      assert.equal(status, 0, stderr);

      const found = routesOf(netlink, DEFAULT_ROUTE).sort((a, b) => a.metric - b.metric);
      const [single] = found;
      assert.deepEqual([single!.metric, single!.protocol], [7, RTPROT_STATIC]);
      assert.equal(formatIpv6(single!.gateway!), "fe80::1");
      assert.deepEqual(new Set(found.map((it) => it.metric)), new Set([7, 9]));
      const index = ip("link show teredo")[0].ifindex;
      assert.ok(found.every((it) => it.index === index));
      assert.equal(ownersOf(netlink, PREFIX).length, 1);
    });
  });

  test("Netlink.close() leaves no descriptor behind", () => {
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    for (let round = 0; round < 200; round++) {
      const netlink = new Netlink(libc);
      assert.equal(links(netlink)[0]!.name, "lo");
      netlink.close();
    }
    assert.equal(open(), before);
  });
});
