import type { Role } from "#src/config/config.ts";
import { captureName } from "#src/status/recordings_document.ts";
import type { Context } from "../context.ts";
import { EXIT, UsageError } from "../exit.ts";
import { type Recorded, recordedBy } from "../record/ask.ts";
import type { Extent } from "../record/extent.ts";
import { NotWritten, writeOwn } from "../record/file.ts";
import { NoStatus } from "../status/no_status.ts";
import { targetsOf } from "../status/targets.ts";

export interface RecordFlags {
  /** Milliseconds. */
  readonly last?: number;
  readonly write?: string;
  readonly config?: string;
  readonly url?: string;
  readonly "token-file"?: string;
}

const DEFAULT_LAST = 60_000;
const STANDARD_OUTPUT = "-";

/** `teredo record [ROLE]`: of that daemon, or of every one that answers. */
export default async function runRecord(
  this: Context,
  flags: RecordFlags,
  role?: Role,
): Promise<void> {
  const { stdout } = this.process;
  const { write, last = DEFAULT_LAST } = flags;
  if (write === STANDARD_OUTPUT && stdout.isTerminal) {
    throw new UsageError("a terminal cannot show pcapng: `teredo record -w - | tshark -r -`");
  }
  const targets = targetsOf({ ...flags, role });
  const answers = await Promise.all(targets.map((it) => recordedBy(it, Math.ceil(last / 1_000))));
  const recorded = answers.filter((it): it is Recorded => !(it instanceof NoStatus));
  complain(this, answers.filter((it) => it instanceof NoStatus), recorded.length > 0);
  if (recorded.length > 1 && write !== undefined) {
    throw new UsageError("relay and server run: name the one whose packets are to be written");
  }
  for (const one of recorded) {
    if (write === STANDARD_OUTPUT) stdout.writeBytes(one.bytes);
    else keep(this, one, write ?? captureName(one.role, Date.now()));
  }
}

/** @param others whether another daemon answers: then one that does not run is nobody's concern */
function complain(context: Context, failures: readonly NoStatus[], others: boolean): void {
  const told = others ? failures.filter((it) => !it.isNotRunning) : failures;
  if (told.length === 0) return;
  for (const { message } of told) context.process.stderr.write(`teredo: ${message}\n`);
  context.status = told.every((it) => it.isNotRunning) ? EXIT.NotRunning : EXIT.Failed;
}

function keep(context: Context, { bytes, extent }: Recorded, path: string): void {
  try {
    writeOwn(path, bytes);
    context.process.stdout.write(`${path}: ${words(extent)}\n`);
  } catch (error) {
    if (!(error instanceof NotWritten)) throw error;
    context.process.stderr.write(`teredo: ${error.message}\n`);
    context.status = EXIT.Failed;
  }
}

function words({ packets, time }: Extent): string {
  if (packets === 0) return "no packets";
  const count = packets === 1 ? "1 packet" : `${packets} packets`;
  return `${count}, on both sides, of ${Math.round(time / 1e5) / 10} s`;
}
