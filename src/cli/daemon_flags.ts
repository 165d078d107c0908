import { type Role, ROLES } from "#src/config/config.ts";
import { type Entry, flagsOf } from "#src/config/settings.ts";
import { proposeFiles } from "./completion.ts";
import { parseFile } from "./shared_flags.ts";

/** Text of each flag given, by its name without dashes. */
export type FlagTexts = Readonly<Record<string, string | undefined>>;

/** Other spellings that Miredo's daemons accept. */
const SYNONYMS: Readonly<Record<string, string>> = {
  "--conf": "--config",
  "--pidfile": "--pid-file",
  "--username": "--user",
  "--chrootdir": "--chroot",
};
const WITH_SYNONYMS: readonly string[] = [...ROLES, "check"];

/** Single letters of Miredo's daemons. */
export const ALIASES = { c: "config", p: "pid-file", u: "user", t: "chroot" } as const;

/** A parameter for `-c`, and one for every setting that a daemon of this role reads. */
export function daemonFlags(role: Role) {
  const settings = flagsOf(role).map((entry) => [nameOf(entry), settingFlag(entry)] as const);
  return { config: CONFIG_FLAG, ...Object.fromEntries(settings) };
}

const CONFIG_FLAG = {
  kind: "parsed",
  parse: parseFile,
  optional: true,
  placeholder: "FILE",
  proposeCompletions: proposeFiles,
  brief: "Configuration file; without it the usual places are searched",
} as const;

function settingFlag(entry: Entry) {
  return {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: entry.kind.placeholder,
    proposeCompletions: proposalsOf(entry.kind),
    brief: `${briefOf(entry)} [${factsOf(entry)}]`,
    // `--refuse-reserved` alone means yes.
    ...(isBoolean(entry) ? { inferEmpty: true } : {}),
  } as const;
}

function isBoolean(entry: Entry): boolean {
  return entry.kind.name === "boolean";
}

function nameOf(entry: Entry): string {
  return entry.flag.replace(/^--/, "");
}

/** The first sentence of the documentation, on one line. */
function briefOf({ doc, id }: Entry): string {
  const text = doc.replaceAll(/\s+/g, " ").replaceAll("`", "");
  const sentence = /^(.+?)[.;:](?: |$)/.exec(text)?.[1] ?? text;
  return `${sentence} (${id})`;
}

/** Kinds of which the words are all there is. */
const CLOSED: readonly string[] = ["choice", "boolean", "syslog facility"];

/** Which values there are, and which is the default. */
function factsOf({ kind, default: value, defaultText }: Entry): string {
  const { words = [], range, unit } = kind;
  const values = CLOSED.includes(kind.name) ? words.join("|") : range;
  const usual = defaultText ?? (value === undefined ? "nothing" : kind.format(value));
  return [values, unit, `default ${usual}`].filter((it) => it !== undefined).join(", ")
    .replaceAll("`", "");
}

function proposalsOf({ words = [], placeholder }: Entry["kind"]): (partial: string) => string[] {
  if (placeholder === "PATH") return proposeFiles;
  return () => [...words];
}

/** What the flags say over the file, by `section.key`. */
export function overridesOf(role: Role, flags: FlagTexts): Record<string, string> {
  const overrides: Record<string, string> = {};
  for (const entry of flagsOf(role)) {
    const text = flags[nameOf(entry)];
    if (text !== undefined) overrides[entry.id] = text === "" && isBoolean(entry) ? "yes" : text;
  }
  return overrides;
}

/** The command line with Miredo's other spellings turned into ours. */
export function withoutSynonyms(argv: readonly string[]): string[] {
  if (!WITH_SYNONYMS.includes(argv[0] ?? "")) return [...argv];
  return argv.map((word) => {
    const [name = "", ...value] = word.split("=");
    const ours = SYNONYMS[name];
    return ours === undefined ? word : [ours, ...value].join("=");
  });
}
