import { ConfigError } from "#src/errors.ts";
import type { Role } from "./config.ts";
import { quote } from "./kinds/mod.ts";
import { loadDocument } from "./load.ts";
import {
  type Directive,
  entriesOfDirective,
  isClientDirective,
  SECONDARY,
  spellingOf,
  splitDirective,
  TYPE,
} from "./syntax/directives.ts";
import { Problems } from "./problems.ts";
import type { ReadFile } from "./files.ts";
import { printable } from "./printable.ts";
import { ENTRIES, type Entry, type Section, sectionsOf } from "./settings.ts";
import { writeValue } from "./syntax/ini.ts";
import { type Document, type Line, MAX_LINE_LENGTH, readDocument } from "./syntax/mod.ts";

export interface Converted {
  /** The configuration in the native syntax. */
  readonly text: string;
  /** What was dropped or taken otherwise than its writer may think. */
  readonly notices: readonly string[];
}

/**
 * Turns a miredo.conf or miredo-server.conf into the native syntax. Comments stay with the lines
 * they stand above or behind; a directive that is ignored becomes a comment that says so.
 *
 * @param notices of reading the document, which are handed on
 * @throws ConfigError when the file is native already, or would not load
 */
export function convertDocument(
  document: Document,
  role: Role,
  readFile: ReadFile,
  problems: Problems,
): Converted {
  problems.throwIfAny();
  if (document.lines.every(({ text }) => splitDirective(text) === undefined)) {
    throw new ConfigError([`${document.file}: no setting in it; there is nothing to convert`]);
  }
  if (document.syntax === "native") {
    throw new ConfigError([`${document.file}: in the native syntax already; use it as it is`]);
  }
  const { values, notices } = loadDocument(role, document, {}, readFile, problems);
  const writer = new Writer(role);
  for (const line of document.lines) {
    const directive = splitDirective(line.text);
    if (directive === undefined) writer.comment(line);
    else writer.directive(directive, values);
  }
  const text = `# Converted from ${printable(document.file)}\n${writer.text()}`;
  if (!givesSame(text, role, readFile, values)) {
    throw new ConfigError([`${document.file}: too long in the native syntax; keep it as it is`]);
  }
  return { text, notices };
}

/** Whether `text` loads with these very values: nobody looks at a converted file as closely. */
function givesSame(text: string, role: Role, readFile: ReadFile, values: Texts): boolean {
  const problems = new Problems();
  const document = readDocument(text, "", problems);
  if (problems.errors.length > 0) return false;
  const loaded = loadDocument(role, document, {}, readFile, problems);
  const textOf = ({ kind, id }: Entry, of: Texts) => {
    const { value } = of.get(id)!;
    return value === undefined ? undefined : kind.format(value);
  };
  return ENTRIES.every((entry) => textOf(entry, loaded.values) === textOf(entry, values));
}

type Texts = Parameters<Writer["directive"]>[1];

/** Puts each line into its section, comments with what follows them. */
class Writer {
  readonly #role: Role;
  readonly #blocks = new Map<Section, string[]>();
  readonly #done = new Set<string>();
  #pending: string[] = [];

  constructor(role: Role) {
    this.#role = role;
    for (const section of sectionsOf(role)) this.#blocks.set(section, []);
  }

  comment({ text }: Line): void {
    const comment = text.trim();
    const body = comment.replace(/^#+/, "");
    const [entry, value] = this.#commentedOut(body === comment ? undefined : splitDirective(body));
    if (entry === undefined) this.#pending.push(comment);
    else this.#put(entry.section, `#${entry.key} = ${writeValue(entry.kind.format(value))}`);
  }

  /** `#BindPort 3545` shows what could be written, so it is converted as well. */
  #commentedOut(directive: Directive | undefined): [Entry, unknown] | [undefined] {
    if (directive?.value === undefined || directive.rest !== "") return [undefined];
    const [entry] = entriesOfDirective(directive.name, this.#role);
    const parsed = entry?.kind.parse(directive.value, "miredo");
    if (entry === undefined || parsed === undefined || "problem" in parsed) return [undefined];
    return [entry, parsed.value];
  }

  /** The lines, below the comments that stood above them. */
  #put(section: Section, ...lines: readonly string[]): void {
    this.#blocks.get(section)!.push(...this.#pending, ...lines);
    this.#pending = [];
  }

  directive(
    directive: Directive,
    values: ReadonlyMap<string, { readonly value: unknown; readonly origin: string | undefined }>,
  ): void {
    const name = spellingOf(directive.name) ?? directive.name;
    const entries = entriesOfDirective(name, this.#role);
    if (directive.value === undefined || entries.length === 0 || this.#done.has(name)) {
      this.#drop(directive, name);
      return;
    }
    this.#done.add(name);
    for (const entry of entries) {
      this.#put(entry.section, ...assignment(entry, directive, values));
      if (entry.id === "log.facility") this.#put("log", "target = syslog");
    }
  }

  #drop({ value, rest }: Directive, name: string): void {
    const why = whyDropped(name, this.#role, this.#done.has(name));
    const line = [quote(name).slice(1, -1), value, rest].join(" ").trim();
    this.#put(this.#role, `# dropped, ${why}: ${line}`);
  }

  text(): string {
    const [first = [], ...others] = this.#blocks.values();
    // Comments behind the last directive go with the first section, which is always there.
    first.push(...this.#pending);
    const named = [...this.#blocks.keys()];
    return [first, ...others].map((lines, i) => {
      if (i > 0 && lines.length === 0) return "";
      return `\n[${named[i]}]\n${trimBlank(lines).map((line) => `${line}\n`).join("")}`;
    }).join("");
  }
}

function whyDropped(name: string, role: Role, isDone: boolean): string {
  if (role === "client" && name === SECONDARY) return "the next address is taken";
  if (role === "client" && name === TYPE) return "said by the command";
  if (isClientDirective(name)) return role === "client" ? "ignored" : "for clients";
  return isDone ? "repeated" : "ignored";
}

/** With its comment behind it, or above it where the line would be too long. */
function assignment(entry: Entry, { rest }: Directive, values: Texts): readonly string[] {
  const line = `${entry.key} = ${writeValue(entry.kind.format(values.get(entry.id)!.value))}`;
  if (!rest.startsWith("#")) return [line];
  const whole = `${line}  ${rest}`;
  return whole.length > MAX_LINE_LENGTH ? [rest, line] : [whole];
}

function trimBlank(lines: readonly string[]): readonly string[] {
  const start = lines.findIndex((line) => line !== "");
  const end = lines.findLastIndex((line) => line !== "");
  return start < 0 ? [] : lines.slice(start, end + 1);
}
