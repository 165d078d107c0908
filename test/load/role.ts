import { existsSync, writeFileSync } from "node:fs";
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
  /** Path of the files by which the ends tell each other that they have sent all. */
  readonly ends: string;
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

/** How long the first contact may take: the other end's runtime may not have started yet. */
const START_TIME: Millis = 120_000;
/** How long nothing may come once something has. */
const GREETING_TIME: Millis = 15_000;
/** When nothing has come in so many rests, which are two seconds or more, nothing will. */
const QUIET_RESTS = 2_000;
/** What a sender that was held up may take past twice its time. */
const SCHEDULE_GRACE: Millis = 15_000;

/** By what the two ends of a load know of each other. */
export class Ends {
  readonly #own: string;
  readonly #other: string;

  constructor(plan: LoadPlan, own: string, other: string) {
    this.#own = `${plan.ends}.${own}`;
    this.#other = `${plan.ends}.${other}`;
  }

  /** All that this one will send is sent. */
  tell(): void {
    writeFileSync(this.#own, "");
  }

  get isOtherDone(): boolean {
    return existsSync(this.#other);
  }
}

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
 * Sends to the end of the schedule, or for twice its time and a grace when it cannot be kept; then
 * receives until all has arrived, or the other end has sent all and nothing comes any more.
 *
 * @returns the seconds that sending took
 */
export function drive(libc: Libc, party: Party, seconds: number, ends?: Ends): number {
  const { schedule, tally } = party;
  const startedAt = clock();
  let sentAt = startedAt;
  schedule.start(startedAt);
  const deadline = startedAt + 2_000 * seconds + SCHEDULE_GRACE;
  while (!schedule.isDone && sentAt < deadline) {
    rest(libc);
    party.receive();
    sentAt = clock();
    party.sendDue(sentAt);
  }
  ends?.tell();
  // By rests and not by the clock: who is held up himself has heard nothing meanwhile.
  let isOtherDone = ends === undefined;
  for (let quiet = 0; !tally.isComplete && quiet < QUIET_RESTS; quiet++) {
    rest(libc);
    isOtherDone ||= ends!.isOtherDone;
    if (party.receive() || !isOtherDone) quiet = 0;
  }
  return (sentAt - startedAt) / 1_000;
}

/** Receives until `isMet`. @throws Error when that takes longer than a first contact may */
export function waitFor(libc: Libc, party: Party, isMet: () => boolean, what: string): void {
  const last = clock() + START_TIME;
  let deadline = last;
  while (!isMet()) {
    if (clock() > deadline) throw new Error(`${what} in time`);
    rest(libc);
    if (party.receive()) deadline = Math.min(last, clock() + GREETING_TIME);
  }
}

export const clock = (): Millis => performance.now();

export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
