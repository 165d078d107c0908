import { type ProbeRunOptions, runProbe } from "#src/probe/run.ts";
import type { Context } from "../context.ts";
import { writeJson } from "../json.ts";

export type ProbeFlags = Omit<ProbeRunOptions, "server">;

/** `teredo probe SERVER` */
export default async function run(this: Context, flags: ProbeFlags, server: string): Promise<void> {
  const { stdout, stderr } = this.process;
  const writeDocument = (document: object) => writeJson(stdout, document);
  const io = { stdout, stderr, writeJson: writeDocument };
  this.status = await runProbe({ ...flags, server }, io);
}
