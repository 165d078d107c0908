import type { Libc } from "#ffi/libc.ts";
import type { LogConfig } from "#src/config/config.ts";
import { createLogger, type Logger } from "#src/log/logger.ts";
import { type Format, formatJson, formatLogfmt } from "#src/log/record.ts";
import { isJournal, outboxSink, stderrOutbox, stderrSink, wallClock } from "#src/log/stderr.ts";
import { openSyslog } from "#src/log/syslog.ts";

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

export interface OpenLog {
  readonly log: Logger;
  /** Lines that their reader did not take. */
  dropped(): number;
  /** Gives the last lines a moment to get out. */
  close(): void;
}

/** The log that the configuration asks for; it waits for no reader. @param identifier in syslog */
export function openLog(libc: Libc, config: LogConfig, identifier: string): OpenLog {
  const { sink, outbox, time } = sinkOf(libc, config, identifier);
  const log = createLogger({ level: config.level, format: formatOf(config), sink, time });
  if (outbox !== undefined) outbox.onRoom = (count) => log.warn("Log lines dropped", { count });
  return { log, dropped: () => outbox?.dropped ?? 0, close: () => outbox?.close() };
}

function sinkOf(libc: Libc, config: LogConfig, identifier: string) {
  if (config.target === "syslog") {
    return { ...openSyslog(libc, identifier, config.facility), time: undefined };
  }
  const journal = isJournal();
  const outbox = stderrOutbox(libc);
  return { outbox, sink: outboxSink(outbox, journal), time: journal ? undefined : wallClock };
}

function formatOf({ format }: LogConfig): Format {
  return format === "json" ? formatJson : formatLogfmt;
}
