import type { Role } from "#src/config/config.ts";
import type { StatusDocument } from "#src/status/document.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit.ts";
import { fetchStatus } from "../status/client.ts";
import { firstOf } from "../status/exchange.ts";
import { NoStatus } from "../status/no_status.ts";
import { formatStatus } from "../status/table.ts";
import { type Target, targetsOf } from "../status/targets.ts";

export interface StatusFlags {
  readonly url?: string;
  readonly config?: string;
  readonly "token-file"?: string;
  readonly json?: boolean;
  readonly watch?: boolean;
  /** Milliseconds; given: watch. */
  readonly interval?: number;
}

const INTERVAL = 1_000;
const CLEAR_SCREEN = "\x1b[2J\x1b[H";

/** `teredo status [ROLE]`: of that daemon, or of every one that answers. */
export default async function runStatus(
  this: Context,
  flags: StatusFlags,
  role?: Role,
): Promise<void> {
  let before: readonly StatusDocument[] = [];
  const isWatching = flags.watch === true || flags.interval !== undefined;
  // Ctrl-C is how watching ends, so no failure.
  if (isWatching) process.on("SIGINT", () => process.exit(EXIT.Ok));
  const { stdout } = this.process;
  const targets = targetsOf({ ...flags, role });
  do {
    const answers = await Promise.all(targets.map(askTarget));
    if (isWatching && stdout.isTerminal) stdout.write(CLEAR_SCREEN);
    const now = answers.filter((it): it is StatusDocument => !(it instanceof NoStatus));
    show(this, flags, now, before);
    this.status = now.length > 0 ? worstOf(now) : complain(this, answers as readonly NoStatus[]);
    before = now;
    if (isWatching) await new Promise((done) => setTimeout(done, flags.interval ?? INTERVAL));
  } while (isWatching);
}

async function askTarget({ role, places }: Target): Promise<StatusDocument | NoStatus> {
  try {
    return await firstOf(places, async (place) => {
      const found = await fetchStatus(place);
      if (role === undefined || found.role === role) return found;
      throw new NoStatus(`a teredo ${found.role} answers at ${place.url}, not a ${role}`);
    });
  } catch (error) {
    if (error instanceof NoStatus) return error;
    throw error;
  }
}

/** Of several daemons the one that needs attention first. */
function worstOf(found: readonly StatusDocument[]): number {
  if (found.some((it) => !it.alive || !(it.ready || it.draining))) return EXIT.NotReady;
  return found.some((it) => it.draining) ? EXIT.Draining : EXIT.Ok;
}

/** @returns the exit status */
function complain(context: Context, failures: readonly NoStatus[]): number {
  for (const { message } of failures) context.process.stderr.write(`teredo: ${message}\n`);
  return failures.every((it) => it.isNotRunning) ? EXIT.NotRunning : EXIT.Failed;
}

function show(
  { process: { stdout } }: Context,
  { json }: StatusFlags,
  now: readonly StatusDocument[],
  before: readonly StatusDocument[],
): void {
  for (const status of now) {
    const earlier = before.find((it) => it.process.pid === status.process.pid);
    if (json) stdout.write(`${JSON.stringify(status)}\n`);
    else stdout.write(formatStatus(stdout, status, earlier));
  }
}
