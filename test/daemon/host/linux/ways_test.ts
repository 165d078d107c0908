import assert from "node:assert/strict";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import { linuxHost } from "#src/daemon/host/linux/mod.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { inNamespace, ip, sh } from "#test/runtime/namespace.ts";

/** What this host's kernel says of ways and interfaces. */
const libc = await openLibc();

const OWN = "2001:db8:1::1";
const NOT_ONE_HOST = "it is no address of one host";

/** Destinations, and what becomes of a packet to each; of a refusal, whether the host itself has it so. */
const WAYS:
  readonly (readonly [destination: string, kind: string, isSaid?: boolean, why?: RegExp])[] = [
    ["2001:db8:2::1", "sent"],
    [OWN, "taken"],
    ["2001:db8:ffff::1", "refused", false],
    ["2001:db8:3::1", "refused", true],
    ["ff0e::1", "refused", true, new RegExp(NOT_ONE_HOST)],
  ];

inNamespace(import.meta.filename!, () => {
  sh("ip link set lo up");
  sh("ip link add wan type veth peer name far");
  sh("sysctl -qw net.ipv6.conf.wan.accept_dad=0");
  sh("ip link set wan up");
  sh("ip link set far up");
  sh("ip addr add 192.0.2.2/24 dev wan");
  sh(`ip -6 addr add ${OWN}/64 dev wan nodad`);
  sh("ip -6 route add 2001:db8:2::/48 dev wan");
  sh("ip -6 route add prohibit 2001:db8:3::/48");
  // The kernel makes the route of an address a moment after it.
  const until = performance.now() + 60_000;
  while (ip(`-6 route show table local ${OWN}`).length === 0) {
    assert.ok(performance.now() < until, "the kernel makes no route");
  }
  const host = linuxHost(libc);

  for (const [destination, kind, isSaid, why] of WAYS) {
    test(`Host.way6() to ${destination}: ${kind}`, () => {
      const way = host.way6({ destination: parseIpv6(destination)! });
      assert.equal(way.kind, kind);
      if (way.kind !== "refused") return;
      assert.equal(way.isSaid, isSaid);
      if (why !== undefined) assert.match(way.why, why);
    });
  }

  test("Host.way4() to all hosts of a subnet is a way to none", () => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, parseIpv4("192.0.2.255")!);
    const way = host.way4({ destination: bytes });
    assert.deepEqual(way, { kind: "refused", why: NOT_ONE_HOST, isSaid: true });
  });

  test("Host.device() tells an interface without a carrier from one with it, and from none", () => {
    sh("ip tuntap add bare mode tun");
    sh("ip link set bare up");
    const [bare, wan] = ["bare", "wan"].map((it) => host.device(it));
    assert.deepEqual([bare?.up, bare?.hasCarrier], [true, false]);
    assert.deepEqual([wan?.up, wan?.hasCarrier], [true, true]);
    sh("ip link set bare down");
    assert.equal(host.device("bare")?.up, false);
    assert.equal(host.device("nobody's"), undefined);
  });
});
