import { TeredoError } from "#src/errors.ts";

const NOT_RUNNING = "not running: ";

/** Why a daemon's state is not known. */
export class NoStatus extends TeredoError {
  readonly code = "ERR_NO_STATUS";
  /** False: whether a daemon runs cannot be told. */
  readonly isNotRunning: boolean;

  /** Somebody answers there, and wants a token. */
  readonly isLocked: boolean;

  constructor(message: string, isNotRunning = false, isLocked = false) {
    super(isNotRunning ? `${NOT_RUNNING}${message}` : message);
    this.isNotRunning = isNotRunning;
    this.isLocked = isLocked;
  }
}

/**
 * Why none of several daemons was found. What keeps one from answering says more than that the others
 * do not run; where none does, all that was looked for is named.
 *
 * @param failures of at least one
 */
export function noneOf(failures: readonly NoStatus[]): NoStatus {
  const telling = failures.find((it) => !it.isNotRunning);
  if (telling !== undefined) return telling;
  // Several roles of one file may have one socket.
  const where = new Set(failures.map(({ message }) => message.slice(NOT_RUNNING.length)));
  return new NoStatus([...where].join("; "), true);
}
