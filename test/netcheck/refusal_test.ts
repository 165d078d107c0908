import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { measureRefusal } from "#src/netcheck/measure/icmp.ts";
import { libc, tun } from "#test/netns/crossing.ts";
import { ip4 } from "#test/protocol/packets.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";

const OWN = ip4("192.0.2.1");
const SERVER = ip4("198.51.100.1");

/** What is in the way, and what is said of a server then. */
const OBSTACLES: readonly (readonly [name: string, script: string, says: string | undefined])[] = [
  ["nothing", "", undefined],
  ["no route", "ip route del default", "unreachable"],
  ["a route that says no", "ip route add prohibit 198.51.100.0/24", "unreachable"],
  ...["drop", "reject"].map((verdict) =>
    [
      `a filter of this host's that would ${verdict} it`,
      `nft 'table inet f { chain output { type filter hook output priority 0; udp dport 3544 ${verdict}
}
}
'`,
      "filtered_here",
    ] as const
  ),
];

inNamespace(import.meta.filename!, () => {
  tun("d0");
  sh("ip link set d0 up");
  sh("ip address add 192.0.2.1/24 dev d0");
  for (const [name, script, says] of OBSTACLES) {
    test(`measureRefusal() with ${name} in the way`, { timeout: 600_000 }, async () => {
      const input = `nft flush ruleset
ip route flush 198.51.100.0/24
ip route replace default dev d0
${script}`;
      const { status, stderr } = spawnSync("sh", ["-e"], { input, encoding: "utf8" });
      assert.equal(status, 0, stderr);
      assert.equal(await measureRefusal(libc, SERVER, OWN), says);
    });
  }
}, 600_000);
