import type { Role } from "#src/config/config.ts";
import { checkFile, convertFile, showFile } from "#src/config/inspect.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit.ts";
import { writeJson } from "../json.ts";

export interface ConfigFlags {
  readonly role?: Role;
  readonly json?: boolean;
}

/** `teredo config check FILE` */
export function check(this: Context, { role, json }: ConfigFlags, file: string): void {
  const { stdout, stderr } = this.process;
  const checked = checkFile(file, { role });
  const ok = checked.errors.length === 0;
  this.status = ok ? EXIT.Ok : EXIT.Config;
  if (json) return writeJson(stdout, { ok, ...checked });
  notify(this, checked.notices);
  for (const problem of checked.errors) stderr.write(`${problem}\n`);
  if (ok) {
    stdout.write(`${file}: ok, ${checked.syntax} syntax, for ${checked.roles.join(" and ")}\n`);
  }
}

/** `teredo config show FILE` */
export function show(this: Context, { role, json }: ConfigFlags, file: string): void {
  const shown = showFile(file, { role });
  notify(this, shown.notices);
  if (json) writeJson(this.process.stdout, shown.json);
  else this.process.stdout.write(shown.text);
}

/** `teredo config convert FILE` */
export function convert(this: Context, { role }: ConfigFlags, file: string): void {
  const converted = convertFile(file, { role });
  notify(this, converted.notices);
  this.process.stdout.write(converted.text);
}

function notify(context: Context, notices: readonly string[]): void {
  for (const notice of notices) context.process.stderr.write(`notice: ${notice}\n`);
}
