/** What may be said of an event beside its message: the closed list that docs/logging.md explains. */
export const FIELD_NAMES = [
  "role",
  "version",
  "pid",
  "file",
  "line",
  "key",
  "value",
  "origin",
  "problem",
  "call",
  "check",
  "detail",
  "mend",
  "step",
  "missing",
  "listening",
  "interface",
  "prefix",
  "mtu",
  "workers",
  "mode",
  "on",
  "off",
  "offload",
  "what",
  "programs",
  "served",
  "url",
  "path",
  "user",
  "chroot",
  "signal",
  "reason",
  "count",
  "errno",
  "peer",
  "way",
  "packet",
  "source",
  "destination",
  "bytes",
  "did",
  "to",
  "status",
  "seconds",
  "peers",
  "trusted",
  "held",
  "from_udp",
  "to_udp",
  "from_ipv6",
  "to_ipv6",
  "dropped",
  "memory",
  "state",
  "name",
  "address",
  "server",
  "output",
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
  const values = Object.entries(fields).map(([name, value]) => [name, cutValue(value)]);
  const line = { time, level, msg: message, ...Object.fromEntries(values) };
  return escapeHidden(JSON.stringify(line));
}

/** Of a value's text, and of a list's length: a line stays one that a person or syslog takes whole. */
const MAX_CHARACTERS = 1_000;
const MAX_ITEMS = 256;

function cutValue(value: FieldValue): FieldValue {
  if (typeof value === "string") return cut(value);
  return typeof value === "object" ? value.slice(0, MAX_ITEMS).map(cut) : value;
}

function cut(text: string): string {
  return text.length <= MAX_CHARACTERS ? text : `${text.slice(0, MAX_CHARACTERS)}\u2026`;
}

function logfmtValue(value: Exclude<FieldValue, undefined>): string {
  const text = cut(typeof value === "object" ? value.join(",") : String(value));
  const bare = /^[^\s"=\\]+$/u.test(text) && !HIDDEN.test(text) && text.isWellFormed();
  return bare ? text : escapeHidden(JSON.stringify(text));
}

/** Controls, what turns the direction of text or has no width, and separators that end a line. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const EACH_HIDDEN = new RegExp(HIDDEN, "gu");

/** JSON leaves most of them as they are, and a terminal would obey them. */
function escapeHidden(json: string): string {
  return json.replace(EACH_HIDDEN, (c) => c.split("").map(escapeUnit).join(""));
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
