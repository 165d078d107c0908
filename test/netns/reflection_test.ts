import assert from "node:assert/strict";
import test, { after, before, type TestContext } from "node:test";
import { Lab } from "#src/demo/lab.ts";
import { IPV4_LINK, SERVER_ADDRESS } from "#src/demo/topology.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import { get, RELAY_PORT, script, startRelay, until, wait } from "./programs.ts";

const OPTIONS = { timeout: 600_000 };
const PACKETS = 8_000;
const SECONDS = 8;
/** Ethernet frames: the shortest, and one with a bubble. */
const FRAME_IN = 64;
const FRAME_OUT = 86;
/** As the configuration has them by default. */
const ADDRESS_BUBBLE_RATE = 1_000;
const REPEATS = 100;
const MAPPING_PEERS = 64;
const VICTIMS = "60.0.0.0";

let lab: Lab;

before(async () => {
  lab = await Lab.create({ nats: ["none"] });
  // What goes to clients that are not there ends at the server's host, which passes nothing on.
  await lab.sh("rly", `ip route add default via ${SERVER_ADDRESS}`);
});

after(() => lab.close());

/** One datagram in a message, so that the kernel's counters count datagrams. */
const SINGLY = "interface_name = teredo\noffloads = off\n";

/** Runs `step` with a relay of this configuration, which then ends. */
async function withRelay(conf: string, step: () => Promise<void>): Promise<void> {
  const relay = await startRelay(lab, "teredo", `[relay]\n${SINGLY}${conf}`);
  try {
    await step();
  } finally {
    await relay.stop();
  }
}

const status = async () =>
  JSON.parse((await get(lab, "rly", "http://127.0.0.1:9545/status"))!) as Snapshot;

const flood = (kind: "addresses" | "guises", count: number, seconds: number, mapped = VICTIMS) =>
  lab.run(
    "host6",
    script("reflection.ts", SERVER_ADDRESS, mapped, `${count}`, `${seconds}`, kind),
    {
      timeout: 600_000,
    },
  );

/** Datagrams that left for the server and for others, while `step` ran. */
async function counted(step: () => Promise<unknown>) {
  const rules = `table ip victims {
  counter server { }
  counter mapped { }
  chain out {
    type filter hook output priority 0;
    udp sport ${RELAY_PORT} ip daddr ${SERVER_ADDRESS} counter name server
    udp sport ${RELAY_PORT} ip daddr != ${SERVER_ADDRESS} counter name mapped
  }
}
`;
  await lab.sh("rly", `nft -f - <<'RULES'\n${rules}RULES`);
  const begun = performance.now();
  await step();
  const seconds = (performance.now() - begun) / 1_000;
  const listing = await lab.sh("rly", "nft list counters table ip victims");
  await lab.sh("rly", "nft delete table ip victims");
  const [server, mapped] = [...listing.matchAll(/packets (\d+)/g)].map(([, n]) => Number(n));
  return { server: server!, mapped: mapped!, seconds };
}

function report(t: TestContext, to: string, datagrams: number, came: number, seconds: number) {
  const factor = datagrams * FRAME_OUT / (came * FRAME_IN);
  t.diagnostic(
    `${came} packets, ${came * FRAME_IN} bytes: ${datagrams} datagrams to ${to}, ` +
      `${datagrams * FRAME_OUT} bytes, ${factor.toFixed(2)} times, in ${seconds.toFixed(1)} s`,
  );
}

test(
  "a new relay has dropped nothing, whatever its kernel said on the interface",
  OPTIONS,
  () =>
    withRelay("", async () => {
      let snapshot = await status();
      await until("the kernel reports its groups", async () => {
        snapshot = await status();
        return snapshot.counters.link_messages > 0;
      });
      await wait(1_000);
      snapshot = await status();
      const dropped = Object.entries(snapshot.drops).filter(([, count]) => count > 0);
      assert.deepEqual(dropped, []);
    }),
);

for (const type of ["relay", "restricted"] as const) {
  test(
    `type ${type}: 8,000 short packets make no flood of bubbles (R-15)`,
    OPTIONS,
    (t) =>
      withRelay(`type = ${type}\n`, async () => {
        const { server, mapped, seconds } = await counted(async () => {
          const { status, stderr } = await flood("addresses", PACKETS, SECONDS);
          assert.equal(status, 0, stderr);
          await wait(10_000);
        });
        const came = (await status()).counters.ipv6_received_packets;
        report(t, "the server", server, came, seconds);
        report(t, "mapped addresses", mapped, came, seconds);
        for (const datagrams of type === "relay" ? [server] : [server, mapped]) {
          assert.ok(datagrams > 1_000, "hardly any bubbles: the flood did not arrive");
          assert.ok(datagrams <= ADDRESS_BUBBLE_RATE * (seconds + 1), `${datagrams} datagrams`);
          assert.ok(datagrams <= came + REPEATS * (seconds + 1), `${datagrams} for ${came}`);
        }
        if (type === "relay") assert.equal(mapped, 0);
      }),
  );
}

test(
  "500 guises of one mapping are 64 peers (R-26)",
  OPTIONS,
  (t) =>
    withRelay("type = restricted\n", async () => {
      const { server, mapped, seconds } = await counted(async () => {
        await flood("guises", 500, 1);
        let peers = 0;
        await until("they have arrived", async () => (peers = (await status()).gauges.peers) > 0);
        assert.ok(peers <= MAPPING_PEERS, `${peers} peers`);
        await wait(10_000);
        const { gauges } = await status();
        assert.ok(gauges.peers <= MAPPING_PEERS, `${gauges.peers} peers`);
      });
      report(t, "the server", server, 500, seconds);
      report(t, "the mapping", mapped, 500, seconds);
      for (const datagrams of [server, mapped]) {
        assert.ok(datagrams > 0 && datagrams <= 500 + 4 * MAPPING_PEERS, `${datagrams} datagrams`);
      }
    }),
);

test(
  "the relay follows the subnets that its host is attached to (R-02)",
  OPTIONS,
  () =>
    withRelay("", async () => {
      const dropped = async () => (await status()).drops.mapped_address_not_global;
      const ask = () => flood("addresses", 1, 1, "203.0.113.255");
      await ask();
      assert.equal(await dropped(), 0);
      await lab.sh("rly", `ip address add 203.0.113.9/24 dev ${IPV4_LINK}`);
      await until("the broadcast address is refused", async () => {
        await ask();
        return await dropped() > 0;
      });
      const before = await counted(ask);
      assert.equal(before.server + before.mapped, 0);
      await lab.sh("rly", `ip address del 203.0.113.9/24 dev ${IPV4_LINK}`);
      await until("it is any address again", async () => {
        const refused = await dropped();
        await ask();
        return await dropped() === refused;
      });
    }),
);
