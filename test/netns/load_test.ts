import assert from "node:assert/strict";
import process from "node:process";
import { isDeepStrictEqual } from "node:util";
import test, { type TestContext } from "node:test";
import { LoadLab } from "#test/load/load_lab.ts";
import { type Counts, difference, expectedCounts, readCounts } from "#test/load/metrics.ts";
import type { LoadResult } from "#test/load/role.ts";
import { startRelay, startServer, wait } from "./programs.ts";

/** How long each load runs. */
const SECONDS = Number(process.env["TEREDO_LOAD_SECONDS"] ?? 30);
const CLIENTS = 256;
const PACKETS_A_SECOND = 50_000;
const SOLICITATIONS_A_SECOND = 10_000;
/** Ten a second from each: far below the limit that a server has by default. */
const SOURCES = 1_000;

const PACKET_LENGTH = 88;
const BUBBLE_LENGTH = 40;
/** Authentication with a nonce and nothing else, before solicitation and advertisement. */
const SOLICITATION_LENGTH = 13 + 48;
const ADVERTISEMENT_LENGTH = 13 + 8 + 96;

/**
 * What resident memory may grow by from the tenth second to the last: five bytes kept of each packet
 * are more. The collector's own rhythm and what the status pages take must fit in.
 */
const MEMORY_TOLERANCE = 8 * 1024 * 1024;

const RELAY = { namespace: "rly", status: "http://127.0.0.1:9545" };
const SERVER = { namespace: "srv", status: "http://127.0.0.1:9544" };

interface Observed<T> {
  readonly result: T;
  readonly counts: Counts;
}

/** Runs a load against a daemon that is ready, with an eye on its health and memory. */
async function observe<T>(
  t: TestContext,
  load: LoadLab,
  daemon: { namespace: string; status: string },
  run: () => Promise<T>,
): Promise<Observed<T>> {
  const { namespace, status } = daemon;
  const counts = async () => readCounts((await load.get(namespace, `${status}/metrics`)).body);
  await load.prefer(namespace);
  const before = await settled(counts);
  const health = load.watch(namespace, `${status}/healthz`);
  const running = run();
  running.catch(() => {}); // it is awaited below, after the memory
  await wait(1_000 * Math.min(10, SECONDS / 2));
  const early = await load.usage(namespace);
  const result = await running;
  const late = await load.usage(namespace);
  const after = await counts();
  const { stdout, stderr } = await health.stop();

  assert.match(
    stdout,
    /^asked [1-9]\d* times\n$/,
    `healthz was not always 200: ${stdout}${stderr}`,
  );
  const grown = late.memory - early.memory;
  t.diagnostic(`memory ${mebibytes(early.memory)} at first, ${mebibytes(late.memory)} at the end`);
  assert.ok(grown <= MEMORY_TOLERANCE, `memory grew by ${mebibytes(grown)}`);
  return { result, counts: difference(before, after) };
}

/**
 * The counts once nothing changes them any more: within two seconds of a new interface, the kernel
 * reports its multicast groups there, which the relay counts.
 */
async function settled(counts: () => Promise<Counts>): Promise<Counts> {
  for (let last = await counts();;) {
    await wait(2_500);
    const now = await counts();
    if (isDeepStrictEqual(now, last)) return now;
    last = now;
  }
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** Each packet that was to come did, once, as it was sent. */
function assertWhole(t: TestContext, who: string, result: LoadResult, where: string): void {
  const { received, expected, sendSeconds, planned, reordered } = result;
  const rate = Math.round(planned / sendSeconds);
  t.diagnostic(`${who}: sent ${planned} at ${rate}/s, received ${received}, ${reordered} late`);
  assert.deepEqual(
    {
      sent: result.sent,
      received,
      duplicates: result.duplicates,
      foreign: result.foreign,
      overflowed: result.overflowed,
    },
    { sent: planned, received: expected, duplicates: 0, foreign: 0, overflowed: 0 },
    `${who}; ${where}`,
  );
}

/** What the kernel dropped on the way, for a run that lost something. */
function whereLost(load: LoadLab, namespace: string): Promise<string> {
  return load.lab.sh(namespace, "ip -s link; nstat -a 2>/dev/null || cat /proc/net/snmp");
}

test(`Server answers ${SOLICITATIONS_A_SECOND} solicitations/s for ${SECONDS} s, and counts each`, async (t) => {
  const load = await LoadLab.create();
  try {
    await startServer(load.lab, "teredo");
    const { result, counts } = await observe(
      t,
      load,
      SERVER,
      () => load.solicit({ rate: SOLICITATIONS_A_SECOND, seconds: SECONDS, sources: SOURCES }),
    );
    assertWhole(t, "solicitations", result, await whereLost(load, "srv"));
    assert.deepEqual(
      counts,
      expectedCounts({
        udp_received_datagrams: result.sent,
        udp_received_bytes: result.sent * SOLICITATION_LENGTH,
        udp_sent_datagrams: result.received,
        udp_sent_bytes: result.received * ADVERTISEMENT_LENGTH,
        solicitations_received: result.sent,
        advertisements_sent: result.received,
      }),
    );
  } finally {
    await load.close();
  }
});

test(`Relay carries ${PACKETS_A_SECOND} packets/s each way for ${SECONDS} s, and counts each`, async (t) => {
  const load = await LoadLab.create();
  try {
    await startRelay(load.lab, "teredo");
    const { result: { clients, host }, counts } = await observe(
      t,
      load,
      RELAY,
      () =>
        load.exchange({
          clients: CLIENTS,
          up: PACKETS_A_SECOND,
          down: PACKETS_A_SECOND,
          seconds: SECONDS,
        }),
    );
    const where = await whereLost(load, "rly");
    assertWhole(t, "clients", clients, where);
    assertWhole(t, "host", host, where);
    assert.deepEqual(
      counts,
      expectedCounts({
        udp_received_datagrams: clients.sent + clients.bubblesSent,
        udp_received_bytes: clients.sent * PACKET_LENGTH + clients.bubblesSent * BUBBLE_LENGTH,
        udp_sent_datagrams: clients.received + clients.bubblesReceived,
        udp_sent_bytes: clients.received * PACKET_LENGTH + clients.bubblesReceived * BUBBLE_LENGTH,
        ipv6_received_packets: host.sent,
        ipv6_received_bytes: host.sent * PACKET_LENGTH,
        ipv6_sent_packets: host.received,
        ipv6_sent_bytes: host.received * PACKET_LENGTH,
        bubbles_received: clients.bubblesSent,
        bubbles_sent_indirect: clients.bubblesReceived,
        bubbles_answered: CLIENTS,
        peers_created: CLIENTS,
        peers_trusted: CLIENTS,
        // The greeting of each client, which made the relay look for it.
        packets_held: CLIENTS,
        packets_released: CLIENTS,
      }),
    );
  } finally {
    await load.close();
  }
});
