import { TAPE_ENTRIES, Way } from "#src/datapath/recorder/entry.ts";
import { latestOf, type RecordedPackets } from "#src/datapath/recorder/packets.ts";
import { Stop, type Tape } from "#src/datapath/recorder/tape.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import type { Millis } from "#src/protocol/time.ts";
import { DESTINATION_AT, formatIpv6, IPV6_HEADER_LENGTH } from "#src/protocol/wire/ipv6.ts";
import type { RecordingKind } from "#src/status/recordings_document.ts";
import type { ReadinessCheck } from "#src/status/snapshot.ts";
import { SERVING } from "../readiness.ts";

/** Of each kind so many are kept: a flood of one pushes out no other. See docs/limits.md. */
const KEPT = 3;
/** Packets of one recording, and of what is read at once; see docs/limits.md. */
export const MOST_PACKETS: number = TAPE_ENTRIES;
/** Between two recordings because of readiness; threads stop by themselves no oftener than that. */
const NOT_READY_EVERY: Millis = 10_000;
const LOOK_EVERY: Millis = 100;
const SECOND: Millis = 1_000;

/** What was on the tapes when something went wrong. */
export interface Recording {
  readonly id: string;
  /** Of the wall clock. */
  readonly time: Millis;
  readonly kind: RecordingKind;
  readonly why: string;
  readonly packets: RecordedPackets;
}

/** The tapes of all threads, and what was kept of them. */
export class Recordings {
  readonly #tapes: readonly Tape[];
  readonly #wall: () => Millis;
  readonly #clock: () => Millis;
  #kept: readonly Recording[] = [];
  #nextId: number;
  #failing: readonly string[] = [];
  #notReadyAt: Millis = -Infinity;

  /**
   * @param wall unix time
   * @param clock one that nobody sets
   */
  constructor(
    tapes: readonly Tape[],
    wall: () => Millis = Date.now,
    clock: () => Millis = () => performance.now(),
  ) {
    this.#tapes = tapes;
    this.#wall = wall;
    this.#clock = clock;
    // No other daemon that ran here gave the same ones.
    this.#nextId = Math.floor(wall() / SECOND);
  }

  /** Looks at the tapes again and again. @returns a function that ends it */
  watch(): () => void {
    const timer = setInterval(() => this.look(), LOOK_EVERY);
    return () => clearInterval(timer);
  }

  /** Those that are kept, the latest first. */
  get kept(): readonly Recording[] {
    return this.#kept;
  }

  /** What passed since then, as far as the tapes go back. */
  since(time: Millis): RecordedPackets {
    return latestOf(this.#tapes.map((tape) => tape.copy()), MOST_PACKETS, time);
  }

  /** Keeps what a thread has stopped for, and has it go on. */
  look(): void {
    for (const tape of this.#tapes) {
      const why = tape.stopped;
      if (why === Stop.No) continue;
      const packets = this.since(-Infinity);
      tape.release();
      if (why === Stop.Drops) this.#keep("drops", burstOf(packets), packets);
      else this.#keep("peer_failed", failureOf(packets), packets);
    }
  }

  /** Keeps what passed before a check failed. @param checks as they are now */
  see(checks: readonly ReadinessCheck[]): void {
    // What was asked for is no trouble.
    const failing = checks.filter(({ name, ok }) => !ok && name !== SERVING);
    const fresh = failing.filter(({ name }) => !this.#failing.includes(name));
    this.#failing = failing.map(({ name }) => name);
    const now = this.#clock();
    if (fresh.length === 0 || now - this.#notReadyAt < NOT_READY_EVERY) return;
    this.#notReadyAt = now;
    const why = fresh.map(({ name, detail }) => `${name}: ${detail}`).join("; ");
    this.#keep("not_ready", why, this.since(-Infinity));
  }

  #keep(kind: RecordingKind, why: string, packets: RecordedPackets): void {
    const id = `${this.#nextId++}`;
    const all = [{ id, time: this.#wall(), kind, why, packets }, ...this.#kept];
    const ofKind = all.filter((it) => it.kind === kind);
    this.#kept = all.filter((it) => it.kind !== kind || ofKind.indexOf(it) < KEPT);
  }
}

/** What most of the packets were dropped for in the last second. */
function burstOf(packets: RecordedPackets): string {
  const counts = new Map<Drop, number>();
  let total = 0;
  const since = packets.count === 0 ? 0 : packets.time(packets.count - 1) - SECOND;
  for (let i = packets.count - 1; i >= 0 && packets.time(i) >= since; i--) {
    const { drop, packets: count } = packets.at(i);
    if (drop === Drop.None) continue;
    counts.set(drop, (counts.get(drop) ?? 0) + count);
    total += count;
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  if (most === undefined) return "many packets were dropped within a second";
  const [drop, count] = most;
  return `${total} packets were dropped within a second, ${count} of them as ${DROP_NAMES[drop]}`;
}

/** Who was given up: what was held for it is let go. */
function failureOf(packets: RecordedPackets): string {
  for (let i = packets.count - 1; i >= 0; i--) {
    const { way, drop, headers, ipv6At } = packets.at(i);
    if (way !== Way.FromHold || drop !== Drop.PeerUnreachable) continue;
    if (headers.length < ipv6At + IPV6_HEADER_LENGTH) continue;
    return `${formatIpv6(headers, ipv6At + DESTINATION_AT)} left its bubbles unanswered`;
  }
  return "a peer left its bubbles unanswered";
}
