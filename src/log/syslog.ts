import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { LOG_NDELAY, LOG_PID } from "#ffi/posix.ts";
import type { Sink } from "./logger.ts";
import { SEVERITY } from "./record.ts";

/** Facility codes of RFC 5424 §6.2.1 by the names of syslog.conf(5). */
export const FACILITIES: Readonly<Record<string, number>> = {
  kern: 0,
  user: 1,
  mail: 2,
  daemon: 3,
  auth: 4,
  syslog: 5,
  lpr: 6,
  news: 7,
  uucp: 8,
  cron: 9,
  authpriv: 10,
  ftp: 11,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
};

/** Longer lines are cut: a datagram of the C library's own limit would be refused whole. */
const MAX_LINE = 4096;

/**
 * Lines to syslog(3).
 *
 * The connection is opened at once, so that it outlives chroot. libc keeps the pointer to the
 * identifier: its arena is never closed.
 *
 * @param facility a key of {@link FACILITIES}; unknown ones are refused by the configuration
 */
export function syslogSink(libc: Libc, identifier: string, facility: string): Sink {
  const arena = new Arena(libc, 2 * MAX_LINE);
  // The line is an argument and never the format: a "%n" in it stays two characters.
  const format = arena.address(arena.cString("%s"));
  const name = arena.address(arena.cString(identifier));
  const lineAt = arena.take(MAX_LINE);
  libc.call.openlog(name, LOG_PID | LOG_NDELAY, (FACILITIES[facility] ?? 3) << 3);
  const encoder = new TextEncoder();
  return (level, line) => {
    const { written } = encoder.encodeInto(line, arena.u8.subarray(lineAt, lineAt + MAX_LINE - 1));
    arena.u8[lineAt + written] = 0;
    libc.call.syslog(SEVERITY[level], format, arena.address(lineAt));
  };
}
