import type { Config, Role, SecretConfig } from "./config.ts";
import { ENTRIES, type Entry, type Section, SECTIONS, sectionsOf } from "./settings.ts";

/** A setting whose value differs between two configurations. */
export interface Change {
  /** `section.key` */
  readonly id: string;
  /** As in the native syntax; undefined: not set. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Whether a running daemon can take it. */
  readonly reload: "yes" | "restart";
}

/**
 * What a reload from `a` to `b` would change, for a daemon of `role`; without one, in every section.
 * A file of secrets with the same path and other content is a change as well.
 */
export function diffConfig(a: Config, b: Config, role?: Role): readonly Change[] {
  const sections = role === undefined ? SECTIONS : sectionsOf(role);
  return ENTRIES.filter((entry) => sections.includes(entry.section)).flatMap((entry) => {
    const [from, to] = [textOf(entry, a), textOf(entry, b)];
    if (from !== to) return [{ id: entry.id, from, to, reload: entry.reload }];
    if (hasSameContent(entry.id, a, b)) return [];
    return [{ id: entry.id, from, to: `${to} (new content)`, reload: entry.reload }];
  });
}

/** Of a file of secrets that the setting names. */
function hasSameContent(id: string, a: Config, b: Config): boolean {
  if (id === "server.secrets_file") return equalSecrets(a.server.secrets, b.server.secrets);
  if (id === "client.secret_file") return equalSecrets(secretsOf(a), secretsOf(b));
  // Nobody reads it where the pages are off.
  const isRead = a.status.enabled && b.status.enabled;
  return id !== "status.token_file" || !isRead || a.status.token === b.status.token;
}

function textOf(entry: Entry, config: Config): string | undefined {
  const section: Config[Section] = config[entry.section];
  const process = "process" in section ? section.process : {};
  const fields = new Map<string, unknown>([...Object.entries(section), ...Object.entries(process)]);
  const value = fields.get(entry.field);
  return value === undefined ? undefined : entry.kind.format(value);
}

function secretsOf({ client: { secret } }: Config): readonly SecretConfig[] {
  return secret === undefined ? [] : [secret];
}

function equalSecrets(a: readonly SecretConfig[], b: readonly SecretConfig[]): boolean {
  return a.length === b.length && a.every((x, i) => {
    const y = b[i]!;
    return x.clientId === y.clientId && x.valid === y.valid && x.key.length === y.key.length &&
      x.key.every((byte, at) => byte === y.key[at]);
  });
}
