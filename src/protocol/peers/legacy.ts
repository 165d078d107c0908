import { readU16, readU32, writeU16, writeU32 } from "../wire/bytes.ts";
import { NO_PEER, type PeerId } from "./index.ts";
import { PEER_LIFETIME, type Peers } from "./table.ts";
import type { Millis } from "../time.ts";

/**
 * What a relay leaves of one peer to its successor is a row of 44 bytes, in network byte order:
 *
 *      0 Teredo address (16)     16 mapped address (4)    20 mapped port (2)
 *     22 standing (1)            23 bubbles sent (1)      24 our address (4)
 *     28 since last received (4)    32 since last transmitted (4)    36 since last bubble (4)
 *     40 trusted for (4)
 *
 * The last four are milliseconds, rounded up: nobody is trusted for longer than he would have been.
 */
export const ROW_LENGTH = 44;
const MAPPED_ADDRESS_AT = 16;
const MAPPED_PORT_AT = 20;
const STANDING_AT = 22;
const BUBBLES_AT = 23;
const LOCAL_AT = 24;
const RECEIVED_AT = 28;
const TRANSMITTED_AT = 32;
const BUBBLE_AT = 36;
const TRUSTED_AT = 40;

/** Bits of the standing. */
const TRUSTED = 1;
const PROVEN = 2;

const MOST = 0xffff_ffff;

/** Whether a relay, or one part of it, serves the Teredo address at `at`. */
export type IsOurs = (b: Uint8Array, at: number) => boolean;

/** A row of all peers, who gives way first at the front. The caller owns the array. */
export function writeLegacy(peers: Peers, now: Millis): Uint8Array<ArrayBuffer> {
  const b = new Uint8Array(ROW_LENGTH * peers.size);
  let at = 0;
  for (let p = peers.first(); p !== NO_PEER; p = peers.next(p)) {
    writeRow(peers, p, now, b, at);
    at += ROW_LENGTH;
  }
  return b;
}

function writeRow(peers: Peers, p: PeerId, now: Millis, b: Uint8Array, at: number): void {
  peers.writeAddress(p, b, at);
  writeU32(b, at + MAPPED_ADDRESS_AT, peers.mappedAddress(p));
  writeU16(b, at + MAPPED_PORT_AT, peers.mappedPort(p));
  b[at + STANDING_AT] = (peers.isTrusted(p) ? TRUSTED : 0) | (peers.isProven(p) ? PROVEN : 0);
  b[at + BUBBLES_AT] = peers.bubblesSent(p);
  writeU32(b, at + LOCAL_AT, peers.localAddress(p));
  writeU32(b, at + RECEIVED_AT, age(peers.lastReceived(p), now));
  writeU32(b, at + TRANSMITTED_AT, age(peers.lastTransmitted(p), now));
  writeU32(b, at + BUBBLE_AT, age(peers.lastBubble(p), now));
  writeU32(b, at + TRUSTED_AT, age(peers.trustedSince(p), now));
}

function age(then: Millis, now: Millis): number {
  return Math.min(Math.max(Math.ceil(now - then), 0), MOST);
}

/** The row of a peer, wherever {@link read} found it last. Made once and read into again and again. */
export class LegacyRow {
  bytes: Uint8Array = new Uint8Array(0);
  /** Of the Teredo address in {@link bytes}. */
  at = 0;
  address = 0;
  port = 0;
  local = 0;
  trusted = false;
  proven = false;
  bubbles = 0;
  received: Millis = 0;
  transmitted: Millis = 0;
  bubble: Millis = 0;
  trustedSince: Millis = 0;

  /**
   * Reads the row at `at`, whose peer was last heard of and sent to at these times of our clock.
   *
   * @param written when the row was written, by the same clock; it may lie before its zero
   */
  read(b: Uint8Array, at: number, written: Millis): void {
    const standing = b[at + STANDING_AT]!;
    this.bytes = b;
    this.at = at;
    this.address = readU32(b, at + MAPPED_ADDRESS_AT);
    this.port = readU16(b, at + MAPPED_PORT_AT);
    this.local = readU32(b, at + LOCAL_AT);
    this.trusted = (standing & TRUSTED) !== 0;
    this.proven = (standing & PROVEN) !== 0;
    this.bubbles = b[at + BUBBLES_AT]!;
    this.received = written - readU32(b, at + RECEIVED_AT);
    this.transmitted = written - readU32(b, at + TRANSMITTED_AT);
    this.bubble = written - readU32(b, at + BUBBLE_AT);
    this.trustedSince = written - readU32(b, at + TRUSTED_AT);
  }

  /** Whether nothing passed for so long that the peer would have been forgotten by now. */
  isForgotten(now: Millis): boolean {
    return Math.max(this.received, this.transmitted, this.bubble) + PEER_LIFETIME <= now;
  }
}
