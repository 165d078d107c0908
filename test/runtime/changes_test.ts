import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import process from "node:process";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import { NETLINK_NETFILTER } from "#ffi/linux/mod.ts";
import {
  Changes,
  IPV4_CHANGES,
  IPV6_CHANGES,
  NETWORK_CHANGES,
  NFTABLES_CHANGES,
} from "#src/datapath/linux/netlink/changes.ts";
import { inNamespace, sh } from "./namespace.ts";

const libc = await openLibc();

const HEARD = {
  ipv4: () => new Changes(libc, IPV4_CHANGES),
  ipv6: () => new Changes(libc, IPV6_CHANGES),
  network: () => new Changes(libc, NETWORK_CHANGES),
  nftables: () => new Changes(libc, NFTABLES_CHANGES, NETLINK_NETFILTER),
};
type Hearer = keyof typeof HEARD;

const deeds: readonly [deed: string, heard: readonly Hearer[]][] = [
  ["ip link add far type veth peer name other", ["ipv4", "ipv6", "network"]],
  // Addresses of its own, and what looks for their doubles, would come when they like.
  ["ip link set far addrgenmode none", []],
  ["ip link set far up", ["ipv4", "ipv6", "network"]],
  ["ip addr add 192.0.2.1/24 dev far", ["ipv4", "network"]],
  // Told of a moment later, in a thread of the kernel's: its local route is the last of it.
  [
    "ip -6 addr add 2001:db8::1/64 dev far nodad; " +
    "until ip -6 route show table local | grep -q 2001:db8::1; do sleep 0.01; done",
    ["ipv6", "network"],
  ],
  ["ip route add 198.51.100.0/24 via 192.0.2.2", ["ipv4", "network"]],
  ["ip -6 route add unreachable 2001::/32", ["ipv6", "network"]],
  ["ip rule add prio 7 from 192.0.2.1 table 7", ["ipv4", "network"]],
  ["ip -6 rule add prio 7 from 2001:db8::1 table 7", ["ipv6", "network"]],
  ["sysctl -qw net.ipv6.conf.all.forwarding=1", ["ipv6", "network"]],
  ["sysctl -qw net.ipv4.conf.all.forwarding=1", ["network"]],
  ["nft add table ip6 t", ["nftables"]],
  ["nft 'add chain ip6 t input { type filter hook input priority 0 ; }'", ["nftables"]],
  ["nft add rule ip6 t input udp dport 3545 drop", ["nftables"]],
  ["ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev far", []],
  ["ip link del far", ["ipv4", "ipv6", "network"]],
];

inNamespace(import.meta.filename, () => {
  test("Changes.any() tells of what happened since it was asked last, and of nothing else", () => {
    const names = Object.keys(HEARD) as Hearer[];
    const all = names.map((name) => HEARD[name]());
    sh("ip link set lo up");
    for (const [deed, heard] of deeds) {
      for (const changes of all) changes.any();
      execFileSync("sh", ["-ec", deed]);
      assert.deepEqual(names.filter((_, i) => all[i]!.any()), heard, deed);
      assert.deepEqual(names.filter((_, i) => all[i]!.any()), [], deed);
    }
    for (const changes of all) changes.close();
  });

  test("Changes.signal() has SIGIO sent at a change, until that is taken back", async () => {
    const changes = HEARD.ipv6();
    let signals = 0;
    process.on("SIGIO", () => signals += 1);
    const told = async () => {
      while (signals === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    changes.signal(true);
    sh("ip link add near type veth peer name nearer");
    await told();
    assert.equal(changes.any(), true);
    changes.signal(false);
    signals = 0;
    sh("ip link set near up");
    assert.equal(changes.any(), true);
    assert.equal(signals, 0);
    changes.signal(true);
    sh("ip link del near");
    await told();
    changes.close();
  });

  test("Changes says which call failed where it may not listen", () => {
    assert.throws(() => new Changes(libc, NFTABLES_CHANGES, 99), /socket.*netlink, for notif/);
  });
});
