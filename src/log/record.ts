/** What may be said of an event beside its message: the closed list that docs/logging.md explains. */
export const FIELD_NAMES = [
  "role",
  "version",
  "pid",
  "file",
  "problem",
  "check",
  "detail",
  "mend",
  "listening",
  "interface",
  "prefix",
  "mtu",
  "workers",
  "on",
  "off",
  "offload",
  "served",
  "url",
  "path",
  "user",
  "chroot",
  "signal",
  "reason",
  "count",
  "peer",
  "status",
  "seconds",
  "error",
  "suppressed",
] as const;

export type FieldName = (typeof FIELD_NAMES)[number];
export type FieldValue = string | number | boolean | readonly string[] | undefined;
export type Fields = Readonly<Partial<Record<FieldName, FieldValue>>>;

/** From the gravest; each level includes those before it. */
export const LEVELS = ["error", "warn", "info", "debug"] as const;
export type Level = (typeof LEVELS)[number];

/** Severities of RFC 5424 §6.2.1, which syslog(3) and journald share. */
export const SEVERITY: Readonly<Record<Level, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

export interface LogRecord {
  /** RFC 3339, UTC; absent where the receiver stamps lines itself. */
  readonly time: string | undefined;
  readonly level: Level;
  /** Constant text; what varies is in the fields, so that lines can be counted by message. */
  readonly message: string;
  readonly fields: Fields;
}

export type Format = (record: LogRecord) => string;

/** `time=... level=info msg="..." name=value`, on one line whatever the values hold. */
export function formatLogfmt(record: LogRecord): string {
  const pairs: string[] = [];
  if (record.time !== undefined) pairs.push(`time=${record.time}`);
  pairs.push(`level=${record.level}`, `msg=${logfmtValue(record.message)}`);
  for (const [name, value] of Object.entries(record.fields)) {
    if (value !== undefined) pairs.push(`${name}=${logfmtValue(value)}`);
  }
  return pairs.join(" ");
}

/** One JSON object a line, same names as {@link formatLogfmt}. */
export function formatJson(record: LogRecord): string {
  const { time, level, message, fields } = record;
  return escapeControls(JSON.stringify({ time, level, msg: message, ...fields }));
}

function logfmtValue(value: Exclude<FieldValue, undefined>): string {
  const text = typeof value === "object" ? value.join(",") : String(value);
  const bare = /^[^\s"=\\\p{Cc}\u2028\u2029]+$/u.test(text);
  return bare ? text : escapeControls(JSON.stringify(text));
}

/** JSON leaves DEL and the C1 controls as they are, and a terminal would obey them. */
function escapeControls(json: string): string {
  return json.replace(
    /[\x7f-\x9f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
