import { type DemoOptions, runDemo } from "#src/demo/run.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit.ts";

/** `teredo demo` */
export default async function run(this: Context, flags: DemoOptions): Promise<void> {
  const { nat = [], clients = 1 } = flags;
  if (nat.length > clients) {
    throw new UsageError(
      `--nat ${
        nat.join(",")
      } names ${nat.length} NATs, for ${clients} of --clients; leave some out`,
    );
  }
  this.status = await runDemo(flags, this.process);
}
