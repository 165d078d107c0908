import { completionScript, type Shell } from "../completion.ts";
import type { Context } from "../context.ts";

/** `teredo completion SHELL` */
export default function run(this: Context, _: object, shell: Shell): void {
  this.process.stdout.write(completionScript(shell));
}
