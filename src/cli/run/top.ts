import type { Role } from "#src/config/config.ts";
import type { Context } from "../context.ts";
import { Session, writeFrame } from "../live/session.ts";
import { Watch } from "../live/watch.ts";
import { targetsOf } from "../status/targets.ts";

export interface TopFlags {
  readonly url?: string;
  readonly config?: string;
  readonly "token-file"?: string;
  /** Milliseconds. */
  readonly interval?: number;
  readonly once?: boolean;
}

export const INTERVAL = 1_000;

/** `teredo top [ROLE]`, and `teredo status --watch`: of that daemon, or of every one that answers. */
export default async function runTop(this: Context, flags: TopFlags, role?: Role): Promise<void> {
  const { interval = INTERVAL } = flags;
  const watch = new Watch(targetsOf({ ...flags, role }), interval);
  if (flags.once) await showOnce(this, watch);
  else await new Session(this, watch, interval).run();
  this.status = watch.exitStatus;
}

async function showOnce(context: Context, watch: Watch): Promise<void> {
  await watch.ask();
  const { daemons, problems } = watch.view();
  if (daemons.length > 0) return writeFrame(context, watch);
  for (const problem of problems) context.process.stderr.write(`teredo: ${problem}\n`);
}
