import { readFileSync } from "node:fs";
import process from "node:process";
import { DESTINATION_AT, formatIpv6 } from "#src/protocol/wire/ipv6.ts";

/**
 * A program of its own, run inside a namespace: reads what tcpdump kept of a relay's output.
 *
 *     BUBBLES.pcap ERRORS.pcap
 *
 * Prints {@link Testimony} as JSON.
 */
export interface Testimony {
  /** Peers that were sent bubbles. */
  readonly peers: number;
  /** To any one peer. */
  readonly mostBubbles: number;
  readonly errors: number;
  /** ICMPv6 errors in any one second. */
  readonly mostErrors: number;
}

const ETHERNET = 14;
const IPV4_AND_UDP = 28;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const MICROSECONDS = 0xa1b2c3d4;

interface Frame {
  /** Seconds. */
  readonly time: number;
  readonly bytes: Uint8Array;
}

/** Frames of a pcap file of this machine's. */
function frames(file: string): Frame[] {
  const bytes = new Uint8Array(readFileSync(file));
  const view = new DataView(bytes.buffer);
  if (view.getUint32(0, true) !== MICROSECONDS) throw new Error(`${file} is no pcap file`);
  const all: Frame[] = [];
  for (let at = FILE_HEADER; at + RECORD_HEADER <= bytes.length;) {
    const time = view.getUint32(at, true) + view.getUint32(at + 4, true) / 1e6;
    const start = at + RECORD_HEADER;
    at = start + view.getUint32(at + 8, true);
    all.push({ time, bytes: bytes.subarray(start, at) });
  }
  return all;
}

function testify(bubbleFile: string, errorFile: string): Testimony {
  const byPeer = new Map<string, number>();
  for (const { bytes } of frames(bubbleFile)) {
    const peer = formatIpv6(bytes, ETHERNET + IPV4_AND_UDP + DESTINATION_AT);
    byPeer.set(peer, (byPeer.get(peer) ?? 0) + 1);
  }
  const errors = frames(errorFile).map(({ time }) => time);
  return {
    peers: byPeer.size,
    mostBubbles: byPeer.values().reduce((most, it) => Math.max(most, it), 0),
    errors: errors.length,
    mostErrors: Math.max(0, ...errors.map((t, i) => countWithin(errors, i, t + 1))),
  };
}

function countWithin(times: readonly number[], from: number, end: number): number {
  let to = from;
  while (to < times.length && times[to]! < end) to++;
  return to - from;
}

const [bubbles, errors] = process.argv.slice(2);
console.log(JSON.stringify(testify(bubbles!, errors!)));
