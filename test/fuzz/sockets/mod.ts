import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import {
  assertRelayBalances,
  assertServerBalances,
  astray,
  type Books,
  expose,
  introduce,
  quietBooks,
} from "#test/netns/hostile.ts";
import { startRelay, startServer } from "#test/netns/programs.ts";
import { probe } from "#test/netns/traffic.ts";

/** Between two looks at whether all goes on as it should. */
const ROUND = 500_000;
/** Datagrams a second: what relay, server and sender together can do on two cores, and hardly more. */
const RATE = 60_000;
/** Less than such a part must not be lost on the way to the sockets: it would show nothing. */
const LEAST_RECEIVED = 0.25;
const PATIENCE = { timeout: 600_000 };
const RELAY_CONF = `[relay]
interface_name = teredo
bind_port = 3545
max_peers = 25000
`;
const MIB = 1024 * 1024;
/** As in test/netns/hostile_test.ts: what memory may come to, whatever is sent. docs/limits.md */
const MEMORY = { rly: 256 * MIB, srv: 160 * MIB } as const;
const SENDER = fileURLToPath(new URL("./send.ts", import.meta.url));

/**
 * The program itself, relay and server, in namespaces: it is sent so many datagrams. After each round a
 * client qualifies and pings through both; at the end all that came is accounted for.
 */
export async function fuzzSockets(datagrams: number, seed: number): Promise<number> {
  const lab = await Lab.create({ nats: ["port-restricted", "none"], checksums: true });
  try {
    const gateway = lab.sites[1]!.publicAddress;
    await Promise.all([expose(lab, "srv", gateway), expose(lab, "rly", gateway)]);
    await introduce(lab, ["srv", "rly", "host6", "cli1", "nat0"]);
    const daemons = await Promise.all([
      startServer(lab, "teredo"),
      startRelay(lab, "teredo", RELAY_CONF),
    ]);
    console.error(`seed ${seed}`);
    const sent = await attack(lab, daemons, datagrams, seed);
    const books = await quietBooks(lab, "rly");
    const serverBooks = await quietBooks(lab, "srv");
    await check(lab, sent, books, serverBooks);
    for (const daemon of daemons) {
      const { status, stdout, stderr } = await daemon.stop();
      assert.equal(status, 0, stderr);
      assert.ok((stdout + stderr).split("\n").length < 100, stderr);
    }
    return 0;
  } catch (error) {
    console.error(error);
    return 1;
  } finally {
    await lab.close();
  }
}

async function attack(
  lab: Lab,
  daemons: readonly LabProcess[],
  datagrams: number,
  seed: number,
): Promise<number> {
  let sent = 0;
  for (let round = 0, left = datagrams; left > 0; round++) {
    const count = Math.min(left, ROUND);
    left -= count;
    const argv = [process.execPath, SENDER, `${seed + round}`, `${count}`, `${RATE}`];
    const { stdout, stderr } = await lab.run("cli1", argv, PATIENCE);
    assert.notEqual(stdout, "", stderr);
    sent += (JSON.parse(stdout) as { sent: number }).sent;
    for (const daemon of daemons) assert.ok(!daemon.ended, daemon.output());
    const { reachable, pings_lost } = await probe(lab, "cli0");
    assert.ok(reachable && pings_lost === 0, `after ${sent}: ${pings_lost} pings lost`);
    console.error(`${sent} sent; a client qualifies, and its pings are answered`);
  }
  return sent;
}

async function check(lab: Lab, sent: number, relay: Books, server: Books): Promise<void> {
  assertRelayBalances(relay);
  assertServerBalances(server);
  assert.deepEqual([await astray(lab, "rly"), await astray(lab, "srv")], [0, 0]);
  const received = [relay, server].map(({ status }) => status.counters.udp_received_datagrams);
  const overflow = [relay, server].map(({ status }) => status.drops.socket_overflow);
  const memory = [relay, server].map(({ status }) => status.process.resident_memory_bytes);
  const say = (numbers: readonly number[]) => numbers.join(" and ");
  console.error(
    `relay and server received ${say(received)}, all accounted for; ` +
      `${say(overflow)} found no room in a socket; memory ${
        say(memory.map((it) => Math.round(it / MIB)))
      } MiB`,
  );
  assert.ok(received[0]! + received[1]! >= sent * LEAST_RECEIVED, "hardly anything has come");
  assert.ok(memory[0]! < MEMORY.rly && memory[1]! < MEMORY.srv);
}
