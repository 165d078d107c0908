import type { Role } from "../config.ts";
import { ENTRIES, type Entry, sectionsOf } from "../settings.ts";

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

/** Every directive that Miredo has, and ours. */
export const KNOWN: readonly string[] = [
  ...new Set(ENTRIES.flatMap((e) => e.miredo === undefined ? [] : [e.miredo])),
  ...CLIENT_DIRECTIVES,
];
