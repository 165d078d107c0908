import type { Role } from "../config.ts";
import { quote } from "../kinds/mod.ts";
import type { Problems } from "../problems.ts";
import { ENTRIES, type Entry, entryOf, sectionsOf } from "../settings.ts";
import { nearest } from "../suggest.ts";
import type { Document, Given } from "./mod.ts";

/** A line of Miredo's syntax, taken apart as Miredo does: first word, second word, the rest. */
export interface Directive {
  readonly name: string;
  /** Undefined: the name stands alone. */
  readonly value: string | undefined;
  /** What stands behind the value, trimmed. */
  readonly rest: string;
}

/** Directives that only mean something to a Teredo client; the last three were never released. */
export const CLIENT_DIRECTIVES: readonly string[] = [
  "ServerAddress",
  "ServerAddress2",
  "LocalDiscovery",
  "DiscoveryInterfaces",
  "DiscoveryNetmask",
];

/** @returns undefined for a blank line or a comment, which starts with `#` only */
export function splitDirective(text: string): Directive | undefined {
  const match = /^[ \t\v\f\r]*([^ \t\v\f\r]+)[ \t\v\f\r]*([^ \t\v\f\r]*)(.*)$/s.exec(text);
  if (match === null || match[1]!.startsWith("#")) return undefined;
  const value = match[2]!;
  return { name: match[1]!, value: value === "" ? undefined : value, rest: match[3]!.trim() };
}

/** Settings that a directive makes in a file of this role; names are compared without case. */
export function entriesOfDirective(name: string, role: Role): readonly Entry[] {
  const sections = sectionsOf(role);
  const wanted = name.toLowerCase();
  return ENTRIES.filter((e) => sections.includes(e.section) && e.miredo?.toLowerCase() === wanted);
}

export function isClientDirective(name: string): boolean {
  return CLIENT_DIRECTIVES.some((known) => known.toLowerCase() === name.toLowerCase());
}

/** Miredo's own spelling of a directive, whatever the case it is written in. */
export function spellingOf(name: string): string | undefined {
  const wanted = name.toLowerCase();
  return KNOWN.find((known) => known.toLowerCase() === wanted);
}

const KNOWN: readonly string[] = [
  ...new Set(ENTRIES.flatMap((e) => e.miredo === undefined ? [] : [e.miredo])),
  ...CLIENT_DIRECTIVES,
];

/**
 * Reads a miredo.conf or miredo-server.conf. What Miredo's daemons run with is taken as they take
 * it; where they warn, or pass over something in silence, there is a notice.
 */
export function readMiredo(
  document: Document,
  role: Role,
  problems: Problems,
): readonly Given[] {
  const given: Given[] = [];
  const seen = new Map<string, number>();
  for (const line of document.lines) {
    const directive = splitDirective(line.text);
    if (directive === undefined) continue;
    const origin = `${document.file}:${line.number}`;
    const name = spellingOf(directive.name) ?? directive.name;
    if (!isTaken(directive, name, role, origin, problems)) continue;
    const first = seen.get(name);
    if (first !== undefined) {
      const problem = `given twice, and the first in line ${first} counts; delete one of them`;
      problems.notice(origin, `${name}: ${problem}`);
      continue;
    }
    seen.set(name, line.number);
    given.push(...settingsOf(directive, name, role, origin));
  }
  return given;
}

/** Whether the line sets something; what Miredo would pass over is named. */
function isTaken(
  directive: Directive,
  name: string,
  role: Role,
  origin: string,
  problems: Problems,
): boolean {
  const notice = (problem: string) => problems.notice(origin, `${printable(name)}: ${problem}`);
  if (isClientDirective(name)) {
    notice("is for Teredo clients and ignored here; delete it");
    return false;
  }
  if (entriesOfDirective(name, role).length === 0) {
    notice(whyNot(name, role));
    return false;
  }
  if (directive.value === undefined) {
    notice("has no value and is ignored; write one, or delete the line");
    return false;
  }
  if (directive.value.startsWith("#")) {
    notice(
      `${quote(directive.value)} is taken as the value, not as a comment; write a value first`,
    );
  }
  if (directive.rest !== "" && !directive.rest.startsWith("#")) {
    notice(
      `${quote(directive.rest)} behind the value is ignored; delete it, or put \`#\` before it`,
    );
  }
  return true;
}

function whyNot(name: string, role: Role): string {
  const other = role === "relay" ? "server" : "relay";
  if (entriesOfDirective(name, other).length > 0) {
    return `is for the ${other} and ignored by the ${role}; delete it`;
  }
  const meant = nearest(name, KNOWN);
  const mend = meant === undefined ? "delete it" : `did you mean \`${meant}\`?`;
  return `unknown directive, ignored; ${mend}`;
}

function printable(name: string): string {
  return /^\w{1,40}$/.test(name) ? name : quote(name);
}

function settingsOf(directive: Directive, name: string, role: Role, origin: string): Given[] {
  const text = directive.value!;
  const given = entriesOfDirective(name, role).map((entry): Given => (
    { entry, text, name, origin, syntax: "miredo" }
  ));
  if (name === "SyslogFacility") {
    // Miredo always logs to syslog; who names a facility expects to find messages there.
    given.push({ entry: entryOf("log.target"), text: "syslog", name, origin, syntax: "miredo" });
  }
  return given;
}

/** Which daemon's file this is, by its directives; undefined when they fit both. */
export function roleOfMiredo(document: Document): Role | undefined {
  for (const line of document.lines) {
    const name = splitDirective(line.text)?.name ?? "";
    const relay = entriesOfDirective(name, "relay").length > 0 || isClientDirective(name);
    const server = entriesOfDirective(name, "server").length > 0;
    if (relay !== server) return relay ? "relay" : "server";
  }
  return undefined;
}
