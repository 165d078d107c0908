import { type ProbeRunOptions, runProbe } from "#src/probe/run.ts";
import type { Context } from "../context.ts";

export type ProbeFlags = Omit<ProbeRunOptions, "server">;

/** `teredo probe SERVER` */
export default async function run(this: Context, flags: ProbeFlags, server: string): Promise<void> {
  this.status = await runProbe({ ...flags, server }, this.process);
}
