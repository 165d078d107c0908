import type { Millis } from "#src/protocol/time.ts";

/** On what terms peers are lent. */

/** A packet came the slow way so long ago at the most: the host's filters let it pass. */
export const LEASE: Millis = 10_000;
/** Leases begun together do not run out together: some are shorter by up to this part. */
export const STAGGER = 0.25;
/** Of the golden section: neighbouring slots lie far apart, and no two alike. */
export const SPREAD = 0.618_034;
/**
 * A direction through which so many packets pass in a round does not run out: after {@link RENEW_AFTER}
 * one is asked for, while others pass it by. One in ten thousand is out of order then; where there are
 * fewer, all go the slow way until none waits.
 */
export const MANY = 2_000;
export const RENEW_AFTER: Millis = 5_000;
/** What comes the slow way renews a lease at most once in this time. */
export const RENEW_STEP: Millis = 1_000;
/** Nothing passed for so long: the lease is somebody else's. */
export const IDLE: Millis = 10_000;
/** Who sent or got many packets in one piece has no lease for so long, nor who could not have one. */
export const PAUSE: Millis = 1_000;
/** Within this time each slot is looked at once. */
export const ROUND: Millis = 1_000;
/** Slots that one look goes through, and leases that it ends, each by a system call. */
export const LOOK_SLOTS = 4_096;
export const LOOK_ENDS = 256;
/** Until the next look where there are more to end. */
export const LOOK_AGAIN: Millis = 20;
/** How long the programs go on when this thread does not. */
export const ALIVE: Millis = 3_000;
/** At most once in this time all is taken in for who asks. */
export const FRESH: Millis = 100;
