import type { Libc } from "#ffi/libc.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Schedule } from "./schedule.ts";
import type { Tally, TallyResult } from "./tally.ts";

/** What a run is made of; the same text goes to both processes. */
export interface LoadPlan {
  readonly clients: number;
  /** Packets a second from the clients to the host. */
  readonly up: number;
  /** Packets a second from the host to the clients. */
  readonly down: number;
  readonly seconds: number;
  /** Most packets in a row for one client; by default, and at most, `SEGMENTS`. */
  readonly burst?: number;
  /** A.B.C.D of the relay, and its port. */
  readonly relay: string;
  readonly relayPort: number;
  /** IPv6 address of the host. */
  readonly host: string;
}

/** What the sender of solicitations is told. */
export interface SolicitationPlan {
  readonly rate: number;
  readonly seconds: number;
  /** IPv4 addresses they come from, in turn. */
  readonly sources: number;
  /** A.B.C.D of the server. */
  readonly server: string;
}

/** What one process of the generator prints, as JSON. */
export interface LoadResult extends TallyResult {
  /** Numbered packets that the kernel took. */
  readonly sent: number;
  /** Numbered packets that were to be sent. */
  readonly planned: number;
  /** Numbered packets that were to arrive. */
  readonly expected: number;
  readonly bubblesReceived: number;
  readonly bubblesSent: number;
  /** Datagrams that the kernel threw away at our own socket. */
  readonly overflowed: number;
  /** From the first numbered packet to the last. */
  readonly sendSeconds: number;
  /** Processor time of the process. */
  readonly cpuSeconds: number;
}

/** How long the first contact may take. */
const GREETING_TIME: Millis = 15_000;
/** When nothing has come for this long, nothing will. */
const QUIET_TIME: Millis = 2_000;

/** Sleeps about a millisecond; batches form meanwhile. */
export function rest(libc: Libc): void {
  libc.call.poll(0, 0, 1);
}

/** A process of the generator, as the loop that drives it sees it. */
export interface Party {
  readonly schedule: Schedule;
  /** What arrives. */
  readonly tally: Tally;
  /** Takes all that has arrived. @returns whether anything had */
  receive(): boolean;
  /** Sends what the schedule has due. */
  sendDue(now: Millis): void;
}

/**
 * Sends to the end of the schedule, or for twice its time when it cannot be kept; then receives
 * until all has arrived or nothing comes any more.
 *
 * @returns the seconds that sending took
 */
export function drive(libc: Libc, party: Party, seconds: number): number {
  const { schedule, tally } = party;
  const startedAt = clock();
  let sentAt = startedAt;
  let heardAt = startedAt;
  schedule.start(startedAt);
  const deadline = startedAt + 2_000 * seconds;
  while (!schedule.isDone && sentAt < deadline) {
    rest(libc);
    if (party.receive()) heardAt = clock();
    sentAt = clock();
    party.sendDue(sentAt);
  }
  while (!tally.isComplete && clock() - heardAt < QUIET_TIME) {
    rest(libc);
    if (party.receive()) heardAt = clock();
  }
  return (sentAt - startedAt) / 1_000;
}

/** Receives until `isMet`. @throws Error when that takes longer than a first contact may */
export function waitFor(libc: Libc, party: Party, isMet: () => boolean, what: string): void {
  const deadline = clock() + GREETING_TIME;
  while (!isMet()) {
    if (clock() > deadline) throw new Error(`${what} in ${GREETING_TIME / 1_000} s`);
    rest(libc);
    party.receive();
  }
}

export const clock = (): Millis => performance.now();

export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
