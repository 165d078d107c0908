/**
 * What single steps of the datapath cost, in this process, without a kernel call:
 *
 *     bun scripts/bench_micro.ts [--json FILE]
 *
 * Prints mitata's table. The file gets the same as `{ name, unit, units, ns: { min, p50, avg, p99 } }`:
 * an iteration works on `units` of `unit`, such as 54 packets, and takes so many nanoseconds.
 */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { bench, group, run } from "mitata";
import { tunnelWatchedBy } from "#src/datapath/fates/tunnel.ts";
import { Fates, FateWish } from "#src/datapath/fates/wish.ts";
import { copyBytes, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { finishChecksum } from "#src/protocol/wire/checksum.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop } from "#src/protocol/drops.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import {
  DESTINATION_AT,
  IPV6_HEADER_LENGTH,
  IPV6_LENGTH,
  NEXT_HEADER_TCP,
  parseIpv6,
  SOURCE_AT,
  writeIpv6Header,
} from "#src/protocol/wire/ipv6.ts";
import { parsePeerPattern, type PeerPattern } from "#src/protocol/peers/pattern.ts";
import { Peers } from "#src/protocol/peers/table.ts";
import { SERVICE_PREFIX, toBytes } from "#src/protocol/wire/teredo_address.ts";
import { fold, makePlainSum, makeSum, pseudoSum } from "#src/segments/checksum.ts";
import { Joiner, type Run } from "#src/segments/join.ts";
import { MAX_HEADER_LENGTH, SuperPacket } from "#src/segments/super_packet.ts";
import { Crowd, fixedHash } from "#test/memory/crowd.ts";
import { RecordedCrowd } from "#test/memory/recorded_crowd.ts";

/** TCP with timestamps in packets of 1280 bytes, the Teredo MTU; as many as one super-packet holds. */
const HEADER_LENGTH = 72;
const SEGMENT_SIZE = 1_208;
const SEGMENTS = 54;
const SEGMENT_STRIDE = 1_344;
const SUPER_LENGTH = HEADER_LENGTH + SEGMENTS * SEGMENT_SIZE;
const SMALL_PAYLOAD = 16;

const PEER_COUNTS = [64, 1_048_576];
const CLIENTS = 64;
const ANOTHER = parsePeerPattern("2001:db8:9::9")!;
const CHECKSUM_LENGTHS = [64, 1_240, 65_000];

const MEMORY_PAGES = 16;
const SUPER_AT = 0;
const SEGMENTS_AT = 2 * 65_536;
const FLOWS_AT = 8 * 65_536;
const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES });
const u8 = new Uint8Array(memory.buffer);
const sum = makeSum(memory);

/** What one iteration of a bench works on, for the file. */
const units = new Map<string, readonly [count: number, unit: string]>();

function add(name: string, count: number, unit: string, step: () => unknown): void {
  units.set(name, [count, unit]);
  bench(name, step);
}

/** Writes a TCP packet with `payload` bytes of payload and the sum of its pseudo-header. */
function writeTcp(at: number, port: number, sequence: number, payload: number): void {
  const length = HEADER_LENGTH + payload;
  writeIpv6Header(u8, at, length - IPV6_HEADER_LENGTH, NEXT_HEADER_TCP, 64);
  u8.set(addressOf(1), at + SOURCE_AT);
  u8.set(parseIpv6("2001:db8:1::2")!, at + DESTINATION_AT);
  const tcp = at + IPV6_HEADER_LENGTH;
  writeU16(u8, tcp, port);
  writeU16(u8, tcp + 2, 443);
  writeU32(u8, tcp + 4, sequence);
  u8[tcp + 12] = (HEADER_LENGTH - IPV6_HEADER_LENGTH) << 2;
  u8[tcp + 13] = 0x10; // ACK
  for (let i = HEADER_LENGTH; i < length; i++) u8[at + i] = Math.imul(i, 2_654_435_761) >>> 24;
  const pseudo = pseudoSum(sum, at, length - IPV6_HEADER_LENGTH, NEXT_HEADER_TCP);
  writeU16(u8, tcp + 16, fold(pseudo));
}

/** Makes the checksum of a packet by {@link writeTcp} that of its segment. */
function completeTcp(at: number, payload: number): void {
  const tcp = at + IPV6_HEADER_LENGTH;
  writeU16(u8, tcp + 16, finishChecksum(sum(tcp, HEADER_LENGTH - IPV6_HEADER_LENGTH + payload)));
}

/** Teredo address of peer `i`. */
function addressOf(i: number): Uint8Array {
  return toBytes({
    prefix: SERVICE_PREFIX,
    serverAddress: parseIpv4("198.51.100.1")!,
    flags: 0,
    mappedAddress: (0x0b00_0000 + Math.imul(i, 97)) >>> 0,
    mappedPort: 1_024 + (i % 60_000),
  });
}

function parsing(): void {
  const datagram = new TeredoDatagram();
  for (let i = 0; i < SEGMENTS; i++) {
    writeTcp(SEGMENTS_AT + i * SEGMENT_STRIDE, 40_000, 1, SEGMENT_SIZE);
  }
  add(`${SEGMENTS} datagrams`, SEGMENTS, "packet", () => {
    let total = 0;
    for (let i = 0; i < SEGMENTS; i++) {
      const at = SEGMENTS_AT + i * SEGMENT_STRIDE;
      const drop = datagram.parse(u8, at, HEADER_LENGTH + SEGMENT_SIZE);
      if (drop !== Drop.None) throw new Error("a datagram is no longer understood");
      total += datagram.ipv6Length;
    }
    return total;
  });
  const packet = new SuperPacket(sum);
  writeTcp(SUPER_AT, 40_000, 1, SUPER_LENGTH - HEADER_LENGTH);
  add("a super-packet", 1, "packet", () => {
    return packet.parse(u8, SUPER_AT, SUPER_LENGTH, NEXT_HEADER_TCP, 40, SEGMENT_SIZE);
  });
}

/** The rules alone, for a batch of packets, each of another client: what they send is counted. */
function rules(): void {
  const crowd = new Crowd({}, fixedHash);
  crowd.meet(0, CLIENTS);
  add(`${CLIENTS} packets to trusted clients`, CLIENTS, "packet", () => {
    for (let client = 0; client < CLIENTS; client++) crowd.toClient(client);
    return crowd.delivered;
  });
  add(`${CLIENTS} packets from trusted clients`, CLIENTS, "packet", () => {
    for (let client = 0; client < CLIENTS; client++) crowd.fromClient(client);
    return crowd.forwarded;
  });
}

/** The same while the fates of a peer's packets are told that none of these is of, and afterwards. */
function observing(): void {
  const crowd = new Crowd({}, fixedHash);
  crowd.meet(0, CLIENTS);
  const fates = new Fates(1);
  const wish = new FateWish(fates.optionsOf(0), crowd.counters, SERVICE_PREFIX);
  let watched: readonly PeerPattern[] = [];
  const watch = (peers: readonly PeerPattern[]) => {
    if (peers === watched) return;
    watched = peers;
    fates.observe(peers);
    crowd.passage = tunnelWatchedBy(crowd.relay, wish.take()!);
  };
  add("a look whether somebody is to be watched", 1, "turn", () => wish.take());
  for (const [whom, peers] of [["another", [ANOTHER]], ["nobody any more", []]] as const) {
    add(`${CLIENTS} packets to clients, watching ${whom}`, CLIENTS, "packet", () => {
      watch(peers);
      for (let client = 0; client < CLIENTS; client++) crowd.toClient(client);
      return crowd.delivered;
    });
    add(`${CLIENTS} packets from clients, watching ${whom}`, CLIENTS, "packet", () => {
      watch(peers);
      for (let client = 0; client < CLIENTS; client++) crowd.fromClient(client);
      return crowd.forwarded;
    });
  }
}

/** The same with their headers recorded: the difference is what recording costs. */
function recording(): void {
  const crowd = new RecordedCrowd({}, fixedHash);
  crowd.meet(0, CLIENTS);
  const batch = (step: (client: number) => void) => {
    crowd.begin(crowd.now);
    for (let client = 0; client < CLIENTS; client++) step(client);
    crowd.end();
  };
  add(`${CLIENTS} packets to trusted clients, recorded`, CLIENTS, "packet", () => {
    batch((client) => void crowd.toClient(client));
    return crowd.delivered;
  });
  add(`${CLIENTS} packets from trusted clients, recorded`, CLIENTS, "packet", () => {
    batch((client) => void crowd.fromClient(client));
    return crowd.forwarded;
  });
  add("a copy of what one worker has recorded", 4_096, "packet", () => crowd.tape.copy().count);
}

/** Each look-up is of another peer, as far from the last one as can be, so that no cache knows it. */
function lookup(count: number): void {
  const peers = new Peers(count, 1, 2);
  const addresses = new Uint8Array(count * IPV6_LENGTH);
  for (let i = 0; i < count; i++) {
    addresses.set(addressOf(i), i * IPV6_LENGTH);
    peers.insert(addresses, i * IPV6_LENGTH, 0);
  }
  let i = 0;
  add(`find among ${count.toLocaleString("en")} peers`, 1, "packet", () => {
    i = (i + 0x9e37_79b1) % count;
    return peers.find(addresses, i * IPV6_LENGTH);
  });
}

function checksum(length: number): void {
  const plain = makePlainSum(memory);
  const bytes = length.toLocaleString("en");
  add(`${bytes} bytes, TypeScript`, length, "byte", () => plain(SUPER_AT + 2, length));
  add(`${bytes} bytes, WebAssembly`, length, "byte", () => sum(SUPER_AT + 2, length));
}

function splitting(): void {
  const packet = new SuperPacket(sum);
  const header = new Uint8Array(MAX_HEADER_LENGTH);
  writeTcp(SUPER_AT, 40_000, 1, SUPER_LENGTH - HEADER_LENGTH);
  add(`${SEGMENTS} segments of TCP`, SEGMENTS, "packet", () => {
    packet.parse(u8, SUPER_AT, SUPER_LENGTH, NEXT_HEADER_TCP, 40, SEGMENT_SIZE);
    for (let i = 0; i < packet.count; i++) packet.writeHeader(i, header, 0);
    return header;
  });
}

function joining(): void {
  const joiner = new Joiner(sum, { udp: true });
  const sink = { runs: 0, sendRun: (run: Run) => void (sink.runs += run.count) };
  for (let i = 0; i < SEGMENTS; i++) {
    const at = SEGMENTS_AT + i * SEGMENT_STRIDE;
    writeTcp(at, 40_000, 1 + i * SEGMENT_SIZE, SEGMENT_SIZE);
    completeTcp(at, SEGMENT_SIZE);
    writeTcp(FLOWS_AT + i * SEGMENT_STRIDE, 40_000 + i, 1, SMALL_PAYLOAD);
    completeTcp(FLOWS_AT + i * SEGMENT_STRIDE, SMALL_PAYLOAD);
  }
  const first = u8.slice(SEGMENTS_AT, SEGMENTS_AT + HEADER_LENGTH);
  add(`${SEGMENTS} segments of one TCP flow`, SEGMENTS, "packet", () => {
    copyBytes(u8, SEGMENTS_AT, first, 0, HEADER_LENGTH); // joining has rewritten it
    for (let i = 0; i < SEGMENTS; i++) {
      joiner.offer(u8, SEGMENTS_AT + i * SEGMENT_STRIDE, HEADER_LENGTH + SEGMENT_SIZE, sink);
    }
    joiner.flush(sink);
    return sink;
  });
  add(`${SEGMENTS} small packets, each of another flow`, SEGMENTS, "packet", () => {
    for (let i = 0; i < SEGMENTS; i++) {
      joiner.offer(u8, FLOWS_AT + i * SEGMENT_STRIDE, HEADER_LENGTH + SMALL_PAYLOAD, sink);
    }
    joiner.flush(sink);
    return sink;
  });
}

const { values } = parseArgs({ options: { json: { type: "string" } } });
group("parse", parsing);
group("rules", rules);
group("record", recording);
group("fates", observing);
group("lookup", () => PEER_COUNTS.forEach(lookup));
group("checksum", () => CHECKSUM_LENGTHS.forEach(checksum));
group("split", splitting);
group("join", joining);

const { context, benchmarks } = await run({ colors: process.stdout.isTTY === true });
if (values.json !== undefined) {
  const results = benchmarks.map(({ alias, runs }) => {
    const stats = runs[0]!.stats;
    if (stats === undefined) throw new Error(`${alias} failed: ${String(runs[0]!.error)}`);
    const [count, unit] = units.get(alias)!;
    const { min, p50, avg, p99 } = stats;
    return { name: alias, unit, units: count, ns: { min, p50, avg, p99 } };
  });
  const { runtime, arch, cpu } = context;
  writeFileSync(
    values.json,
    `${JSON.stringify({ runtime, arch, cpu: cpu.name, results }, null, 2)}\n`,
  );
}
