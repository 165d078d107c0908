import { fstatSync, writeSync } from "node:fs";
import { type Level, SEVERITY } from "./record.ts";
import type { Sink } from "./logger.ts";

const STDERR = 2;

/**
 * Lines to standard error, written before the call returns: the last words of a process that exits
 * are the ones that matter.
 */
export function stderrSink(journal: boolean): Sink {
  return (level, line) => writeLine(journal ? `${priority(level)}${line}\n` : `${line}\n`);
}

/** `<6>`: journald reads it as the line's priority. sd-daemon(3) */
function priority(level: Level): string {
  return `<${SEVERITY[level]}>`;
}

function writeLine(text: string): void {
  try {
    writeSync(STDERR, text);
  } catch {
    // A reader that is gone or stuck must not stop packets: the line is lost, as it would be anyhow.
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
