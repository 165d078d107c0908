import type { Drop } from "#src/protocol/drops.ts";
import type { Millis } from "#src/protocol/time.ts";
import { AUTHENTICATION_FIXED_LENGTH, ORIGIN_LENGTH } from "#src/protocol/wire/datagram.ts";
import {
  DROP_SHIFT,
  ENTRY_LENGTH,
  ENTRY_WORDS,
  Flag,
  FLAGS_SHIFT,
  HEADERS_AT,
  KEPT_SHIFT,
  PACKETS_SHIFT,
  type Way,
  WORD,
} from "./entry.ts";
import type { TapeCopy } from "./tape.ts";

/** One recorded packet, or a run of them. */
export interface RecordedPacket {
  /** Of the wall clock. */
  readonly time: Millis;
  readonly way: Way;
  readonly drop: Drop;
  /** Of {@link Flag}. */
  readonly flags: number;
  /** The other end, where there is one. */
  readonly address: number;
  readonly port: number;
  /** Our IPv4 address; 0: not told. */
  readonly local: number;
  /** More than 1: it is the first one of a run, or a super-packet. */
  readonly packets: number;
  /** Bytes of the IPv6 packet, or of the payload of UDP. */
  readonly length: number;
  /** The same of all packets together. */
  readonly allLength: number;
  /** Encapsulations, IPv6 header, and what is kept of the next one; empty where it is none of these. */
  readonly headers: Uint8Array;
  /** Where in {@link headers} the IPv6 header begins. */
  readonly ipv6At: number;
}

/** Packets that were on tapes, in the order of time. Whoever has them may keep them. */
export class RecordedPackets {
  readonly count: number;
  readonly #entries: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array;
  readonly #times: Float64Array;

  /** @param times by the wall clock, one for each entry */
  constructor(entries: Uint8Array<ArrayBuffer>, times: Float64Array) {
    this.count = times.length;
    this.#entries = entries;
    this.#words = new Uint32Array(entries.buffer, entries.byteOffset);
    this.#times = times;
  }

  time(i: number): Millis {
    return this.#times[i]!;
  }

  at(i: number): RecordedPacket {
    const words = this.#words;
    const w = i * ENTRY_WORDS;
    const kind = words[w + WORD.kind]!;
    const port = words[w + WORD.port]!;
    const flags = (kind >>> FLAGS_SHIFT) & 0xff;
    const kept = kind >>> KEPT_SHIFT;
    const ipv6At = (flags & Flag.Authentication ? AUTHENTICATION_FIXED_LENGTH : 0) +
      (flags & Flag.Origin ? ORIGIN_LENGTH : 0);
    const from = i * ENTRY_LENGTH + HEADERS_AT;
    return {
      time: this.#times[i]!,
      way: (kind & 0xff) as Way,
      drop: ((kind >>> DROP_SHIFT) & 0xff) as Drop,
      flags,
      address: words[w + WORD.address]!,
      port: port & 0xffff,
      local: words[w + WORD.local]!,
      packets: port >>> PACKETS_SHIFT,
      length: words[w + WORD.length]!,
      allLength: words[w + WORD.all]!,
      headers: this.#entries.subarray(from, from + ipv6At + kept),
      ipv6At,
    };
  }
}

/** One copy, which is read from its end. */
interface Reel {
  readonly copy: TapeCopy;
  readonly times: Float64Array;
  left: number;
}

/** The latest `most` packets of all tapes, of those not before `since`, by the wall clock. */
export function latestOf(
  copies: readonly TapeCopy[],
  most: number,
  since: Millis = -Infinity,
): RecordedPackets {
  const reels = copies.map((copy): Reel => ({
    copy,
    times: new Float64Array(copy.entries.buffer),
    left: copy.count,
  }));
  const room = Math.min(most, copies.reduce((sum, { count }) => sum + count, 0));
  const entries = new Uint8Array(room * ENTRY_LENGTH);
  const times = new Float64Array(room);
  let at = room;
  for (; at > 0; at--) {
    const reel = latest(reels);
    const time = reel === undefined ? -Infinity : timeOf(reel);
    if (reel === undefined || time < since) break;
    reel.left--;
    const from = reel.left * ENTRY_LENGTH;
    times[at - 1] = time;
    entries.set(reel.copy.entries.subarray(from, from + ENTRY_LENGTH), (at - 1) * ENTRY_LENGTH);
  }
  return new RecordedPackets(entries.slice(at * ENTRY_LENGTH), times.slice(at));
}

function latest(reels: readonly Reel[]): Reel | undefined {
  let found: Reel | undefined;
  for (const reel of reels) {
    if (reel.left > 0 && (found === undefined || timeOf(reel) > timeOf(found))) found = reel;
  }
  return found;
}

function timeOf({ copy, times, left }: Reel): Millis {
  return times[((left - 1) * ENTRY_WORDS + WORD.time) / 2]! + copy.toWall;
}
