/** The manual pages teredo(8) and one of each command, made from the commands' own definitions. */
import type { Command, RouteMap } from "@stricli/core";
import { buildApp } from "#src/cli/app.ts";
import type { Context } from "#src/cli/context.ts";
import { exitStatus, FILES } from "./man.ts";
import { paragraphs, roff } from "./roff.ts";

type Target = Command<Context> | RouteMap<Context>;
type Parameters = Command<Context>["parameters"];
type Flag = NonNullable<Parameters["flags"]>[string];

interface Named {
  readonly name: string;
  readonly target: Target;
}

const NOTE = String.raw`.\" Made from src/cli/commands by scripts/docs.ts: change it there.`;

const INTRODUCTION = String
  .raw`A relay carries packets between the IPv6 Internet and Teredo clients,
a server tells clients their mapped address and introduces them to relays (RFC 4380).
Both stay in the foreground.
Their settings are described in
.BR teredo.ini (5);
each has a flag that overrides it.
`;

/** Each page's text, by its path. */
export function commandPages(): ReadonlyMap<string, string> {
  const root = buildApp("").root as RouteMap<Context>;
  const commands = namedIn(root);
  return new Map([
    ["docs/man/teredo.8", overview(root, commands)],
    ...commands.map((it) => [`docs/man/teredo-${it.name}.8`, page(it)] as const),
  ]);
}

function namedIn(map: RouteMap<Context>): Named[] {
  return map.getAllEntries().filter(({ hidden }) => !hidden)
    .map(({ name, target }) => ({ name: name.original, target }));
}

function head(name: string, brief: string): string {
  const title = roff(name);
  return `${NOTE}\n.TH ${title.toUpperCase()} 8 "" teredo "System administration"\n` +
    `.SH NAME\n${title} \\- ${roff(brief)}\n`;
}

function overview({ brief }: Target, commands: readonly Named[]): string {
  const rows = commands.map(({ name, target }) =>
    `.TP\n.BR ${roff(`teredo-${name}`)} (8)\n${roff(target.brief)}\n`
  );
  return head("teredo", brief) +
    ".SH SYNOPSIS\n.B teredo\n.I COMMAND\n[\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n" +
    `.SH DESCRIPTION\n${INTRODUCTION}.SH COMMANDS\nA page of its own describes each.\n${
      rows.join("")
    }` +
    ".SH OPTIONS\n.TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nPrint help and exit; also behind a command.\n" +
    ".TP\n\\fB\\-V\\fR, \\fB\\-\\-version\\fR\nPrint the version and exit.\n" +
    `${exitStatus()}${FILES}` +
    ".SH SEE ALSO\n.BR teredo.ini (5),\nRFC 4380, RFC 5991, RFC 6081, RFC 9601\n";
}

function page({ name, target }: Named): string {
  const commands = "getAllEntries" in target
    ? namedIn(target).map((it) => ({ ...it, name: `${name} ${it.name}` }))
    : [{ name, target }];
  const body = commands.length === 1 ? alone(commands[0]!) : several(target, commands);
  return `${head(`teredo-${name}`, target.brief)}${body}` +
    ".SH EXIT STATUS\nSee\n.BR teredo (8).\n.SH SEE ALSO\n.BR teredo (8),\n.BR teredo.ini (5)\n";
}

function alone({ name, target }: Named): string {
  const options = optionsOf(target);
  return `.SH SYNOPSIS\n${usage(name, target)}\n` +
    `.SH DESCRIPTION\n${described(target)}\n` +
    (options === "" ? "" : `.SH OPTIONS\n${options}`);
}

function several(target: Target, commands: readonly Named[]): string {
  const usages = commands.map((it) => usage(it.name, it.target)).join("\n.br\n");
  const sections = commands.map((it) =>
    `.SS ${roff(`teredo ${it.name}`)}\n${described(it.target)}\n${optionsOf(it.target)}`
  );
  return `.SH SYNOPSIS\n${usages}\n.SH DESCRIPTION\n${described(target)}\n` +
    `.SH COMMANDS\n${sections.join("")}`;
}

function described({ brief, fullDescription }: Target): string {
  return paragraphs(`${(fullDescription ?? brief).replace(/\.?$/, "")}.`, ".PP");
}

/** `teredo decode [OPTION...] ADDR...` */
function usage(name: string, target: Target): string {
  const { flags = {}, positional } = parametersOf(target);
  const shown = Object.values(flags).filter((flag) => !isHidden(flag));
  const needed = Object.entries(flags).filter(([, flag]) => !isOptional(flag))
    .map(([name, flag]) => option(name, flag));
  const rest = shown.length > needed.length ? ["[\\fIOPTION\\fR...]"] : [];
  const words = [...needed, ...rest, ...argumentsOf(positional).map(({ text }) => text)];
  return `.B ${roff(`teredo ${name}`)}\n${words.join(" ")}`.trimEnd();
}

function parametersOf(target: Target): Parameters {
  return "parameters" in target ? target.parameters : {};
}

/** Behind them, one paragraph each. */
function optionsOf(target: Target): string {
  const { flags = {}, aliases = {}, positional } = parametersOf(target);
  const letters = new Map(Object.entries(aliases).map(([letter, name]) => [name, letter]));
  const options = Object.entries(flags).filter(([, flag]) => !isHidden(flag))
    .map(([name, flag]) => {
      const letter = letters.get(name);
      const short = letter === undefined ? "" : `\\fB\\-${letter}\\fR, `;
      return `.TP\n${short}${option(name, flag)}\n${roff(meaning(flag))}\n`;
    });
  const words = argumentsOf(positional).map(({ text, brief }) => `.TP\n${text}\n${roff(brief)}\n`);
  return [...words, ...options].join("");
}

function option(name: string, flag: Flag): string {
  const placeholder = flag.kind === "enum"
    ? flag.values.join("|")
    : flag.kind === "parsed"
    ? flag.placeholder ?? "VALUE"
    : undefined;
  const bold = `\\fB${roff(`--${name}`)}\\fR`;
  if (placeholder === undefined) return bold;
  const value = `\\fI${roff(placeholder)}\\fR`;
  const mayBeEmpty = flag.kind === "parsed" && "inferEmpty" in flag && flag.inferEmpty;
  return `${bold} ${mayBeEmpty ? `[${value}]` : value}`;
}

const meaning = ({ brief }: Flag): string => `${brief.replace(/\.?$/, "")}.`;
const isHidden = (flag: Flag): boolean => "hidden" in flag && flag.hidden === true;
const isOptional = (flag: Flag): boolean =>
  flag.kind === "boolean" || flag.optional === true || "default" in flag;

interface Argument {
  readonly text: string;
  readonly brief: string;
}

function argumentsOf(positional: Parameters["positional"]): Argument[] {
  if (positional === undefined) return [];
  if (positional.kind === "array") {
    const { placeholder = "ARGUMENT", brief } = positional.parameter;
    return [{ text: `\\fI${roff(placeholder)}\\fR...`, brief: `${brief}.` }];
  }
  return positional.parameters.map(({ placeholder = "ARGUMENT", brief, optional }) => {
    const word = `\\fI${roff(placeholder)}\\fR`;
    return { text: optional ? `[${word}]` : word, brief: `${brief}.` };
  });
}
