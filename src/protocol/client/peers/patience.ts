import type { ClientParts } from "../parts.ts";
import { ECHO_MAX } from "./echo_tests.ts";
import { BUBBLE_MAX, BUBBLE_WINDOW } from "../../peers/bubbles.ts";
import type { PeerId } from "../../peers/index.ts";
import type { Millis } from "../../time.ts";

/** A native host that did not answer is not asked again for so long. */
export const NATIVE_REST: Millis = 10_000;
/** Questions for which nobody here waits: a stranger may not use up the others. */
const UNWANTED_MAX = 2;

/** Whether the peer left all that may be sent unanswered. RFC 4380 §5.2.6 */
export function isExhausted(
  { peers, paths }: ClientParts,
  p: PeerId,
  now: Millis,
  isWanted = true,
): boolean {
  const most = paths.isNative(p) ? ECHO_MAX : BUBBLE_MAX;
  if (peers.bubblesSent(p) < (isWanted ? most : UNWANTED_MAX)) return false;
  return now - peers.lastBubble(p) < (paths.isNative(p) ? NATIVE_REST : BUBBLE_WINDOW);
}
