import { readU16 } from "#src/protocol/wire/bytes.ts";
import { NEXT_HEADER_TCP } from "#src/protocol/wire/ipv6.ts";
import { makeSum } from "#src/segments/checksum.ts";
import { Joiner, type Run } from "#src/segments/join.ts";
import { SuperPacket } from "#src/segments/super_packet.ts";
import { concat } from "#test/protocol/packets.ts";

const PAGES = 40;
/** Bytes between packets, which no alignment is left with. */
const GAP = 3;
const FILLER = 0xee;
const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
const arena = new Uint8Array(memory.buffer);
const sum = makeSum(memory);

/** A run as it was handed over, in memory of its own. */
export interface Joined {
  readonly count: number;
  /** All pieces, one after the other. */
  readonly packet: Uint8Array;
  readonly transport: number;
  readonly transportAt: number;
  readonly headerLength: number;
  readonly segmentSize: number;
  readonly hasCwr: boolean;
  /** As it is taken apart again. */
  readonly packets: readonly Uint8Array[];
}

/**
 * Offers packets in batches, with a flush after each, and gives back the runs.
 *
 * Each packet lies where a UDP_GRO slot may put it: at any alignment, between bytes of others.
 */
export function join(batches: readonly (readonly Uint8Array[])[], udp = true): Joined[] {
  const joiner = new Joiner(sum, { udp });
  const joined: Joined[] = [];
  const sink = { sendRun: (run: Run) => void joined.push(copyOf(run)) };
  for (const packets of batches) {
    const whole = packets.reduce((sum, it) => sum + it.length + GAP, 2 * GAP);
    arena.fill(FILLER, 0, whole);
    let at = GAP;
    for (const packet of packets) {
      arena.set(packet, at);
      joiner.offer(arena, at, packet.length, sink);
      at += packet.length + GAP;
    }
    joiner.flush(sink);
    checkGaps(packets);
  }
  return joined;
}

function checkGaps(packets: readonly Uint8Array[]): void {
  let at = 0;
  for (const packet of [...packets, arena]) {
    for (let i = 0; i < GAP; i++) {
      if (arena[at + i] !== FILLER) throw new Error(`Written beside a packet, at ${at + i}`);
    }
    at += GAP + packet.length;
  }
}

function copyOf(run: Run): Joined {
  const pieces = Array.from({ length: run.count }, (_, i) => {
    return arena.slice(run.pieceAt(i), run.pieceAt(i) + run.pieceLength(i));
  });
  const packet = concat(...pieces);
  if (packet.length !== run.length) throw new Error(`${packet.length} bytes, not ${run.length}`);
  if (run.pieceAt(0) !== run.headerAt) throw new Error("A run does not begin with its header");
  const { count, transport, transportAt, headerLength, segmentSize, hasCwr } = run;
  const packets = count === 1 ? [packet] : partsOf(run);
  return { count, packet, transport, transportAt, headerLength, segmentSize, hasCwr, packets };
}

function partsOf(run: Run): Uint8Array[] {
  run.split();
  return Array.from({ length: run.count }, (_, i) => {
    return arena.slice(run.packetAt(i), run.packetAt(i) + run.packetLength(i));
  });
}

/** The packets of a run, as a kernel that cannot pass it on whole makes them, and as we do. */
export function split(joined: Joined): Uint8Array[] {
  const made = segmentsOf(joined);
  const isEqual = (it: Uint8Array, i: number) => isSame(it, joined.packets[i]!);
  if (!made.every(isEqual)) throw new Error("A run is taken apart in another way than a kernel's");
  return made;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** As a kernel makes them. */
export function segmentsOf(joined: Omit<Joined, "packets">): Uint8Array[] {
  const { packet, transport, transportAt, segmentSize } = joined;
  if (joined.count === 1) return [packet];
  arena.set(packet, 5);
  const parsed = new SuperPacket(sum);
  if (!parsed.parse(arena, 5, packet.length, transport, transportAt, segmentSize)) {
    throw new Error("A run cannot be split");
  }
  return Array.from({ length: parsed.count }, (_, i) => {
    const header = new Uint8Array(parsed.headerLength);
    parsed.writeHeader(i, header, 0);
    const at = parsed.payloadAt(i);
    return concat(header, arena.subarray(at, at + parsed.payloadLength(i)));
  });
}

/** Of a joined packet: what its checksum field says. */
export function checksumField(joined: Joined): number {
  const field = joined.transport === NEXT_HEADER_TCP ? 16 : 6;
  return readU16(joined.packet, joined.transportAt + field);
}
