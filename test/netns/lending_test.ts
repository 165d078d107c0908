import assert from "node:assert/strict";
import test from "node:test";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { LoadLab } from "#test/load/load_lab.ts";
import { readCounts } from "#test/load/metrics.ts";
import { clientIpv6, GENERATOR_NETWORK } from "#test/load/plan.ts";
import type { LoadResult } from "#test/load/role.ts";
import { parseExposition } from "#test/status/exposition_parser.ts";
import { get, RELAY_PORT, startRelay, teredo, until, wait } from "./programs.ts";

/**
 * The relay with the fast path, as its process runs: whom it lends to the kernel, that a packet counts
 * once whichever way it took, and what has the rules see every packet again.
 */
const OPTIONS = { timeout: 600_000 };
const CLIENTS = 100;
const BASE = "http://127.0.0.1:9545";
const DROP_RULE = `nft add table ip late
nft 'add chain ip late input { type filter hook input priority 0; }'
nft add rule ip late input udp dport ${RELAY_PORT} drop`;
/** Flows are forgotten that the filters see nothing of for so long. */
const FORGET_SECONDS = 15;
const TRACK = `sysctl -qw net.netfilter.nf_conntrack_udp_timeout=${FORGET_SECONDS}
sysctl -qw net.netfilter.nf_conntrack_udp_timeout_stream=${FORGET_SECONDS}
nft add table ip guard
nft 'add chain ip guard input { type filter hook input priority 0; }'
nft add rule ip guard input ct state established accept`;
const GUARD = `nft add rule ip guard input udp dport ${RELAY_PORT} counter drop`;

async function withRelay(settings: string, run: (load: LoadLab) => Promise<void>): Promise<void> {
  const load = await LoadLab.create(true);
  try {
    await startRelay(load.lab, "teredo", `[relay]\nfast_path = on\n${settings}`);
    await load.prefer("rly");
    await until("the fast path is on", async () => (await read(load)).active === 1);
    await run(load);
  } finally {
    await load.close();
  }
}

/** What `/metrics` says. */
async function read(load: LoadLab) {
  const text = await get(load.lab, "rly", `${BASE}/metrics`);
  assert.ok(text !== undefined);
  const metrics = parseExposition(text);
  const value = (name: string, labels = "") => metrics.get(name)?.samples.get(labels) ?? 0;
  const passed = (direction: string) =>
    value("teredo_fast_path_packets_total", `{direction="${direction}"}`);
  return {
    ...readCounts(text),
    active: value("teredo_fast_path_active"),
    leases: value("teredo_fast_path_leases"),
    up: passed("up"),
    down: passed("down"),
  };
}

/** Each packet that was to come did, once. */
function assertWhole(who: string, result: LoadResult): void {
  const { sent, received, duplicates, foreign } = result;
  const { planned, expected } = result;
  const whole = { sent: planned, received: expected, duplicates: 0, foreign: 0 };
  assert.deepEqual({ sent, received, duplicates, foreign }, whole, who);
}

async function leasedPeers(load: LoadLab): Promise<number> {
  const { peers } = JSON.parse((await get(load.lab, "rly", `${BASE}/peers?limit=400`))!);
  return peers.filter(({ leased }: { leased?: boolean }) => leased).length;
}

for (const workers of [1, 2]) {
  test(
    `Relay with the fast path, workers = ${workers}: every packet arrives and counts once`,
    OPTIONS,
    () =>
      withRelay(`workers = ${workers}\n`, async (load) => {
        const plan = { clients: CLIENTS, up: 3_000, down: 3_000, seconds: 4 };
        const { clients, host } = await load.exchange(plan);
        assertWhole("clients", clients);
        assertWhole("host", host);
        // What passed in the kernel is taken in once a second.
        await until("all is counted", async () => {
          const { counters } = await read(load);
          return counters.ipv6_sent_packets >= clients.sent &&
            counters.ipv6_received_packets >= host.sent + counters.link_messages;
        });
        const { counters, drops, up, down } = await read(load);
        assert.ok(up > 0 && down > 0, `${up} and ${down} passed`);
        await until("both tell the same", async () => {
          const { leases } = await read(load);
          return leases === await leasedPeers(load);
        });
        assert.equal(counters.ipv6_sent_packets, clients.sent);
        assert.equal(counters.ipv6_received_packets, host.sent + counters.link_messages);
        assert.equal(counters.udp_received_datagrams, clients.sent + clients.bubblesSent);
        assert.equal(counters.udp_sent_datagrams, host.sent + counters.bubbles_sent_indirect);
        assert.equal(counters.peers_trusted, CLIENTS);
        assert.deepEqual(Object.entries(drops).filter(([, count]) => count > 0), []);
        if (workers > 1) return;
        await until("nobody is lent who is silent", async () => (await read(load)).leases === 0);
        assert.equal(await leasedPeers(load), 0);
      }),
  );
}

/** Runs `during` while packets flow both ways. */
async function amidLoad(load: LoadLab, seconds: number, during: () => Promise<unknown>) {
  const plan = { clients: 10, up: 500, down: 500, seconds };
  const exchanged = load.exchange(plan);
  // What fails first is told, not that the generators end with the lab.
  exchanged.catch(() => {});
  await until("packets pass in the kernel", async () => (await read(load)).up > 500);
  await during();
  return await exchanged;
}

type Readings = Awaited<ReturnType<typeof read>>;

/** Reads twice, two seconds apart, until what came meanwhile is as wanted: in the midst of the load. */
async function untilBetween(
  load: LoadLab,
  what: string,
  isWanted: (before: Readings, after: Readings) => boolean,
): Promise<void> {
  await until(what, async () => {
    const before = await read(load);
    await wait(2_000);
    return isWanted(before, await read(load));
  });
}

test(
  "Relay with the fast path: a rule in the host's filters takes effect on flows that never pause",
  OPTIONS,
  () =>
    withRelay("", async (load) => {
      await amidLoad(load, 25, async () => {
        await load.lab.sh("rly", DROP_RULE);
        await untilBetween(
          load,
          "nothing from peers passes, though what goes to them comes",
          (before, after) =>
            after.up === before.up &&
            after.counters.ipv6_sent_packets === before.counters.ipv6_sent_packets &&
            after.counters.ipv6_received_packets > before.counters.ipv6_received_packets,
        );
      });
    }),
);

test(
  "Relay with the fast path: connection tracking forgets no flow whose packets pass it by",
  OPTIONS,
  () =>
    withRelay("", async (load) => {
      await load.lab.sh("rly", TRACK);
      const seconds = 2.5 * FORGET_SECONDS;
      const { clients, host } = await amidLoad(load, seconds, () => load.lab.sh("rly", GUARD));
      // A flow that had been forgotten would be a new one to the guard.
      const { stdout } = await load.lab.run("rly", ["nft", "list", "table", "ip", "guard"]);
      assert.match(stdout, /counter packets 0 bytes 0 drop/);
      assertWhole("clients", clients);
      assertWhole("host", host);
      const { up, down, counters } = await read(load);
      assert.ok(up > 0 && down > 0, `${up} and ${down} passed`);
      assert.equal(counters.peers_trusted, 10);
    }),
);

test(
  "Relay with the fast path: a way that takes no such datagram any more is left to the rules at once",
  OPTIONS,
  () =>
    withRelay("", async (load) => {
      const way = `ip route change ${GENERATOR_NETWORK} via ${load.lab.sites[0]!.publicAddress}`;
      const { clients, host } = await amidLoad(load, 15, async () => {
        await load.lab.sh("rly", `${way} mtu 100`);
        await untilBetween(
          load,
          "they go in fragments, which the kernel makes; what comes from peers passes again",
          (before, after) => after.down === before.down && after.up > before.up,
        );
        const { down } = await read(load);
        await load.lab.sh("rly", way);
        await until("they pass again", async () => (await read(load)).down > down);
      });
      assertWhole("clients", clients);
      assertWhole("host", host);
    }),
);

test(
  "Relay with the fast path: while packets are watched the rules see each of them",
  OPTIONS,
  () =>
    withRelay("", async (load) => {
      const { clients, host } = await amidLoad(load, 20, async () => {
        const log = (...args: string[]) => load.lab.sh("rly", teredo("log", ...args).join(" "));
        await log("debug", "--peer", formatIpv6(clientIpv6(0)));
        await untilBetween(
          load,
          "nothing passes in the kernel, though packets come",
          (before, after) =>
            after.up === before.up && after.down === before.down &&
            after.counters.ipv6_sent_packets > before.counters.ipv6_sent_packets,
        );
        const { up, down } = await read(load);
        await log("off");
        await until("they pass in the kernel again", async () => {
          const now = await read(load);
          return now.up > up && now.down > down;
        });
      });
      assertWhole("clients", clients);
      assertWhole("host", host);
    }),
);
