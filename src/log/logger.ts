import { type Fields, type Format, type Level, LEVELS } from "./record.ts";

/** Takes one finished line, without a line feed. */
export type Sink = (level: Level, line: string) => void;

/** Fields, or a function that makes them, called only when the line is written. */
export type FieldSource = Fields | (() => Fields);

export interface Logger {
  enabled(level: Level): boolean;
  log(level: Level, message: string, fields?: FieldSource): void;
  error(message: string, fields?: FieldSource): void;
  warn(message: string, fields?: FieldSource): void;
  info(message: string, fields?: FieldSource): void;
  debug(message: string, fields?: FieldSource): void;
}

/** A logger that becomes another one, for all who have it. */
export interface ChangingLogger extends Logger {
  become(next: Logger): void;
}

export function changingLogger(first: Logger): ChangingLogger {
  let now = first;
  return {
    become: (next) => void (now = next),
    enabled: (level) => now.enabled(level),
    log: (level, message, fields) => now.log(level, message, fields),
    error: (message, fields) => now.error(message, fields),
    warn: (message, fields) => now.warn(message, fields),
    info: (message, fields) => now.info(message, fields),
    debug: (message, fields) => now.debug(message, fields),
  };
}

/** Lines that somebody may want to hear of whatever the level of the log. */
export type HeardLevel = Exclude<Level, "debug">;

/** A logger whose lines are also heard by `hear`, but those of debug, which cost too much. */
export function overheardLogger(
  inner: Logger,
  hear: (level: HeardLevel, message: string, fields: Fields) => void,
): Logger {
  const log = (level: Level, message: string, source: FieldSource = {}) => {
    if (level === "debug") return inner.debug(message, source);
    const fields = typeof source === "function" ? source() : source;
    hear(level, message, fields);
    inner.log(level, message, fields);
  };
  return loggerOf((level) => level !== "debug" || inner.enabled(level), log);
}

export interface LoggerOptions {
  readonly level: Level;
  readonly format: Format;
  readonly sink: Sink;
  /** RFC 3339 text of this moment; undefined: lines carry no time. */
  readonly time: (() => string) | undefined;
}

/** A logger that builds nothing for a level that is off. */
export function createLogger(options: LoggerOptions): Logger {
  const limit = LEVELS.indexOf(options.level);
  const enabled = (level: Level) => LEVELS.indexOf(level) <= limit;
  const log = (level: Level, message: string, source: FieldSource = {}) => {
    if (!enabled(level)) return;
    const fields = typeof source === "function" ? source() : source;
    options.sink(level, options.format({ time: options.time?.(), level, message, fields }));
  };
  return loggerOf(enabled, log);
}

function loggerOf(enabled: Logger["enabled"], log: Logger["log"]): Logger {
  return {
    enabled,
    log,
    error: (message, fields) => log("error", message, fields),
    warn: (message, fields) => log("warn", message, fields),
    info: (message, fields) => log("info", message, fields),
    debug: (message, fields) => log("debug", message, fields),
  };
}
