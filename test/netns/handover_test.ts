import assert from "node:assert/strict";
import test from "node:test";
import { LoadLab } from "#test/load/load_lab.ts";
import type { LoadResult } from "#test/load/role.ts";
import {
  metric,
  script,
  START_PATIENCE,
  startRelay,
  startSuccessor,
  teredo,
  until,
  untilReady,
  writeFile,
} from "./programs.ts";

const OPTIONS = { timeout: 600_000 };
const CLIENTS = 1_000;
/** Long enough for a restart on a busy machine. */
const SECONDS = 30;
/** Packets a second each way, one for each client in ten seconds. */
const RATE = 100;

/** Without the limits that keep a host from reaching a thousand clients of one server at once. */
const CONF = `[relay]
drain_time = 0
new_peer_rate = 0
bubble_rate = 0
address_bubble_rate = 0
`;

const count = (load: LoadLab, name: string) => metric(load.lab, "rly", 9545, `teredo_${name}`);

/** By the relay that serves now, which asked none of them; the one before it had to ask all. */
async function assertNoneIsAsked(load: LoadLab, clients: LoadResult, many: number): Promise<void> {
  // One each; on a busy machine an answer may come after a second one.
  assert.ok(clients.bubblesReceived >= many, `${clients.bubblesReceived} bubbles`);
  for (const kind of ["direct", "indirect", "challenge"]) {
    assert.equal(await count(load, `bubbles_sent_${kind}_total`), 0, kind);
  }
}

interface Ways {
  readonly how: string;
  readonly conf: string;
  readonly clients: number;
  readonly seconds: number;
}

const WAYS: readonly Ways[] = [
  { how: "as root", conf: "", clients: CLIENTS, seconds: SECONDS },
  {
    how: "as a user of its own",
    conf: "user = nobody\n",
    clients: 50,
    seconds: 15,
  },
  {
    how: "as that in a chroot",
    conf: "user = nobody\nchroot = /run/jail\n",
    clients: 50,
    seconds: 15,
  },
];

for (const { how, conf, clients: many, seconds } of WAYS) {
  test(
    `a relay restarted by SIGTERM ${how} serves its ${many} peers on, and asks none of them again`,
    OPTIONS,
    async () => {
      const load = await LoadLab.create();
      try {
        await load.lab.sh("rly", "mkdir -p /run/jail");
        const relay = await startRelay(load.lab, "teredo", CONF + conf);
        const rate = Math.max(many / 10, 10);
        const exchange = load.exchange({ clients: many, up: rate, down: rate, seconds });
        await until("all are trusted", async () => await count(load, "trusted_peers") === many);
        const { stderr, status } = await relay.stop(START_PATIENCE);
        assert.equal(status, 0, stderr);
        assert.match(
          stderr,
          new RegExp(`"Peers handed over" peers=${many} path=/run/teredo-relay/peers`),
        );
        const next = await startSuccessor(load.lab, "teredo", CONF + conf);
        await next.waitForLine(new RegExp(`"Peers found" peers=${many} `), START_PATIENCE);
        assert.equal(await count(load, "peers_taken_over_total"), many);
        const { clients, host } = await exchange;
        // On a busy machine the first one may be over before the successor serves.
        await load.exchange({ clients: many, up: rate, down: rate, seconds: 3 });

        assert.ok(await count(load, "udp_sent_datagrams_total") > 0, "traffic goes on");
        await assertNoneIsAsked(load, clients, many);
        assert.equal(await count(load, "packets_held_total"), 0);
        assert.equal(await count(load, 'drops_total{reason="unknown_peer"}'), 0);
        assert.equal(await count(load, 'drops_total{reason="source_mismatch"}'), 0);
        for (const { foreign, duplicates } of [clients, host]) {
          assert.deepEqual({ foreign, duplicates }, { foreign: 0, duplicates: 0 });
        }
      } finally {
        await load.close();
      }
    },
  );
}

for (const workers of [1, 2]) {
  test(
    `a relay of ${workers} workers restarted by a manager that keeps descriptors loses no packet`,
    OPTIONS,
    async (t) => {
      const load = await LoadLab.create();
      const { lab } = load;
      try {
        const file = await writeFile(lab, "relay.ini", `${CONF}workers = ${workers}\n`);
        const keeper = lab.spawn("rly", script("keeper.ts", ...teredo("relay", "-c", file)));
        await untilReady(lab, "rly", 9545, keeper);
        const exchange = load.exchange({
          clients: CLIENTS,
          up: RATE,
          down: RATE,
          seconds: SECONDS,
        });
        await until("all are trusted", async () => await count(load, "trusted_peers") === CLIENTS);
        keeper.kill("SIGHUP");
        await keeper.waitForLine(/^gap /, START_PATIENCE);
        const taken = new RegExp(`"Descriptors taken over" count=${2 * workers}$`);
        await keeper.waitForLine(taken, START_PATIENCE);
        const { clients, host } = await exchange;
        t.diagnostic(keeper.output().split("\n").filter((it) => it.startsWith("gap ")).join());
        // All that came meanwhile has waited, but for what a queue had no room for: none on a machine
        // that starts a process within seconds.
        const link = JSON.parse(await lab.sh("rly", "ip -s -j link show dev teredo"));
        const dropped: number = link[0].stats64.tx.dropped;
        const overflowed = await count(load, 'drops_total{reason="socket_overflow"}');
        t.diagnostic(`no room for ${dropped} packets and ${overflowed} datagrams`);
        for (
          const [{ received, expected, sent, planned, duplicates, foreign }, lost] of [
            [clients, dropped],
            [host, overflowed],
          ] as const
        ) {
          assert.deepEqual({ sent, duplicates, foreign }, {
            sent: planned,
            duplicates: 0,
            foreign: 0,
          });
          // The kernel's own messages to the link are among those that there was no room for.
          assert.ok(
            received >= expected - lost,
            `${expected - received} lost, no room for ${lost}`,
          );
        }
        await assertNoneIsAsked(load, clients, CLIENTS);
        assert.equal(await count(load, "peers_taken_over_total"), CLIENTS);

        // What is not as the next configuration asks for is let go of, and its name is free again.
        await writeFile(lab, "relay.ini", `${CONF}bind_port = 3546\nworkers = ${workers}\n`);
        keeper.kill("SIGHUP");
        await keeper.waitForLine(/listening=0\.0\.0\.0:3546 /, 60_000);
        const output = keeper.output();
        assert.match(output, /"Descriptors not taken over" what=udp /);
        assert.match(output, new RegExp(`"Descriptors taken over" count=${workers}\\n`));
        assert.match(output, /"Peers not taken over" .*another address or port/);
        assert.equal(await lab.sh("rly", "ss -Hlun sport = :3545"), "", "the old port is closed");
        const { status } = await keeper.stop(20_000);
        assert.equal(status, 0, keeper.output());
        assert.equal(await lab.sh("rly", "ip -6 route show 2001::/32"), "", "nobody has it now");
      } finally {
        await load.close();
      }
    },
  );
}
