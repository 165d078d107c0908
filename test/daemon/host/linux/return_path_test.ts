import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import test from "node:test";
import { udp4 } from "#src/daemon/checks/samples.ts";
import { linuxReturnPath } from "#src/daemon/host/linux/return_path.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";
import { comes, empty, libc, tun, udpSocket, write } from "#test/netns/crossing.ts";

/** A server whose first address lies on `first` and whose second one lies on `second`. */
const STRANGER = 0x08080808;
const SECOND = 0xcb007102; // 203.0.113.2
const PORT = 3544;

interface Routes {
  readonly name: string;
  readonly commands: readonly string[];
  /** Where no filter drops anything. */
  readonly says: RegExp;
}

const DETOUR = /lies on second, and its answers leave by first/;
const FINE = /hears strangers on the interface it answers by/;
const ROUTES: readonly Routes[] = [
  {
    name: "the default route by the first",
    commands: ["ip route add default dev first"],
    says: DETOUR,
  },
  {
    name: "the default route by the second",
    commands: ["ip route add default dev second"],
    says: FINE,
  },
  { name: "no default route", commands: [], says: FINE },
  {
    name: "a rule that sends the second address's answers back",
    commands: [
      "ip route add default dev first",
      "ip route add default dev second table 7",
      "ip rule add from 203.0.113.2 table 7",
    ],
    says: FINE,
  },
];

const LEVELS = [0, 1, 2];

inNamespace(import.meta.filename!, () => {
  tun("first");
  const second = tun("second");
  for (const name of ["lo", "first", "second"]) sh(`ip link set ${name} up`);
  sh("ip address add 198.51.100.1/24 dev first");
  sh("ip address add 203.0.113.2/24 dev second");
  const udp = udpSocket(SECOND, PORT);
  const netlink = new Netlink(libc);
  const packet = udp4(
    "",
    { from: STRANGER, fromPort: 53_211, to: SECOND, toPort: PORT },
    "destination",
  );
  const ask = () => linuxReturnPath(netlink, SECOND, [STRANGER])!;

  /** Whether a stranger's datagram that comes in by `second` is received. */
  function hears(expected: boolean): boolean {
    empty(udp);
    write(second, packet.bytes);
    return comes(udp, expected, () => true);
  }

  function set({ commands }: Routes, all: number, own: number): void {
    sh("ip route replace unreachable 192.0.2.1 table 7"); // so that there is such a table
    sh("ip route flush table 7");
    sh("ip route flush exact 0/0");
    while (sh("ip rule show").includes("from 203.0.113.2")) sh("ip rule del from 203.0.113.2");
    for (const command of commands) sh(command);
    writeFileSync("/proc/sys/net/ipv4/conf/all/rp_filter", `${all}`);
    writeFileSync("/proc/sys/net/ipv4/conf/second/rp_filter", `${own}`);
  }

  for (const routes of ROUTES) {
    for (const [all, own] of LEVELS.flatMap((all) => LEVELS.map((own) => [all, own] as const))) {
      const name = `${routes.name}, rp_filter ${all} for all and ${own} here`;
      test(`linuxReturnPath() says what the kernel does: ${name}`, () => {
        set(routes, all, own);
        const finding = ask();
        const isDeaf = /drops strangers' datagrams to 203\.0\.113\.2 .* by second/.test(
          finding.detail,
        );
        assert.equal(hears(!isDeaf), !isDeaf, finding.detail);
        if (!isDeaf) return assert.match(finding.detail, routes.says);
        assert.equal(finding.verdict, "warn");
        sh(finding.mend!.replace("via ROUTER ", ""));
        assert.ok(hears(true), `${finding.mend} did not mend it`);
      });
    }
  }

  test("linuxReturnPath() sends answers back by the commands that it prints", () => {
    set(ROUTES[0]!, 0, 0);
    const { detail, mend } = ask();
    assert.match(detail, DETOUR);
    for (const command of mend!.replace("via ROUTER ", "").split(" && ")) sh(command);
    assert.match(ask().detail, FINE);
    sh("ip rule del from 203.0.113.2 table 3544");
  });

  test("linuxReturnPath() takes an address that stands for itself to be heard anywhere", () => {
    set(ROUTES[0]!, 1, 1);
    sh("ip address add 203.0.113.77/32 dev second");
    assert.match(linuxReturnPath(netlink, 0xcb00714d, [STRANGER])!.detail, FINE);
    assert.equal(linuxReturnPath(netlink, 0xcb00714e, [STRANGER]), undefined);
  });
});
