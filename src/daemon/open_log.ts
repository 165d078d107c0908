import type { Libc } from "#ffi/libc.ts";
import type { LogConfig } from "#src/config/config.ts";
import { changingLogger, createLogger, type Logger, type Sink } from "#src/log/logger.ts";
import type { Outbox } from "#src/log/outbox.ts";
import { type Format, formatJson, formatLogfmt } from "#src/log/record.ts";
import {
  isJournal,
  lineSink,
  outboxSink,
  stderrOutbox,
  stderrSink,
  wallClock,
} from "#src/log/stderr.ts";
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

/** A logger whose lines are for standard error, but are handed over; they have no time. */
export function openLineLog(config: LogConfig, take: (text: string) => void): Logger {
  return createLogger({
    level: config.level,
    format: formatOf(config),
    sink: lineSink(isJournal(), take),
    time: undefined,
  });
}

export interface OpenLog {
  readonly log: Logger;
  /** Lines that their reader did not take. */
  dropped(): number;
  /** From here on the log is as this configuration asks for. */
  set(config: LogConfig): void;
  /** Gives the last lines a moment to get out. */
  close(): void;
}

/** The log that the configuration asks for; it waits for no reader. @param identifier in syslog */
export function openLog(libc: Libc, config: LogConfig, identifier: string): OpenLog {
  let now = config;
  let output = openOutput(libc, config, identifier);
  /** By outputs that are closed. */
  let droppedBefore = 0;
  const log = changingLogger(loggerOf(now, output));
  const tellDrops = () => {
    if (output.outbox === undefined) return;
    output.outbox.onRoom = (count) => log.warn("Log lines dropped", { count });
  };
  const reopen = (next: LogConfig) => {
    const { outbox } = output;
    output = openOutput(libc, next, identifier);
    outbox?.close();
    droppedBefore += outbox?.dropped ?? 0;
    tellDrops();
  };
  tellDrops();
  return {
    log,
    set: (next) => {
      if (next.target !== now.target || next.facility !== now.facility) reopen(next);
      now = next;
      log.become(loggerOf(now, output));
    },
    dropped: () => droppedBefore + (output.outbox?.dropped ?? 0),
    close: () => output.outbox?.close(),
  };
}

interface Output {
  readonly sink: Sink;
  /** Undefined where the C library sends. */
  readonly outbox: Outbox | undefined;
  readonly time: (() => string) | undefined;
}

function loggerOf(config: LogConfig, { sink, time }: Output): Logger {
  return createLogger({ level: config.level, format: formatOf(config), sink, time });
}

function openOutput(libc: Libc, config: LogConfig, identifier: string): Output {
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
