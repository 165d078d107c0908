import type { Resolved, Values } from "./assemble.ts";
import type { Role } from "./config.ts";
import type { LoadedConfig } from "./load.ts";
import { printable } from "./printable.ts";
import { ENTRIES, type Entry, type Section, SECTIONS, sectionsOf } from "./settings.ts";
import { writeValue } from "./syntax/ini.ts";

/**
 * The effective configuration in the native syntax, each value with a comment that tells where it
 * came from; loading it gives the same configuration. Settings that are not set are comments.
 *
 * @param roles whose sections to show; default: the one it was loaded for
 */
export function showText(loaded: LoadedConfig, roles: readonly Role[] = [loaded.role]): string {
  const blocks = shownSections(roles).map((section) => {
    const lines = ENTRIES.filter((entry) => entry.section === section).map((entry) =>
      lineOf(entry, loaded.values.get(entry.id)!)
    );
    const width = Math.max(...lines.map(({ assignment }) => assignment.length));
    const text = lines.map(({ assignment, origin }) =>
      `${assignment.padEnd(width)}  # ${origin}\n`
    );
    return `[${section}]\n${text.join("")}`;
  });
  return blocks.join("\n");
}

/** The same as data: by section and key, value as in the native syntax (null: not set), origin. */
export function showJson(
  loaded: LoadedConfig,
  roles: readonly Role[] = [loaded.role],
): Record<string, unknown> {
  const sections = shownSections(roles).map((section) => {
    const entries = ENTRIES.filter((entry) => entry.section === section).map((entry) => {
      const { value, origin } = loaded.values.get(entry.id)!;
      const text = value === undefined ? null : entry.kind.format(value);
      return [entry.key, { value: text, origin: origin ?? "default" }];
    });
    return [section, Object.fromEntries(entries)];
  });
  return { file: loaded.config.file ?? null, sections: Object.fromEntries(sections) };
}

/** What the file or a flag sets, as `section.key`, value and where it came from. */
export function changedSettings(values: Values): { id: string; text: string; origin: string }[] {
  return ENTRIES.flatMap((entry) => {
    const { value, origin } = values.get(entry.id)!;
    if (origin === undefined || value === undefined) return [];
    return [{ id: entry.id, text: entry.kind.format(value), origin }];
  });
}

function shownSections(roles: readonly Role[]): readonly Section[] {
  return SECTIONS.filter((section) => roles.some((role) => sectionsOf(role).includes(section)));
}

function lineOf(entry: Entry, { value, origin }: Resolved): { assignment: string; origin: string } {
  if (value === undefined) {
    const meaning = entry.defaultText === undefined ? "" : `: ${plain(entry.defaultText)}`;
    return { assignment: `#${entry.key} =`, origin: `not set${meaning}` };
  }
  return {
    assignment: `${entry.key} = ${writeValue(entry.kind.format(value))}`,
    origin: printable(origin ?? "default"),
  };
}

/** Documentation text without its backticks. */
function plain(text: string): string {
  return text.replaceAll("`", "");
}
