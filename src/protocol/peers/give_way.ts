import { NO_PEER, NOWHERE, type PeerId, type PeerIndex } from "./index.ts";
import type { Millis } from "../time.ts";

/** What decides between entries; see `Peers`. */
interface Standing {
  isTrusted(p: PeerId): boolean;
  isValid(p: PeerId, now: Millis): boolean;
  isProven(p: PeerId): boolean;
  lastReceived(p: PeerId): Millis;
  lastBubble(p: PeerId): Millis;
}

/** See `Peers.oldestOfMapping`. */
export function oldestOfMapping(
  peers: Standing,
  index: PeerIndex,
  b: Uint8Array,
  at: number,
  proven: boolean,
  now: Millis,
): PeerId {
  let oldest = NO_PEER;
  let slot = index.seekMapping(b, at);
  for (; slot !== NOWHERE; slot = index.seekMapping(b, at, slot)) {
    const p = index.entryAt(slot);
    const kept = peers.isValid(p, now) && !(proven && !peers.isProven(p));
    if (!kept && (oldest === NO_PEER || givesWayBefore(peers, p, oldest))) oldest = p;
  }
  return oldest;
}

/** Of two entries that may both go. */
function givesWayBefore(peers: Standing, p: PeerId, other: PeerId): boolean {
  const rank = rankOf(peers, p);
  const otherRank = rankOf(peers, other);
  if (rank !== otherRank) return rank < otherRank;
  const a = peers.lastReceived(p);
  const b = peers.lastReceived(other);
  return a < b || (a === b && peers.lastBubble(p) < peers.lastBubble(other));
}

function rankOf(peers: Standing, p: PeerId): number {
  if (!peers.isTrusted(p)) return 0;
  return peers.isProven(p) ? 2 : 1;
}
