import { type Role, ROLES } from "./config.ts";
import { SCHEMA } from "./schema/mod.ts";
import type { Setting } from "./setting.ts";

export type Section = keyof typeof SCHEMA;
export const SECTIONS = Object.keys(SCHEMA) as readonly Section[];

/** A setting and where it stands. */
export interface Entry extends Setting {
  readonly section: Section;
  /** Field of the section's part of `Config`, or of its `process`. */
  readonly field: string;
  /** Key in the native syntax: the field in snake_case. */
  readonly key: string;
  /** `section.key`: how overrides, changes and origins name it. */
  readonly id: string;
  /** Command-line flag, e.g. `--bind-port`, `--log-level`. */
  readonly flag: string;
}

/** Every setting, in the order of the documents. */
export const ENTRIES: readonly Entry[] = SECTIONS.flatMap((section) =>
  Object.entries<Setting>(SCHEMA[section]).map(([field, setting]) =>
    toEntry(section, field, setting)
  )
);

function toEntry(section: Section, field: string, setting: Setting): Entry {
  const key = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const isRole = ROLES.some((role) => role === section);
  const flag = `--${isRole ? key : `${section}_${key}`}`.replaceAll("_", "-");
  return Object.freeze({ ...setting, section, field, key, id: `${section}.${key}`, flag });
}

/** By `section.key`. A Map, so that `__proto__` and `constructor` are unknown like any other. */
export const BY_ID: ReadonlyMap<string, Entry> = new Map(ENTRIES.map((e) => [e.id, e]));

export function entryOf(id: string): Entry {
  const entry = BY_ID.get(id);
  if (entry === undefined) throw new TypeError(`No setting ${id}`);
  return entry;
}

/** Sections that a daemon of this role reads. */
export function sectionsOf(role: Role): readonly Section[] {
  return [role, "status", "log"];
}

/** Settings that have a flag on a daemon's command line: those it reads. */
export function flagsOf(role: Role): readonly Entry[] {
  const sections = sectionsOf(role);
  return ENTRIES.filter((entry) => sections.includes(entry.section));
}
