import type { Command } from "./station_contract.ts";

/** How an end lets time pass: it receives meanwhile. */
export interface Waiting {
  /** Until something has arrived, at most so long. */
  wait(milliseconds: number): void;
  /** For the whole time. */
  rest(milliseconds: number): void;
}

/** What an end does with the datagrams it gets, and the commands that are about them. */
export interface Mail {
  /** Its socket; poll(2) passes over a negative one. */
  readonly fd: number;
  /** Takes the datagram of `length` bytes at offset `at` of the arena. */
  take(at: number, length: number): void;
  /** Sends what {@link take} queued. */
  flush(): void;
  /** @throws Error for a command that is not this end's, or that failed */
  obey(command: Command, waiting: Waiting): unknown;
}

/** Of an end that nothing is sent to. */
export const NO_MAIL: Mail = {
  fd: -1,
  take() {},
  flush() {},
  obey(command) {
    throw new Error(`a source does not ${command.do}`);
  },
};
