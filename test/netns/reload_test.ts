import assert from "node:assert/strict";
import process from "node:process";
import test from "node:test";
import { HOST_IPV6 } from "#src/demo/topology.ts";
import { LoadLab } from "#test/load/load_lab.ts";
import { difference, expectedCounts, readCounts } from "#test/load/metrics.ts";
import type { LoadResult } from "#test/load/role.ts";
import { RELAY_PORT, startRelay } from "./programs.ts";

const SECONDS = Number(process.env["TEREDO_RELOAD_SECONDS"] ?? 12);
const PACKETS_A_SECOND = Number(process.env["TEREDO_RELOAD_RATE"] ?? 1_500);
const CLIENTS = 256;
const RELOADS = 200;

const PACKET_LENGTH = 88;
const BUBBLE_LENGTH = 40;

const COMMON = `[relay]\nbind_port = ${RELAY_PORT}\nworkers = 2\n`;

/** Two configurations in turns: every setting that a packet meets changes, and forbids nothing here. */
const RELAY = [
  "type = relay",
  "served = any",
  "hold_packets = 8",
  "hold_memory = 16MiB",
  "new_peer_rate = 1000",
  "bubble_rate = 10000",
  "icmp_rate = 10",
];
const OTHER = [
  "type = relay",
  `served = ${HOST_IPV6}/128, 2001:db8:ffff::/48`,
  "hold_packets = 4",
  "hold_memory = 1MiB",
  "new_peer_rate = 0",
  "bubble_rate = 20000",
  "icmp_rate = 0",
];

/** Reloads one after the other; prints how many went well, and how many changed something. */
const STORM = String.raw`
cd /run
ok=0 changed=0 last=
for i in $(seq ${RELOADS}); do
  if [ $((i % 2)) = 1 ]; then text="${OTHER.join("\\n")}"; else text="${RELAY.join("\\n")}"; fi
  printf '%b%b\n' "${COMMON.replaceAll("\n", "\\n")}" "$text" > next.conf
  mv next.conf rly-relay.conf
  answer=$(curl -s -X POST --unix-socket teredo-relay/control http://localhost/reload)
  case $answer in *'"ok":true'*) ok=$((ok + 1)) ;; *) last=$answer ;; esac
  case $answer in *'"key":"relay.served"'*) changed=$((changed + 1)) ;; esac
done
echo "$ok reloads, $changed changes$last"
`;

/** @param where what was counted, for a run that lost something */
function assertWhole(who: string, result: LoadResult, where: string): void {
  const { sent, received, duplicates, foreign } = result;
  const { planned, expected } = result;
  assert.deepEqual(
    { sent, received, duplicates, foreign },
    { sent: planned, received: expected, duplicates: 0, foreign: 0 },
    `${who}; ${where}`,
  );
}

test(
  `Relay loses nothing under ${PACKETS_A_SECOND} packets/s each way while it is reloaded ${RELOADS} times`,
  {
    timeout: 600_000,
  },
  async () => {
    const load = await LoadLab.create();
    const counts = async () =>
      readCounts((await load.get("rly", "http://127.0.0.1:9545/metrics")).body);
    try {
      await startRelay(load.lab, "teredo", `${COMMON}${RELAY.join("\n")}\n`);
      await load.prefer("rly");
      const before = await counts();
      const plan = { clients: CLIENTS, up: PACKETS_A_SECOND, down: PACKETS_A_SECOND };
      const [{ clients, host }, storm] = await Promise.all([
        load.exchange({ ...plan, seconds: SECONDS }),
        load.lab.run("rly", ["sh"], { input: STORM, timeout: 600_000 }),
      ]);
      assert.deepEqual(
        [storm.stdout, storm.stderr],
        [`${RELOADS} reloads, ${RELOADS} changes\n`, ""],
      );
      const { counters, drops } = difference(before, await counts());
      const where = JSON.stringify({ counters, drops });
      assertWhole("clients", clients, where);
      assertWhole("host", host, where);
      // What the kernel says to a new interface's link comes when it comes.
      const { ipv6_received_packets, ipv6_received_bytes, link_messages } = counters;
      assert.equal(ipv6_received_packets - link_messages, host.sent);
      const want = expectedCounts({
        udp_received_datagrams: clients.sent + clients.bubblesSent,
        udp_received_bytes: clients.sent * PACKET_LENGTH + clients.bubblesSent * BUBBLE_LENGTH,
        udp_sent_datagrams: clients.received + clients.bubblesReceived,
        udp_sent_bytes: clients.received * PACKET_LENGTH + clients.bubblesReceived * BUBBLE_LENGTH,
        ipv6_received_packets,
        ipv6_received_bytes,
        ipv6_sent_packets: host.received,
        ipv6_sent_bytes: host.received * PACKET_LENGTH,
        bubbles_received: clients.bubblesSent,
        bubbles_sent_indirect: clients.bubblesReceived,
        bubbles_answered: CLIENTS,
        peers_created: CLIENTS,
        peers_trusted: CLIENTS,
        packets_held: CLIENTS,
        packets_released: CLIENTS,
        link_messages,
      });
      assert.deepEqual({ counters, drops }, want);
    } finally {
      await load.close();
    }
  },
);
