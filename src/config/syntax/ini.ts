import { quote } from "../kinds/mod.ts";
import type { Problems } from "../problems.ts";
import { BY_ID, ENTRIES, type Entry, type Section, SECTIONS } from "../settings.ts";
import { nearest } from "../suggest.ts";
import { type Document, type Given, isBlankOrComment, type Line } from "./mod.ts";
import { isSection } from "./tell.ts";

/** What the reader remembers from line to line. */
interface State {
  readonly document: Document;
  readonly problems: Problems;
  /** Undefined: none yet, or one that is unknown, whose keys have no meaning. */
  section: Section | undefined;
  /** An unknown section has been named already: say no more about what is in it. */
  skipping: boolean;
  /** Sections and `section.key`s seen, and in which line. */
  readonly seen: Map<string, number>;
  readonly given: Given[];
}

/**
 * Reads the native syntax: `[section]`, `key = value`, comments from `#` or `;` at the start of a
 * line or behind a blank, values between `"` when they start with one of these or hold blanks with such
 * signs; `""` among them is one `"`. Every section and key stands once.
 */
export function readIni(document: Document, problems: Problems): readonly Given[] {
  const state: State = {
    document,
    problems,
    section: undefined,
    skipping: false,
    seen: new Map(),
    given: [],
  };
  for (const line of document.lines) {
    if (!isBlankOrComment(line.text)) readLine(state, line);
  }
  return state.given;
}

function readLine(state: State, line: Line): void {
  if (isSection(line.text)) readSection(state, line);
  else if (!state.skipping) readAssignment(state, line);
}

function where(state: State, line: Line): string {
  return `${state.document.file}:${line.number}`;
}

/** Name of the section that a line starts, known or not. */
export function sectionOf(text: string): string | undefined {
  return /^\s*\[\s*([^\]]*?)\s*\]\s*([#;].*)?$/.exec(text)?.[1];
}

function readSection(state: State, line: Line): void {
  state.section = undefined;
  state.skipping = true;
  const name = sectionOf(line.text);
  if (name === undefined) {
    const text = quote(line.text.trim());
    const meant = nearest(/[\w-]+/.exec(line.text)?.[0] ?? "", SECTIONS);
    const mend = meant === undefined ? "write e.g. [relay]" : `write [${meant}], alone in its line`;
    state.problems.error(where(state, line), `${text}: not a section; ${mend}`);
    return;
  }
  const section = SECTIONS.find((known) => known === name);
  if (section === undefined) {
    const meant = nearest(name, SECTIONS);
    const mend = meant === undefined
      ? `write one of [${SECTIONS.join("], [")}]`
      : `write [${meant}]`;
    state.problems.error(where(state, line), `[${quote(name)}]: unknown section; ${mend}`);
    return;
  }
  state.section = section;
  state.skipping = false;
  const first = state.seen.get(section);
  if (first === undefined) state.seen.set(section, line.number);
  else {
    const problem = `section stands twice, first in line ${first}; join them`;
    state.problems.error(where(state, line), `[${section}]: ${problem}`);
  }
}

function readAssignment(state: State, line: Line): void {
  const at = where(state, line);
  const match = /^\s*([^\s=]+)\s*=\s*(.*)$/.exec(line.text);
  if (match === null) {
    const text = line.text.trim();
    state.problems.error(at, `${quote(text)}: not \`key = value\`; ${mendLine(state, text)}`);
    return;
  }
  const name = match[1]!;
  const entry = findEntry(state, name, at);
  const value = readValue(match[2]!);
  if ("problem" in value) state.problems.error(at, `${nameOf(name)}: ${value.problem}`);
  if (entry === undefined || "problem" in value) return;
  const first = state.seen.get(entry.id);
  if (first !== undefined) {
    const problem = `set twice, first in line ${first}; delete one of them`;
    state.problems.error(at, `${entry.key}: ${problem}`);
    return;
  }
  state.seen.set(entry.id, line.number);
  state.given.push({ entry, text: value.text, name: entry.key, origin: at, syntax: "native" });
}

/** A name of the file's, fit to be printed; ordinary ones stay bare. */
function nameOf(name: string): string {
  return /^[\w-]{1,40}$/.test(name) ? name : quote(name);
}

function mendLine(state: State, text: string): string {
  const [name = "", ...rest] = text.split(/\s+/);
  const entry = ENTRIES.find((e) =>
    e.section === (state.section ?? e.section) &&
    (e.key === name || e.miredo?.toLowerCase() === name.toLowerCase())
  );
  if (entry === undefined) return "write it so, or as a comment behind `#`";
  return `write \`${entry.key} = ${
    rest.length === 0 ? "VALUE" : quote(rest.join(" ")).slice(1, -1)
  }\``;
}

type Value = { readonly text: string } | { readonly problem: string };

function readValue(text: string): Value {
  if (text.startsWith('"')) {
    const match = /^"((?:[^"]|"")*)"\s*(?:[#;].*)?$/.exec(text);
    if (match !== null) {
      return match[1] === "" ? missing : { text: match[1]!.replaceAll('""', '"') };
    }
    if (/^"(?:[^"]|"")*$/.test(text)) {
      return { problem: 'quote is not closed; write `"` at its end' };
    }
    return { problem: 'more behind the closing `"`; delete it, or start a comment with `#`' };
  }
  // "#" right behind "=" is a comment too: no value starts with it.
  const bare = text.replace(/(^|\s+)[#;].*$/, "").trimEnd();
  if (bare === "") return missing;
  return { text: bare };
}

/** The text behind `=` that is read back as this value. */
export function writeValue(value: string): string {
  return /^["#;]|\s[#;]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

const missing = { problem: "has no value; write one, or delete the line for the default" } as const;

function findEntry(state: State, name: string, at: string): Entry | undefined {
  const { section, problems } = state;
  const entry = section === undefined ? undefined : BY_ID.get(`${section}.${name}`);
  if (entry !== undefined) return entry;
  const elsewhere = ENTRIES.filter((e) => e.key === name);
  const homes = elsewhere.map((e) => `[${e.section}]`).join(" or ");
  if (section === undefined && elsewhere.length > 0) {
    problems.error(at, `${name}: stands before any section; put it below ${homes}`);
  } else if (elsewhere.length > 0) {
    problems.error(at, `${name}: not a key of [${section}]; put it below ${homes}`);
  } else {
    const mend = mendKey(section, name);
    problems.error(at, `${nameOf(name)}: unknown key; ${mend}`);
  }
  return undefined;
}

function mendKey(section: Section | undefined, name: string): string {
  const here = ENTRIES.filter((e) => section === undefined || e.section === section);
  const directive = here.find((e) => e.miredo?.toLowerCase() === name.toLowerCase());
  const meant = directive?.key ?? nearest(name, here.map((e) => e.key));
  if (meant !== undefined) return `did you mean \`${meant}\`?`;
  const other = ENTRIES.find((e) =>
    e.key === nearest(name, ENTRIES.map((known) => known.key)) ||
    e.miredo?.toLowerCase() === name.toLowerCase()
  );
  if (other !== undefined) return `did you mean \`${other.key}\` of [${other.section}]?`;
  const keys = here.map((e) => e.key).join(", ");
  return section === undefined ? "put keys below a [section]" : `[${section}] knows ${keys}`;
}
