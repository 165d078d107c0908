import type { Libc } from "#ffi/libc.ts";
import type { LogConfig } from "#src/config/config.ts";
import { createLogger, type Logger } from "#src/log/logger.ts";
import { formatJson, formatLogfmt } from "#src/log/record.ts";
import { isJournal, stderrSink, wallClock } from "#src/log/stderr.ts";
import { syslogSink } from "#src/log/syslog.ts";

/** The logger that the configuration asks for. @param identifier the program's name in syslog */
export function openLog(libc: Libc, config: LogConfig, identifier: string): Logger {
  const format = config.format === "json" ? formatJson : formatLogfmt;
  if (config.target === "syslog") {
    const sink = syslogSink(libc, identifier, config.facility);
    return createLogger({ level: config.level, format, sink, time: undefined });
  }
  const journal = isJournal();
  const time = journal ? undefined : wallClock;
  return createLogger({ level: config.level, format, sink: stderrSink(journal), time });
}
