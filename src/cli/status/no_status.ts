import { TeredoError } from "#src/errors.ts";

/** Why a daemon's state is not known. */
export class NoStatus extends TeredoError {
  readonly code = "ERR_NO_STATUS";
  /** False: whether a daemon runs cannot be told. */
  readonly isNotRunning: boolean;

  /** Somebody answers there, and wants a token. */
  readonly isLocked: boolean;

  constructor(message: string, isNotRunning = false, isLocked = false) {
    super(isNotRunning ? `not running: ${message}` : message);
    this.isNotRunning = isNotRunning;
    this.isLocked = isLocked;
  }
}
