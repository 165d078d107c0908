import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import test, { after, before } from "node:test";
import { CLIENTS } from "#test/bench/lab_scripts.ts";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { LoadLab } from "#test/load/load_lab.ts";
import { ENDS, happen, RELAY_CONFIGURATION } from "#test/soak/run/events.ts";
import { takeSingly } from "#test/soak/run/runs.ts";
import { accountsOf, problemsOf } from "#test/soak/run/accounts.ts";
import { nodeCommand } from "#test/soak/parties/command.ts";
import type { NewcomersPlan, NewcomersTold } from "#test/soak/parties/newcomers.ts";
import { get, START_PATIENCE, startRelay, startServer, startSuccessor, until } from "./programs.ts";

/** That what the long trials are made of works; how much is borne is for them to say. */
const OPTIONS = { timeout: 600_000 };
const NEWCOMERS = fileURLToPath(new URL("../soak/parties/newcomers_main.ts", import.meta.url));
const PLAN: NewcomersPlan = {
  port: 5_001,
  first: 100_000,
  addresses: 100,
  rate: 100,
  seconds: 2,
  patience: START_PATIENCE,
  qualifies: true,
  pulse: 50,
  server: SERVER_ADDRESS,
  host: HOST_IPV6,
};

let load: LoadLab;

before(async () => {
  load = await LoadLab.create(true);
  await startServer(load.lab, "teredo");
  await startRelay(load.lab, "teredo", RELAY_CONFIGURATION);
}, OPTIONS);

after(() => load.close());

test("newcomers join in peace, come again, and are counted to the datagram", OPTIONS, async () => {
  const before = await accountsOf(load.lab);
  const { stdout, stderr } = await load.lab.run(CLIENTS, nodeCommand(NEWCOMERS, PLAN), OPTIONS);
  assert.notEqual(stdout, "", stderr);
  const peers: NewcomersTold[] = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const { started, qualified, joined } = peers.at(-1)!;
  assert.ok(started > 0);
  assert.deepEqual({ qualified, joined }, { qualified: started, joined: started });
  assert.ok(peers.some(({ roundTrips }) => roundTrips.length > 0));
  const clients = { sent: 0, bubblesSent: 0 };
  const leg = { flows: { clients } as never, peers, junk: 0, singly: true };
  const after = await accountsOf(load.lab);
  assert.deepEqual(problemsOf(leg, after, before), []);
  const one = { ...leg, junk: 1 };
  assert.match(problemsOf(one, after, before).join(), /datagrams for the relay/);
});

/** Those of the deck that cost little. */
const EVENTS = [
  "reload with other limits",
  "drain and serve again",
  "IPv6 link down for a second",
  "interface's address removed",
  ...ENDS,
] as const;

test(
  "what is done to a relay in the soak is over when it ends, and the books are in order",
  OPTIONS,
  async () => {
    for (const name of EVENTS) await happen(load.lab, name);
    const accounts = await accountsOf(load.lab);
    assert.ok(accounts.relay.ready, accounts.relay.sentence);
    const leg = { flows: undefined as never, peers: [], junk: 0, singly: false };
    assert.deepEqual(problemsOf(leg, accounts, undefined), []);
  },
);

test("what finds no room at the relay's socket is counted to the datagram", OPTIONS, async () => {
  const { lab } = load;
  await lab.sh("rly", "pkill -TERM -f 'teredo relay'");
  await until(
    "the relay has ended",
    async () => await lab.sh("rly", "ss -Hlun sport = 3545") === "",
  );
  await startSuccessor(lab, "teredo", `${RELAY_CONFIGURATION}fast_path = off\n`);
  await takeSingly(lab, true);
  const before = await accountsOf(lab);
  const flows = load.exchange({ clients: 100, up: 30_000, down: 100, seconds: 6 });
  flows.catch(() => {});
  await until("packets flow", async () => {
    const status = JSON.parse((await get(lab, "rly", "http://127.0.0.1:9545/status"))!);
    return status.counters.udp_received_datagrams > 30_000;
  });
  await happen(lab, "stopped for a second");
  const peers = [{ toRelay: 0 }] as never;
  const leg = { flows: await flows as never, peers, junk: 0, singly: true };
  const after = await accountsOf(lab);
  assert.ok(after.roomless > before.roomless + 100, `${after.roomless}`);
  assert.deepEqual(problemsOf(leg, after, before), []);
});
