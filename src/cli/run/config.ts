import { type Role, ROLES } from "#src/config/config.ts";
import { type ReadFile, readRegularFile, searchPlaces } from "#src/config/files.ts";
import { checkFile, convertFile, defaultFiles, showFile } from "#src/config/inspect.ts";
import { ConfigError } from "#src/errors.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit.ts";
import { writeJson } from "../json.ts";
import { readStandardInput } from "../stdin.ts";

export interface ConfigFlags {
  readonly role?: Role;
  readonly json?: boolean;
}

/** As a file's name: standard input, which problems call by the word. */
const STDIN = "-";
const STDIN_NAME = "stdin";

/** `teredo config check [FILE...]` */
export async function check(
  this: Context,
  { role, json }: ConfigFlags,
  ...named: readonly string[]
): Promise<void> {
  const { stdout, stderr } = this.process;
  const { files, readFile } = await sourcesOf(named, role);
  const checked = files.map((file) => checkFile(file, { role, readFile }));
  const ok = checked.every(({ errors }) => errors.length === 0);
  this.status = ok ? EXIT.Ok : EXIT.Config;
  if (json) {
    const results = checked.map(({ problems: _, ...one }) => (
      { ...one, ok: one.errors.length === 0 }
    ));
    return writeJson(stdout, { ok, files: results });
  }
  for (const { file, syntax, roles, errors, problems } of checked) {
    for (const { level, text } of problems) {
      stderr.write(level === "notice" ? `notice: ${text}\n` : `${text}\n`);
    }
    if (errors.length > 0) continue;
    stdout.write(`${file}: ok, ${syntax} syntax, for ${roles.join(" and ")}\n`);
  }
}

/** `teredo config show [FILE]` */
export async function show(
  this: Context,
  { role, json }: ConfigFlags,
  named?: string,
): Promise<void> {
  const { files: [file = ""], readFile } = await sourcesOf(
    named === undefined ? [] : [named],
    role,
  );
  const shown = showFile(file, { role, readFile });
  notify(this, shown.notices);
  if (json) writeJson(this.process.stdout, shown.json);
  else this.process.stdout.write(shown.text);
}

/** `teredo config convert FILE` */
export async function convert(this: Context, { role }: ConfigFlags, named: string): Promise<void> {
  const { files: [file = ""], readFile } = await sourcesOf([named], role);
  const converted = convertFile(file, { role, readFile });
  notify(this, converted.notices);
  this.process.stdout.write(converted.text);
}

interface Sources {
  /** At least one. */
  readonly files: readonly string[];
  readonly readFile: ReadFile;
}

/** @throws ConfigError when none is named and there is none where the daemons look */
async function sourcesOf(named: readonly string[], role: Role | undefined): Promise<Sources> {
  const roles = role === undefined ? ROLES : [role];
  const files = named.length > 0 ? named : defaultFiles(roles);
  if (files.length === 0) {
    const places = new Set(roles.flatMap(searchPlaces));
    throw new ConfigError([
      `no configuration file: looked at ${[...places].join(", ")}; name one, or -`,
    ]);
  }
  if (!files.includes(STDIN)) return { files, readFile: readRegularFile };
  const bytes = await readStandardInput();
  return {
    files: files.map((file) => file === STDIN ? STDIN_NAME : file),
    readFile: (path) => path === STDIN_NAME ? { bytes, mode: 0 } : readRegularFile(path),
  };
}

function notify(context: Context, notices: readonly string[]): void {
  for (const notice of notices) context.process.stderr.write(`notice: ${notice}\n`);
}
