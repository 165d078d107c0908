import type { Role } from "#src/config/config.ts";
import type { Context } from "../context.ts";
import { type Answer, askTarget, exitOf } from "../status/ask.ts";
import { NoStatus } from "../status/no_status.ts";
import { formatStatus } from "../status/table.ts";
import { targetsOf } from "../status/targets.ts";
import runTop, { INTERVAL, type TopFlags } from "./top.ts";

export interface StatusFlags extends TopFlags {
  readonly json?: boolean;
  readonly watch?: boolean;
}

/** `teredo status [ROLE]`: of that daemon, or of every one that answers. */
export default async function runStatus(
  this: Context,
  flags: StatusFlags,
  role?: Role,
): Promise<void> {
  const isWatching = flags.watch === true || flags.interval !== undefined;
  if (!flags.json && (isWatching || flags.once)) return await runTop.call(this, flags, role);
  // Ctrl-C is how watching ends, so no failure.
  if (isWatching) process.on("SIGINT", () => process.exit(this.status));
  const { stdout, stderr } = this.process;
  const targets = targetsOf({ ...flags, role });
  for (;;) {
    const answers = await Promise.all(targets.map(askTarget));
    const found = answers.filter((it): it is Answer => !(it instanceof NoStatus));
    for (const { status } of found) {
      stdout.write(flags.json ? `${JSON.stringify(status)}\n` : formatStatus(stdout, status));
    }
    this.status = exitOf(answers);
    if (found.length === 0) {
      for (const { message } of answers as NoStatus[]) stderr.write(`teredo: ${message}\n`);
    }
    if (!isWatching || flags.once || stdout.isClosed) return;
    await new Promise((done) => setTimeout(done, flags.interval ?? INTERVAL));
  }
}
