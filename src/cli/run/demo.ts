import { type DemoOptions, runDemo } from "#src/demo/run.ts";
import type { Context } from "../context.ts";

/** `teredo demo` */
export default async function run(this: Context, flags: DemoOptions): Promise<void> {
  this.status = await runDemo(flags, this.process);
}
