import type { Millis } from "#src/protocol/time.ts";

/** From a peer, or to one. */
export const Direction = { Up: 0, Down: 1 } as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

/**
 * Who lends the packets of some peers to the kernel, which passes them itself: see `Lender`. What a
 * relay's loop tells it, and asks.
 */
export interface Lending {
  /** Peers lent at this moment. */
  readonly leases: number;
  /** Since the start: peers that there was no room to lend; packets that passed in the kernel. */
  readonly refused: number;
  readonly passedUp: number;
  readonly passedDown: number;
  /** When {@link tick} has something to do; Infinity: nothing is lent. */
  readonly nextAt: Millis;

  /**
   * The rules let a packet pass.
   *
   * @param addressAt where in `b` its peer's Teredo address lies
   * @param isSegment whether it came in one piece with others
   */
  passed(
    direction: Direction,
    b: Uint8Array,
    addressAt: number,
    isSegment: boolean,
    now: Millis,
  ): void;

  /** Whether {@link settle} would have somebody to lend. */
  wants(direction: Direction): boolean;

  /** Does what takes time, so that between the look whether anything waits and the lease is none. */
  prepare(direction: Direction, now: Millis): void;

  /** Lends those for whom all is prepared, if nothing is waiting that would be overtaken. */
  settle(direction: Direction, isEmpty: boolean, now: Millis): void;

  /** Sees to a part of the leases: takes in what passed, and ends those that nobody uses. */
  tick(now: Millis): void;

  /** Takes in what passed, for who asks about peers now. */
  takeIn(now: Millis): void;

  /** Ends all leases at once, for something may have changed that they rest on. */
  end(now: Millis): void;

  /** Lends nothing until {@link resume}, so that the rules see every packet. */
  suspend(now: Millis): void;
  resume(): void;

  /** Lets go of what it works on; nothing else is called any more. */
  close(): void;
}
