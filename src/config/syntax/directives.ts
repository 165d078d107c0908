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

/** The secondary address of the server that `ServerAddress` names; Miredo reads it and goes by none. */
export const SECONDARY = "ServerAddress2";
/** What Miredo is: no setting of a client's, which has to be meant by it. */
export const TYPE = "RelayType";

/** Directives that only mean something to a Teredo client; the last three were never released. */
const CLIENT_DIRECTIVES: readonly string[] = [
  "ServerAddress",
  SECONDARY,
  "LocalDiscovery",
  "DiscoveryInterfaces",
  "DiscoveryNetmask",
];
/** Which older versions of Miredo had. */
const OLD_DIRECTIVES: readonly string[] = ["IgnoreConeBit", "DefaultRoute"];

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

/** Whether a file of this role may have it: it sets something, or says what the file is for. */
export function isDirectiveOf(name: string, role: Role): boolean {
  return entriesOfDirective(name, role).length > 0 ||
    (role === "client" && (name === SECONDARY || name === TYPE));
}

export function isClientDirective(name: string): boolean {
  return isAmong(CLIENT_DIRECTIVES, name);
}

export function isOldDirective(name: string): boolean {
  return isAmong(OLD_DIRECTIVES, name);
}

function isAmong(names: readonly string[], name: string): boolean {
  return names.some((known) => known.toLowerCase() === name.toLowerCase());
}

/** Miredo's own spelling of a directive, whatever the case it is written in. */
export function spellingOf(name: string): string | undefined {
  const wanted = name.toLowerCase();
  return KNOWN.find((known) => known.toLowerCase() === wanted);
}

/** Every directive that Miredo has, and ours. */
export const KNOWN: readonly string[] = [
  ...new Set([
    ...ENTRIES.flatMap((e) => e.miredo === undefined ? [] : [e.miredo]),
    ...CLIENT_DIRECTIVES,
    ...OLD_DIRECTIVES,
  ]),
];
