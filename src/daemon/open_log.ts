import type { Libc } from "#ffi/libc.ts";
import type { LogConfig } from "#src/config/config.ts";
import { createLogger, type Logger } from "#src/log/logger.ts";
import { type Format, formatJson, formatLogfmt } from "#src/log/record.ts";
import { isJournal, stderrSink, wallClock } from "#src/log/stderr.ts";
import { syslogSink } from "#src/log/syslog.ts";

/** A logger to standard error. */
export function openStderrLog(config: LogConfig): Logger {
  const journal = isJournal();
  return createLogger({
    level: config.level,
    format: formatOf(config),
    sink: stderrSink(journal),
    time: journal ? undefined : wallClock,
  });
}

/** The logger that the configuration asks for. @param identifier the program's name in syslog */
export function openLog(libc: Libc, config: LogConfig, identifier: string): Logger {
  if (config.target === "stderr") return openStderrLog(config);
  const sink = syslogSink(libc, identifier, config.facility);
  return createLogger({ level: config.level, format: formatOf(config), sink, time: undefined });
}

function formatOf({ format }: LogConfig): Format {
  return format === "json" ? formatJson : formatLogfmt;
}
