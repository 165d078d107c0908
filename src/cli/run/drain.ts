import type { Role } from "#src/config/config.ts";
import type { Context } from "../context.ts";
import { askControl } from "../control/ask.ts";
import { EXIT } from "../exit.ts";

export interface DrainFlags {
  readonly config?: string;
}

/** `teredo drain ROLE` */
export function drain(this: Context, flags: DrainFlags, role: Role): Promise<void> {
  const text = "drains: /readyz is 503, so that others turn away, and traffic goes on; " +
    `\`teredo undrain ${role}\` takes it back`;
  return ask(this, "/drain", flags, role, text);
}

/** `teredo undrain ROLE` */
export function undrain(this: Context, flags: DrainFlags, role: Role): Promise<void> {
  return ask(this, "/undrain", flags, role, "serves again");
}

async function ask(
  context: Context,
  path: string,
  { config }: DrainFlags,
  role: Role,
  done: string,
): Promise<void> {
  const { stdout, stderr } = context.process;
  for (const { status, document } of await askControl({ role, config }, { method: "POST", path })) {
    if (status === 200) {
      stdout.write(`teredo ${role} ${done}\n`);
    } else {
      stderr.write(`teredo: ${role}: ${document["error"]}\n`);
      context.status = EXIT.Failed;
    }
  }
}
