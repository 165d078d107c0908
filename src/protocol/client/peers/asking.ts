import type { PeerId } from "../../peers/index.ts";
import type { Millis } from "../../time.ts";
import type { TunnelSink } from "../../tunnel.ts";

/** How peers are asked: see `Traversal`. Times are those of the peer's next timer. */
export interface Asking {
  /** The mapping in the peer's address. */
  embeddedAddress(p: PeerId): number;
  embeddedPort(p: PeerId): number;
  /** One turn of asking; it may be sent. */
  ask(p: PeerId, now: Millis, sink: TunnelSink): Millis;
  /** The answers about a random port are late. RFC 6081 §5.5.2.2 */
  testAgain(p: PeerId, now: Millis, sink: TunnelSink): Millis;
  /** The peer is trusted and sent to, but has been silent for long. */
  refresh(p: PeerId, now: Millis, sink: TunnelSink): void;
  /** The timer of one that is trusted. Infinity: nothing is to be done for it. */
  lookAfter(p: PeerId, now: Millis, sink: TunnelSink): Millis;
  /** When it is to be looked after. */
  nextKeepUp(p: PeerId, now: Millis): Millis;
  /** A native host left all tests unanswered. */
  noteSilence(p: PeerId, now: Millis, sink: TunnelSink): void;
}
