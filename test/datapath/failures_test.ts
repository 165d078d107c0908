import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { readFailures } from "#src/daemon/snapshot.ts";
import { Failures } from "#src/datapath/failures.ts";
import { openRawIpv6, RawIpv6Sender } from "#src/datapath/raw_ipv6.ts";
import { Counter, DROPS_AT, makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { FAILURE_NAMES, type FailureName, type WayOut, WAYS_OUT } from "#src/protocol/failures.ts";
import { failureHelp } from "#src/status/failure_help.ts";
import { ip4 } from "#test/protocol/packets.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";
import { udp } from "#test/segments/packets.ts";
import { datagram, open } from "./udp/ends.ts";

const libc = await openLibc();
const TO = ip4("192.0.2.9");

/** What is not 0. */
function counted(counters: Float64Array, way: WayOut) {
  const all = Object.entries(readFailures(counters)[way]);
  return Object.fromEntries(all.filter(([, count]) => count > 0));
}

/** What an operator, or a packet filter, does to the way out, and what the kernel then says. */
const TROUBLES: readonly { errno: FailureName; make: string[]; undo: string[] }[] = [
  { errno: "ENETUNREACH", make: [], undo: [] },
  {
    errno: "EHOSTUNREACH",
    make: ["ip route add unreachable 192.0.2.0/24", "ip -6 route add unreachable 2001:db8:9::/48"],
    undo: ["ip route del unreachable 192.0.2.0/24", "ip -6 route del unreachable 2001:db8:9::/48"],
  },
  {
    errno: "EACCES",
    make: ["ip route add prohibit 192.0.2.0/24", "ip -6 route add prohibit 2001:db8:9::/48"],
    undo: ["ip route del prohibit 192.0.2.0/24", "ip -6 route del prohibit 2001:db8:9::/48"],
  },
  {
    errno: "EINVAL",
    make: ["ip route add blackhole 192.0.2.0/24", "ip -6 route add blackhole 2001:db8:9::/48"],
    undo: ["ip route del blackhole 192.0.2.0/24", "ip -6 route del blackhole 2001:db8:9::/48"],
  },
  {
    errno: "EPERM",
    make: [
      "ip route add local 192.0.2.0/24 dev lo",
      "ip -6 route add local 2001:db8:9::/48 dev lo",
      "nft add table inet block",
      "nft add chain inet block out { type filter hook output priority 0 ; policy drop ; }",
    ],
    undo: ["nft delete table inet block"],
  },
];

inNamespace(import.meta.filename!, () => {
  sh("ip link set lo up");

  for (const { errno, make, undo } of TROUBLES) {
    test(`Failures tells ${errno} apart, over IPv4 and IPv6, single datagrams and runs`, () => {
      const from = open({ address: 0 });
      const counters = makeCounters();
      const arena = new Arena(libc, RawIpv6Sender.arenaLength + 65_536);
      const fd = openRawIpv6(libc);
      const raw = new RawIpv6Sender(libc, arena, fd, "packet");
      const failures = new Failures(libc.layout, counters, "ipv6");
      make.forEach(sh);
      for (const count of [1, 3]) {
        for (let i = 0; i < count; i++) {
          from.sender.queue(datagram(100, i), 0, 100, TO, 3_544, 0);
        }
        from.sender.flush();
      }
      const packet = udp({ from: "2001:db8::1", to: "2001:db8:9::9" });
      const answer = raw.send(packet, 0, packet.length);
      undo.forEach(sh);
      assert.deepEqual(counted(from.counters, "udp"), { [errno]: 4 });
      assert.equal(from.counters[DROPS_AT + Drop.SendFailed], 4);
      assert.equal(from.counters[Counter.udp_sent_datagrams], 0);
      assert.notEqual(answer, 0);
      failures.count(answer, 1);
      assert.deepEqual(counted(counters, "ipv6"), { [errno]: 1 });
      libc.call.close(fd);
      arena.close();
      from.close();
    });
  }
});

test("Failures counts each packet once: by its errno, or as one that found no room", () => {
  const { EAGAIN, ENOBUFS, errors } = libc.layout;
  for (const way of WAYS_OUT) {
    const counters = makeCounters();
    const failures = new Failures(libc.layout, counters, way);
    for (const errno of [...errors.keys(), 250, 255, 300, 100_000]) failures.count(errno, 2);
    const all = [...errors.keys()].length + 4;
    const full = way === "tun" ? 0 : 2;
    const cells = Object.values(readFailures(counters)[way]).reduce((sum, it) => sum + it, 0);
    const reason = way === "tun" ? Drop.TunWriteFailed : Drop.SendFailed;
    assert.equal(cells, 2 * (all - full));
    assert.equal(counters[DROPS_AT + reason], cells);
    assert.equal(counters[DROPS_AT + Drop.SendQueueFull], 2 * full);
    assert.ok(errors.has(EAGAIN) && errors.has(ENOBUFS));
  }
});

test("failureHelp() has words for each", () => {
  for (const way of WAYS_OUT) {
    for (const name of FAILURE_NAMES) {
      const { meaning, mend } = failureHelp(way, name);
      assert.ok(meaning.length > 10 && mend.length > 5, `${way} ${name}`);
    }
  }
});
