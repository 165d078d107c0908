import assert from "node:assert/strict";
import test from "node:test";
import { IPV4_LINK } from "#src/demo/topology.ts";
import { LoadLab } from "#test/load/load_lab.ts";
import { difference, readCounts } from "#test/load/metrics.ts";
import { startRelay } from "./programs.ts";

/**
 * A way to the clients that is slower than what is to be sent on it: the relay's send buffer is full
 * nearly all the time. What comes from the clients meanwhile is none of its business.
 */
const CLIENTS = 16;
const SECONDS = 5;
/** Packets a second, of 88 bytes: 130 in a frame. The relay's buffer has room for two seconds of it. */
const UP = 1_000;
const DOWN = 8_000;
const DOWN_RATE = "2mbit"; // 1,923 packets a second
const CONF = (offloads: string) =>
  `[relay]\ninterface_name = teredo\nsocket_buffer = 1MiB\noffloads = ${offloads}\n`;
const METRICS = "http://127.0.0.1:9545/metrics";

/** Packets that found no room in the queue of the relay's interface. */
async function refusedByTun(load: LoadLab): Promise<number> {
  const [link] = JSON.parse(await load.lab.sh("rly", "ip -s -j link show dev teredo"));
  return link.stats64.tx.dropped;
}

for (const offloads of ["auto", "off"]) {
  test(
    `Relay with a full send buffer loses nothing of what comes from clients, offloads = ${offloads}`,
    { timeout: 600_000 },
    async (t) => {
      const load = await LoadLab.create();
      try {
        await startRelay(load.lab, "teredo", CONF(offloads));
        const queue =
          `tc qdisc add dev ${IPV4_LINK} root tbf rate ${DOWN_RATE} burst 20k limit 30mb`;
        await load.lab.sh("rly", queue);
        const counts = async () => readCounts((await load.get("rly", METRICS)).body);
        await load.prefer("rly");
        const before = await counts();
        const { clients, host } = await load.exchange({
          clients: CLIENTS,
          up: UP,
          down: DOWN,
          seconds: SECONDS,
        });
        const found = difference(before, await counts());
        const refused = await refusedByTun(load);
        const text = `${JSON.stringify({ clients, host, refused })}\n${JSON.stringify(found)}`;
        t.diagnostic(text);
        assert.deepEqual(
          [host.received, host.duplicates, host.foreign],
          [host.expected, 0, 0],
          `from clients; ${text}`,
        );
        assert.ok(refused > 0, `the buffer was never full; ${text}`);
        // All that the relay took, it sent; the rest the kernel refused, and counted, as it does with
        // messages of its own to the link.
        const { ipv6_received_packets: taken, link_messages: own } = found.counters;
        assert.equal(clients.received, taken - own, `to clients; ${text}`);
        assert.ok(clients.received >= host.sent - refused, `to clients; ${text}`);
        assert.equal(clients.duplicates + clients.foreign, 0);
        for (const reason of ["send_queue_full", "send_failed", "socket_overflow"]) {
          assert.equal(found.drops[reason], 0, text);
        }
      } finally {
        await load.close();
      }
    },
  );
}
