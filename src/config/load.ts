import { assemble, resolve, type Values } from "./assemble.ts";
import { checkConfig } from "./checks/mod.ts";
import type { Names } from "./checks/common.ts";
import {
  type Config,
  type LogConfig,
  type Role,
  ROLES,
  type SecretConfig,
  type StatusConfig,
} from "./config.ts";
import {
  isMissing,
  readDeciding,
  type ReadFile,
  readRegularFile,
  searchPlaces,
  whyUnreadable,
} from "./files.ts";
import { readIni, sectionOf } from "./syntax/ini.ts";
import { checkDirectives } from "./purpose.ts";
import { readMiredo } from "./syntax/miredo.ts";
import { Problems } from "./problems.ts";
import { readSecretFile } from "./secret_file.ts";
import { chooseSecret, readSecrets } from "./secrets.ts";
import { entryOf } from "./settings.ts";
import { type Document, type Given, isBlankOrComment, readDocument } from "./syntax/mod.ts";
import { readToken } from "./token.ts";

const LINE_FEED = 0x0a;

export interface LoadOptions {
  /** `-c FILE`; without it the usual places are searched. */
  readonly path?: string | undefined;
  /** Text a flag gives to a setting, by `section.key`; it wins over the file. */
  readonly overrides?: Readonly<Record<string, string>> | undefined;
  /** Default: the file system. */
  readonly readFile?: ReadFile | undefined;
  /** Refuse a file whose last line has no end: whoever writes it may not be done. */
  readonly whole?: boolean | undefined;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly role: Role;
  /** For the log, one line each: what works but is not what its writer may think. */
  readonly notices: readonly string[];
  /** Every setting's value and where it came from. */
  readonly values: Values;
}

/**
 * The configuration of a daemon: file, flags and defaults, checked as a whole and frozen.
 *
 * @throws ConfigError naming every problem
 */
export function loadConfig(role: Role, options: LoadOptions = {}): LoadedConfig {
  const readFile = options.readFile ?? readRegularFile;
  const problems = new Problems();
  const { path, overrides = {} } = options;
  const document = findDocument(role, path, readFile, problems, options.whole);
  problems.throwIfAny();
  // Who names a client's servers has said all that it takes.
  if (document === undefined && overrides["client.servers"] === undefined) {
    problems.notice("no configuration file", `looked at ${searchPlaces(role).join(", ")}`);
  }
  return loadDocument(role, document, overrides, readFile, problems);
}

/**
 * The `[log]` settings as far as they can be read: how to tell what is wrong with a configuration.
 * Never throws for what is in it.
 */
export function loadLogConfig(role: Role, options: LoadOptions = {}): LogConfig {
  const problems = new Problems();
  const readFile = options.readFile ?? readRegularFile;
  const document = findDocument(role, options.path, readFile, problems);
  const given = document === undefined ? [] : readSettings(role, document, problems);
  const values = resolve([...given, ...fromFlags(options.overrides ?? {})], problems);
  return assemble(values, { file: document?.file, role, secrets: [], token: undefined }).log;
}

/**
 * Where a daemon's status pages are. What else is wrong with the file, or in files that it names, is
 * no concern of who asks a daemon that runs.
 *
 * @param search whether to look at the usual places, without a path
 * @throws ConfigError when the file cannot be read, or `[status]` is wrong
 */
export function loadStatus(role: Role, path: string | undefined, search = true): StatusConfig {
  const problems = new Problems();
  const isSearching = path !== undefined || search;
  const document = isSearching ? findDocument(role, path, readRegularFile, problems) : undefined;
  problems.throwIfAny();
  const given = document === undefined ? [] : readSettings(role, document, new Problems());
  const values = resolve(given.filter(({ entry }) => entry.section === "status"), problems);
  problems.throwIfAny();
  return assemble(values, { file: document?.file, role, secrets: [], token: undefined }).status;
}

/** {@link loadConfig} of a file that is read already; undefined: none. */
export function loadDocument(
  role: Role,
  document: Document | undefined,
  overrides: Readonly<Record<string, string>>,
  readFile: ReadFile,
  problems: Problems,
): LoadedConfig {
  const given = document === undefined ? [] : readSettings(role, document, problems);
  const flags = fromFlags(overrides);
  const values = resolve([...given, ...flags], problems);
  if (document !== undefined) checkPurpose(role, document, values, problems);
  // What is missing or does not fit together is only known once all that is given can be read.
  problems.throwIfAny();
  const file = document?.file;
  const names = namesOf(values, document);
  const parts = { values, where: names.where, configuration: file, readFile, problems };
  const secrets = role === "server" ? loadSecrets("server.secrets_file", parts) ?? [] : [];
  const secret = role === "client" ? loadSecret(parts) : undefined;
  const token = loadToken(parts);
  const config = assemble(values, { file, role, secrets, secret, token });
  checkConfig(config, role, names, problems);
  problems.throwIfAny();
  return { config, role, notices: problems.notices, values };
}

function readSettings(role: Role, document: Document, problems: Problems): readonly Given[] {
  return document.syntax === "native"
    ? readIni(document, problems)
    : readMiredo(document, role, problems);
}

function findDocument(
  role: Role,
  path: string | undefined,
  readFile: ReadFile,
  problems: Problems,
  whole = false,
): Document | undefined {
  for (const place of path === undefined ? searchPlaces(role) : [path]) {
    try {
      const content = readDeciding(readFile, place, problems);
      const document = readDocument(content.bytes, place, problems);
      const end = content.bytes.at(-1);
      if (whole && end !== undefined && end !== LINE_FEED) tellTorn(document, problems);
      return document;
    } catch (error) {
      if (path === undefined && isMissing(error)) continue;
      problems.error(place, whyUnreadable(error));
      return undefined;
    }
  }
  return undefined;
}

function tellTorn({ file, lines }: Document, problems: Problems): void {
  problems.error(
    `${file}:${lines.at(-1)?.number ?? 1}`,
    "the last line has no end, as if the file were half written; end it with a line feed",
  );
}

function fromFlags(overrides: Readonly<Record<string, string>>): Given[] {
  return Object.entries(overrides).map(([id, text]) => {
    const entry = entryOf(id);
    return { entry, text, name: entry.flag, origin: entry.flag, syntax: "native" };
  });
}

/** Refuses a file that was written for another daemon, whose settings this one would pass over. */
function checkPurpose(role: Role, document: Document, values: Values, problems: Problems): void {
  if (document.syntax === "native") checkSections(role, document, problems);
  else checkDirectives(role, document, values, problems);
}

/** The least that a daemon needs. */
const LEAST: Readonly<Record<Role, string>> = {
  relay: "write `[relay]`, which alone gives the defaults",
  server: "write `[server]`, and below it `bind_address = A.B.C.D`",
  client: "write `[client]`, and below it `servers = HOST`",
};

function checkSections(role: Role, { file, lines }: Document, problems: Problems): void {
  const sections = lines.map(({ text }) => sectionOf(text));
  const others = ROLES.filter((other) => other !== role && sections.includes(other));
  if (lines.every(({ text }) => isBlankOrComment(text))) {
    problems.error(file, `no section and no setting in it; ${LEAST[role]}`);
  } else if (others.length > 0 && !sections.includes(role)) {
    const commands = others.map((other) => `\`teredo ${other}\``).join(" or ");
    problems.error(
      file,
      `for the ${
        others.join(" and the ")
      } only; run ${commands}, or write \`[${role}]\` with what ` +
        `the ${role} needs`,
    );
  }
}

interface Parts {
  readonly values: Values;
  readonly where: Names["where"];
  /** The configuration file, beside which others may be. */
  readonly configuration: string | undefined;
  readonly readFile: ReadFile;
  readonly problems: Problems;
}

const SECRETS = {
  "server.secrets_file": "secrets_file",
  "client.secret_file": "secret_file",
} as const;

/** @returns undefined when there is none */
function loadSecrets(
  key: "server.secrets_file" | "client.secret_file",
  { values, where, configuration, readFile, problems }: Parts,
): readonly SecretConfig[] | undefined {
  const name = values.get(key)!.value as string | undefined;
  if (name === undefined) return undefined;
  const file = readSecretFile(SECRETS[key], name, where(key), configuration, readFile, problems);
  return file === undefined ? undefined : readSecrets(file.bytes, file.path, problems);
}

function loadSecret(parts: Parts): SecretConfig | undefined {
  const { values, problems } = parts;
  const errors = problems.errors.length;
  const secrets = loadSecrets("client.secret_file", parts);
  if (secrets === undefined || problems.errors.length > errors) return undefined;
  const file = values.get("client.secret_file")!.value as string;
  return chooseSecret(secrets, values.get("client.client_id")!.value as string, file, problems);
}

function loadToken(
  { values, where, configuration, readFile, problems }: Parts,
): string | undefined {
  const name = values.get("status.token_file")!.value as string | undefined;
  if (name === undefined || values.get("status.enabled")!.value === false) return undefined;
  const place = where("status.token_file");
  const file = readSecretFile("token_file", name, place, configuration, readFile, problems);
  return file === undefined ? undefined : readToken(file.bytes, file.path, problems);
}

/** How problems found after reading call a setting: by its line, its flag, or the file it lacks in. */
function namesOf(values: Values, document: Document | undefined): Names {
  const isMiredo = document?.syntax === "miredo";
  const isGiven = (id: string) => values.get(id)!.origin !== undefined;
  const isFlag = (id: string) => values.get(id)!.origin === entryOf(id).flag;
  const name = (id: string) => {
    const { key, miredo, flag } = entryOf(id);
    if (isFlag(id)) return flag;
    if (!isMiredo) return key;
    return miredo ?? `\`${key}\` of the native syntax (\`teredo config convert\`)`;
  };
  const where = (id: string) => {
    if (isFlag(id)) return entryOf(id).flag;
    if (isGiven(id)) return `${values.get(id)!.origin}: ${name(id)}`;
    return `${document?.file ?? "configuration"}: ${isMiredo ? name(id) : id}`;
  };
  return { isGiven, name, where };
}
