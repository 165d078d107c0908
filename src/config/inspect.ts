import { ConfigError } from "#src/errors.ts";
import { type Role, ROLES } from "./config.ts";
import { convertDocument, type Converted } from "./convert.ts";
import {
  isMissing,
  readDeciding,
  type ReadFile,
  readRegularFile,
  searchPlaces,
  whyUnreadable,
} from "./files.ts";
import type { Syntax } from "./kinds/mod.ts";
import { loadDocument, type LoadedConfig } from "./load.ts";
import { roleOfMiredo } from "./purpose.ts";
import { type Problem, Problems } from "./problems.ts";
import { showJson, showText } from "./show.ts";
import { type Document, readDocument } from "./syntax/mod.ts";

/** For `teredo config …`: work on one file, whose role its content tells. */
export interface InspectOptions {
  /** Instead of what the content tells. */
  readonly role?: Role | undefined;
  /** Text a flag gives to a setting, by `section.key`. */
  readonly overrides?: Readonly<Record<string, string>> | undefined;
  readonly readFile?: ReadFile | undefined;
}

export interface Checked {
  readonly file: string;
  readonly syntax: Syntax;
  /** Daemons that the file is for. */
  readonly roles: readonly Role[];
  /** None: the daemons would start with it. */
  readonly errors: readonly string[];
  readonly notices: readonly string[];
  /** Both, in the order of the file. */
  readonly problems: readonly Problem[];
}

/** Files that daemons of these roles read when they are given none. */
export function defaultFiles(
  roles: readonly Role[],
  readFile: ReadFile = readRegularFile,
): readonly string[] {
  const found = roles.flatMap((role) =>
    searchPlaces(role).find((place) => isThere(place, readFile)) ?? []
  );
  return [...new Set(found)];
}

/** Also what may not be read: a daemon does not pass it over. */
function isThere(place: string, readFile: ReadFile): boolean {
  try {
    readFile(place);
    return true;
  } catch (error) {
    return !isMissing(error);
  }
}

/** Validates a file, also one that cannot be read. Never throws for what is in it. */
export function checkFile(file: string, options: InspectOptions = {}): Checked {
  const problems = new Problems();
  const document = open(file, options, problems);
  const roles = rolesOf(document, options);
  if (problems.errors.length === 0 || document.lines.length > 0) {
    problems.merge(roles.map((role) => problemsOf(document, role, options)));
  }
  const { all, errors, notices } = problems;
  return { file, syntax: document.syntax, roles, errors, notices, problems: all };
}

function problemsOf(document: Document, role: Role, options: InspectOptions): Problems {
  const problems = new Problems();
  try {
    load(document, role, options, problems);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
  return problems;
}

export interface Shown {
  /** Native syntax, with origins as comments. */
  readonly text: string;
  /** The same as data. */
  readonly json: Record<string, unknown>;
  readonly notices: readonly string[];
}

/**
 * The effective configuration that a file gives.
 *
 * @throws ConfigError when it would not load
 */
export function showFile(file: string, options: InspectOptions = {}): Shown {
  const problems = new Problems();
  const document = openOrThrow(file, options, problems);
  const roles = rolesOf(document, options);
  problems.throwIfAny();
  const found = roles.map(() => new Problems());
  const loaded = roles.map((role, i) => load(document, role, options, found[i]!));
  problems.merge(found);
  return {
    text: showText(loaded[0]!, roles),
    json: showJson(loaded[0]!, roles),
    notices: problems.notices,
  };
}

/**
 * A Miredo file in the native syntax.
 *
 * @throws ConfigError when it is native already, or would not load
 */
export function convertFile(file: string, options: InspectOptions = {}): Converted {
  const problems = new Problems();
  const document = openOrThrow(file, options, problems);
  const [role = "relay"] = rolesOf(document, options);
  return convertDocument(document, role, options.readFile ?? readRegularFile, problems);
}

/**
 * Native: `[relay]`, `[server]` and `[client]` tell. Miredo's: the directives, or else the file's name. A file
 * that tells neither is a relay's, which needs no setting.
 */
export function rolesOf(document: Document, { role }: InspectOptions = {}): readonly Role[] {
  if (role !== undefined) return [role];
  if (document.syntax === "miredo") {
    return [roleOfMiredo(document) ?? (/server/i.test(document.file) ? "server" : "relay")];
  }
  const roles = ROLES.filter((name) =>
    document.lines.some((line) => new RegExp(`^\\s*\\[\\s*${name}\\s*\\]`).test(line.text))
  );
  return roles.length === 0 ? ["relay"] : roles;
}

/** {@link rolesOf} of a file. @throws ConfigError when it cannot be read */
export function rolesOfFile(file: string): readonly Role[] {
  const problems = new Problems();
  return rolesOf(openOrThrow(file, {}, problems));
}

function open(file: string, { readFile = readRegularFile }: InspectOptions, problems: Problems) {
  try {
    return readDocument(readDeciding(readFile, file, problems).bytes, file, problems);
  } catch (error) {
    problems.error(file, whyUnreadable(error));
    return { file, syntax: "native", lines: [] } satisfies Document;
  }
}

function openOrThrow(file: string, options: InspectOptions, problems: Problems): Document {
  const document = open(file, options, problems);
  if (document.lines.length === 0) problems.throwIfAny();
  return document;
}

function load(
  document: Document,
  role: Role,
  options: InspectOptions,
  problems: Problems,
): LoadedConfig {
  const { overrides = {}, readFile = readRegularFile } = options;
  return loadDocument(role, document, overrides, readFile, problems);
}
