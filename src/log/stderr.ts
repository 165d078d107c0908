import { fstatSync, writeSync } from "node:fs";
import type { Libc } from "#ffi/libc.ts";
import { DescriptorOutput } from "./descriptor.ts";
import type { Sink } from "./logger.ts";
import { Outbox } from "./outbox.ts";
import { type Level, SEVERITY } from "./record.ts";

const STDERR = 2;

/** Lines to standard error, for which nobody waits. */
export function stderrOutbox(libc: Libc): Outbox {
  return new Outbox(new DescriptorOutput(libc, STDERR));
}

export function outboxSink(outbox: Outbox, journal: boolean): Sink {
  const encoder = new TextEncoder();
  return (level, line) => outbox.send(encoder.encode(lineOf(level, line, journal)));
}

/**
 * Lines to standard error, written before the call returns: for the last words of a process that
 * never served anybody.
 */
export function stderrSink(journal: boolean): Sink {
  return (level, line) => writeLine(lineOf(level, line, journal));
}

/** The same lines, to somebody who has them written at another time. */
export function lineSink(journal: boolean, take: (text: string) => void): Sink {
  return (level, line) => take(lineOf(level, line, journal));
}

/** With `<6>` before it, which journald reads as the line's priority. sd-daemon(3) */
function lineOf(level: Level, line: string, journal: boolean): string {
  return journal ? `<${SEVERITY[level]}>${line}\n` : `${line}\n`;
}

function writeLine(text: string): void {
  try {
    writeSync(STDERR, text);
  } catch {
    // There is nobody else to tell.
  }
}

/**
 * Whether standard error goes to journald: JOURNAL_STREAM names the device and inode of the stream,
 * so that a redirected one is told apart. systemd.exec(5)
 */
export function isJournal(stream = process.env["JOURNAL_STREAM"]): boolean {
  if (stream === undefined || stream === "") return false;
  try {
    const { dev, ino } = fstatSync(STDERR);
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** Journald and syslog stamp each line; anything else wants the time in it. */
export function wallClock(): string {
  return new Date().toISOString();
}
