import { help } from "@stricli/core";
import type { Context } from "./context.ts";

type Integration = ReturnType<typeof help<Context>>;
type RunHelp = NonNullable<Integration["flag"]>["run"];

/** Flags of a command, as far as help needs them. */
type Flags = Readonly<
  Record<string, { readonly placeholder?: string; readonly inferEmpty?: boolean }>
>;

const ROW = /^( {2}.. )(.)--([a-z0-9-]*)(\]?)( +)(.*)$/;

/** Stricli's help, with the name of its value behind each flag that takes one. */
export function helpWithValues(options: Parameters<typeof help>[0]): Integration {
  const integration = help<Context>(options);
  const { flag } = integration;
  if (flag === undefined) return integration;
  const run: RunHelp = async function (app, args) {
    const { target } = args.result;
    const flags: Flags = "parameters" in target ? target.parameters.flags ?? {} : {};
    const { stdout } = this.process;
    const process = {
      ...this.process,
      stdout: { ...stdout, write: (text: string) => stdout.write(withValues(text, flags)) },
    };
    // Its columns are measured here, where escape sequences would count.
    const ansiColorByStream = { ...args.ansiColorByStream, stdout: false };
    await flag.run.call({ ...this, process }, app as never, { ...args, ansiColorByStream });
  };
  return { ...integration, flag: { ...flag, run } };
}

function withValues(text: string, flags: Flags): string {
  const lines = text.split("\n");
  const rows = lines.map((line) => ROW.exec(line));
  const names = rows.map((row) => row === null ? "" : nameOf(row, flags));
  const width = Math.max(...names.map((name) => name.length));
  return lines.map((line, i) => rows[i] === null ? line : rowOf(rows[i]!, names[i]!, width))
    .join("\n");
}

/** `[--bind-port N]`, and `--` as the last of all. */
function nameOf([, , open = "", name = "", close = ""]: readonly string[], flags: Flags): string {
  const { placeholder, inferEmpty } = flags[name] ?? {};
  if (placeholder === undefined) return `${open}--${name}${close}`;
  return `${open}--${name} ${inferEmpty ? `[${placeholder}]` : placeholder}${close}`;
}

function rowOf(row: readonly string[], name: string, width: number): string {
  return `${row[1]}${name.padEnd(width)}  ${row[6]}`;
}
