import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { openLibc } from "#ffi/open.ts";
import { LinuxNetworkWatch } from "#src/daemon/host/linux/network.ts";
import { isNativeAddress, type NetworkNow } from "#src/daemon/host/network.ts";
import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { inNamespace, sh } from "./namespace.ts";

/** Where a host stands, as its kernel tells, and a router by radvd(8). */
const libc = await openLibc();
const SERVER = parseIpv4("198.51.100.1")!;
const PATIENCE = { timeout: 600_000 };

const ADDRESSES: readonly (readonly [text: string, isNative: boolean])[] = [
  ["2001:db8::1", true],
  ["2600::1", true],
  ["3fff:ffff::1", true],
  ["2001:0:c633:6401::1", false], // Teredo
  ["2001:1::1", true],
  ["2002:c633:6401::1", false], // 6to4
  ["fd00::1", false],
  ["fe80::1", false],
  ["::1", false],
  ["4000::1", false],
  ["64:ff9b::1", false],
];

test("isNativeAddress() takes what leads to the Internet without a tunnel over IPv4", () => {
  const found = ADDRESSES.filter(([text]) => isNativeAddress(parseIpv6(text)!, SERVICE_PREFIX));
  assert.deepEqual(found, ADDRESSES.filter(([, isNative]) => isNative));
});

test("isNativeAddress() takes none of another service prefix, and Teredo's for none all the same", () => {
  const texts = ["3ffe:831f::1", "3ffe:8320::1", "2001:0:c633:6401::1"];
  const isNative = (text: string) => isNativeAddress(parseIpv6(text)!, 0x3ffe831f);
  assert.deepEqual(texts.map(isNative), [false, true, false]);
});

const RADVD = `interface far {
  AdvSendAdvert on;
  MinRtrAdvInterval 3;
  MaxRtrAdvInterval 4;
  AdvDefaultLifetime 9000;
  prefix 2001:db8:5::/64 { };
};
`;

inNamespace(import.meta.filename!, () => {
  const folder = mkdtempSync(join(tmpdir(), "teredo-radvd-"));
  const conf = join(folder, "radvd.conf");
  let watch: LinuxNetworkWatch;
  let other: ChildProcess;

  /** Runs a command where the router is. */
  const there = (command: string) => sh(`nsenter -t ${other.pid} -n ${command}`);
  const look = () => watch.look([SERVER], "teredo");
  const native = ({ nativeIpv6 }: NetworkNow) =>
    nativeIpv6 === undefined ? undefined : `${formatIpv6(nativeIpv6.address)} by ${nativeIpv6.via}`;
  const until = async (is: (now: NetworkNow) => boolean) => {
    while (!is(look())) await wait(50);
  };

  test("LinuxNetworkWatch opens, beside a router", async () => {
    watch = new LinuxNetworkWatch(libc, SERVICE_PREFIX);
    writeFileSync(conf, RADVD);
    sh("ip link set lo up");
    other = spawn("unshare", ["--net", "sh", "-c", "echo up; exec sleep 600"]);
    await new Promise((resolve) => other.stdout!.once("data", resolve));
    sh("ip link add wan type veth peer name far");
    sh(`ip link set far netns ${other.pid}`);
    there("ip link set far up");
    there("sysctl -qw net.ipv6.conf.all.forwarding=1");
    sh("sysctl -qw net.ipv6.conf.wan.accept_dad=0");
    sh("ip tuntap add teredo mode tun");
    sh("ip link set teredo up");
  });

  test("nothing leads anywhere", () => {
    const { ipv4, ...rest } = look();
    assert.deepEqual(ipv4.map(({ loopback }) => loopback), [true]);
    assert.deepEqual(rest, { localAddress: undefined, way: "", nativeIpv6: undefined });
  });

  test("IPv4: addresses, their subnets, the way to a server, and what it changes to", async () => {
    sh("ip link set wan up");
    sh("ip address add 192.0.2.2/24 broadcast 192.0.2.255 dev wan");
    sh("ip address add 203.0.113.7/32 dev lo");
    while (watch.hasChanged()) await wait(100); // of what came up
    sh("ip route add default via 192.0.2.1");
    assert.equal(watch.hasChanged(), true);
    const { ipv4, localAddress, way } = look();
    const shown = ipv4.map((it) =>
      `${it.interfaceName} ${formatIpv4(it.address)}/${it.length} ${
        it.broadcast === undefined ? "none" : formatIpv4(it.broadcast)
      }`
    );
    assert.deepEqual(shown.sort(), [
      "lo 127.0.0.1/8 none",
      "lo 203.0.113.7/32 none",
      "wan 192.0.2.2/24 192.0.2.255",
    ]);
    assert.deepEqual([formatIpv4(localAddress!), way], ["192.0.2.2", "wan, 192.0.2.1"]);
    sh("ip route replace default via 192.0.2.9");
    assert.equal(look().way, "wan, 192.0.2.9");
    sh("ip link set wan down");
    assert.deepEqual([look().localAddress, look().way], [undefined, ""]);
    sh("ip link set wan up");
  });

  test("IPv4: the first of several servers counts that there is a way to; a source is asked with", () => {
    const [blocked, own] = ["198.51.100.200", "203.0.113.7"].map((it) => parseIpv4(it)!) as [
      number,
      number,
    ];
    sh("ip route replace default via 192.0.2.1");
    sh("ip route add blackhole 198.51.100.200");
    const way = (
      { localAddress, way }: NetworkNow,
    ) => [localAddress && formatIpv4(localAddress), way];
    const direct = way(look());
    assert.notEqual(direct[0], undefined);
    // Its own address is no way out either.
    assert.deepEqual(
      way(watch.look([blocked, own, parseIpv4("0.0.0.0")!, SERVER], "teredo")),
      direct,
    );
    assert.deepEqual(way(watch.look([blocked], "teredo")), [undefined, ""]);
    sh("ip rule add from 203.0.113.7 table 9");
    sh("ip route add default via 192.0.2.9 dev wan table 9");
    assert.deepEqual(way(watch.look([SERVER], "teredo", own)), ["203.0.113.7", "wan, 192.0.2.9"]);
    for (
      const it of [
        "rule del from 203.0.113.7 table 9",
        "route flush table 9",
        "route del blackhole 198.51.100.200",
      ]
    ) {
      sh(`ip ${it}`);
    }
    while (watch.hasChanged());
  });

  test("IPv4: an interface that has lost its carrier is no way, though its routes stay", async () => {
    const before = look();
    assert.equal(before.way, "wan, 192.0.2.1");
    while (watch.hasChanged());
    // linkwatch_event() tells of one in a second.
    const told = async () => {
      while (!watch.hasChanged()) await wait(50);
    };
    there("ip link set far down");
    await until(({ localAddress }) => localAddress === undefined);
    await told();
    assert.match(sh("ip route get 198.51.100.1"), /via 192\.0\.2\.1 dev wan/, "the kernel goes on");
    const { ipv4, way } = look();
    assert.deepEqual([ipv4, way], [before.ipv4, ""]);
    there("ip link set far up");
    await until((now) => now.way === before.way && now.localAddress === before.localAddress);
    await told();
  });

  test(
    "IPv6 by a router: there with it, whatever else there is, and gone with it",
    PATIENCE,
    async () => {
      assert.equal(native(look()), undefined);
      const radvd = spawn("nsenter", [
        ...["-t", `${other.pid}`, "-n", "radvd", "-n", "-C", conf],
        ...["-p", join(folder, "radvd.pid"), "-m", "stderr"],
      ], { stdio: "ignore" });
      const ended = new Promise((resolve) => radvd.once("exit", resolve));
      watch.hasChanged();
      await until((now) => native(now) !== undefined);
      assert.ok(watch.hasChanged());
      const found = native(look())!;
      assert.match(found, /^2001:db8:5:.* by wan$/);
      const address = found.split(" ")[0]!;
      // Ours is not it, but does not hide it.
      sh("ip -6 address add 2001:0:c633:6401::1/32 dev teredo nodad");
      sh("ip -6 route add default dev teredo metric 1");
      assert.equal(native(look()), found);
      // The next advertisement makes it a preferred one again, whenever that comes.
      const deprecate = () =>
        sh(`ip -6 address change ${address}/64 dev wan preferred_lft 0 valid_lft 3600`);
      for (deprecate(); native(look()) !== undefined; deprecate()) await wait(50);
      sh(`ip -6 address change ${address}/64 dev wan preferred_lft 1800 valid_lft 3600`);
      assert.equal(native(look()), found);
      sh("ip link set teredo down");
      radvd.kill("SIGTERM");
      await ended;
      // Its last advertisement says that it is a router no more. RFC 4861 §6.2.5
      await until((now) => native(now) === undefined);
    },
  );

  test("addresses of a site, of 6to4 and of Teredo are no native IPv6", () => {
    sh("ip -6 address flush dev wan scope global");
    for (const text of ["fd00::2/64", "2002:c000:202::1/16", "2001:0:1::1/64"]) {
      sh(`ip -6 address add ${text} dev wan nodad`);
    }
    sh("ip -6 route replace default via fe80::1 dev wan");
    assert.equal(native(look()), undefined);
    sh("ip -6 address add 2001:db8:7::1/64 dev wan nodad");
    assert.equal(native(look()), "2001:db8:7::1 by wan");
    sh("ip -6 route del default via fe80::1 dev wan");
    assert.equal(native(look()), undefined, "an address without a way");
    sh("ip -6 route add unreachable default metric 5");
    assert.equal(native(look()), undefined);
  });

  test("LinuxNetworkWatch closes", () => {
    watch.close();
    other.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });
});
