/**
 * What a million peers cost, as one line of JSON on standard output:
 *
 *     bun test/load/peers_report.ts [--memory] [PEERS]
 *
 * `bytesPerPeer`: growth of the resident set from an idle relay to one whose table is full of trusted
 * peers, over their number: entries, index, lists, timers, queues of held packets, page tables not.
 * `longestMs`: the longest single call of each kind, the median of three rounds, on the clock:
 * on a busy machine it includes being preempted. `overFiveMs`: calls of all rounds above 5 ms.
 * `nsPerLookup`: Peers.find() for peers in random order, the median of nine.
 *
 * With `--memory` the bytes alone.
 */
import process from "node:process";
import { NO_PEER } from "#src/protocol/peers/index.ts";
import { PEER_LIFETIME, Peers } from "#src/protocol/peers/table.ts";
import { makeSipHash, SIP_KEY_LENGTH } from "#src/protocol/guard/sip_hash.ts";
import { Crowd, MILLION, writeClient } from "#test/memory/crowd.ts";

const ROUNDS = 3;
const LOOKUPS = 1 << 20;
const LOOKUP_RUNS = 9;
const PAUSE_MS = 5;

/** As a worker thread's: tokens are part of what a new peer costs. */
const hash = makeSipHash(new Uint8Array(SIP_KEY_LENGTH));

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const round = (value: number, digits: number) => Number(value.toFixed(digits));

/** The longest of many calls. */
class Longest {
  readonly rounds: number[] = [];
  over = 0;
  #longest = 0;

  /** Does `call` and keeps how long it took. */
  time(call: () => void): void {
    const start = performance.now();
    call();
    const took = performance.now() - start;
    if (took > this.#longest) this.#longest = took;
    if (took > PAUSE_MS) this.over++;
  }

  endRound(): void {
    this.rounds.push(this.#longest);
    this.#longest = 0;
  }
}

const longest = {
  insert: new Longest(),
  lookup: new Longest(),
  evict: new Longest(),
  tick: new Longest(),
};

/** Fills a table, looks every peer up, lets all of it be scanned over, and lets all of it expire. */
function oneRound(count: number): void {
  const crowd = new Crowd({ maxPeers: count }, hash);
  for (let i = 0; i < count; i++) longest.insert.time(() => crowd.meet(i, i + 1));
  // A stride that is odd visits every peer of a power of two, none near the one before.
  for (let i = 0, at = 0; i < count; i++, at = (at + 0x9e3779b1) % count) {
    longest.lookup.time(() => crowd.toClient(at));
  }
  crowd.now += 40_000; // all are idle now, and give way
  for (let i = 0; i < count; i++) longest.evict.time(() => crowd.toClient(count + i));
  for (let i = 0; i < 5; i++) tickAll(crowd, 2_500); // nobody answers four bubbles
  tickAll(crowd, 2 * PEER_LIFETIME); // all timers are due at once
  if (crowd.relay.gauges.peers !== 0) throw new Error("Peers are left");
  for (const kind of Object.values(longest)) kind.endRound();
}

/** Lets time pass, and then all that is due happen. */
function tickAll(crowd: Crowd, milliseconds: number): void {
  crowd.now += milliseconds;
  while (crowd.relay.nextTimer() <= crowd.now) {
    longest.tick.time(() => crowd.relay.tick(crowd.now, crowd));
  }
}

/** Growth of the resident set by a table that is full. */
function memory(count: number): { idle: number; full: number } {
  new Crowd({ maxPeers: 4_096 }, hash).meet(0, 20_000); // the code is compiled
  const crowd = new Crowd({ maxPeers: count }, hash);
  const idle = process.memoryUsage().rss;
  crowd.meet(0, count);
  const full = process.memoryUsage().rss;
  if (crowd.relay.gauges.trusted !== count) throw new Error("The table is not full");
  return { idle, full };
}

function nsPerLookup(count: number): number {
  const peers = new Peers(count, 0x01234567, 0x89abcdef);
  const all = new Uint8Array(16 * count);
  for (let i = 0; i < count; i++) {
    writeClient(all, 16 * i, i);
    peers.insert(all, 16 * i, 0);
  }
  const runs: number[] = [];
  for (let run = 0; run < LOOKUP_RUNS; run++) {
    let missed = 0;
    const start = performance.now();
    for (let i = 0, at = run; i < LOOKUPS; i++, at = (at + 0x9e3779b1) % count) {
      if (peers.find(all, 16 * at) === NO_PEER) missed++;
    }
    runs.push((performance.now() - start) * 1e6 / LOOKUPS);
    if (missed > 0) throw new Error(`${missed} lookups found nothing`);
  }
  return median(runs);
}

const memoryOnly = process.argv.includes("--memory");
const count = Number(process.argv.slice(2).find((it) => /^\d+$/.test(it)) ?? MILLION);
const { idle, full } = memory(count);
const report: Record<string, unknown> = {
  peers: count,
  bytesPerPeer: round((full - idle) / count, 1),
  rssIdle: idle,
  rssFull: full,
  rssPerPeer: round(full / count, 1),
};
if (!memoryOnly) {
  for (let i = 0; i < ROUNDS; i++) oneRound(count);
  const kinds = Object.entries(longest);
  report["longestMs"] = Object.fromEntries(kinds.map(([k, v]) => [k, round(median(v.rounds), 2)]));
  report["overFiveMs"] = kinds.reduce((sum, [, v]) => sum + v.over, 0);
  report["nsPerLookup"] = { 64: round(nsPerLookup(64), 1), [count]: round(nsPerLookup(count), 1) };
}
console.log(JSON.stringify(report));
