import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { LOG_NDELAY, LOG_PID } from "#ffi/posix.ts";
import { DatagramOutput } from "./datagrams.ts";
import type { Sink } from "./logger.ts";
import { Outbox } from "./outbox.ts";
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

/** Where Linux's syslog daemons listen. */
const LINUX_SOCKET = "/dev/log";
const DAEMON = 3;

/** Longer lines are cut: a datagram of the C library's own limit would be refused whole. */
const MAX_LINE = 4096;

export interface Syslog {
  readonly sink: Sink;
  /** What waits for a syslog daemon; undefined where the C library sends. */
  readonly outbox: Outbox | undefined;
}

/**
 * Lines to the syslog daemon.
 *
 * The connection is opened at once, so that it outlives chroot. On Linux it is ours: the C library's
 * waits while the daemon does not read.
 *
 * @param facility a key of {@link FACILITIES}; unknown ones are refused by the configuration
 */
export function openSyslog(
  libc: Libc,
  identifier: string,
  facility: string,
  path = LINUX_SOCKET,
): Syslog {
  const base = (FACILITIES[facility] ?? DAEMON) << 3;
  if (libc.layout.system !== "Linux") {
    return { sink: librarySink(libc, identifier, base), outbox: undefined };
  }
  const outbox = new Outbox(new DatagramOutput(libc, path));
  const encoder = new TextEncoder();
  // Without a time: the daemon stamps the lines. RFC 3164 §4.3.2
  const sink: Sink = (level, line) => {
    const head = `<${base | SEVERITY[level]}>${identifier}[${process.pid}]: `;
    outbox.send(encoder.encode(head + line).subarray(0, MAX_LINE));
  };
  return { sink, outbox };
}

/** By syslog(3). libc keeps the pointer to the identifier: its arena is never closed. */
function librarySink(libc: Libc, identifier: string, facility: number): Sink {
  const arena = Arena.plain(libc, 2 * MAX_LINE);
  // The line is an argument and never the format: a "%n" in it stays two characters.
  const format = arena.address(arena.cString("%s"));
  const name = arena.address(arena.cString(identifier));
  const lineAt = arena.take(MAX_LINE);
  libc.call.openlog(name, LOG_PID | LOG_NDELAY, facility);
  const encoder = new TextEncoder();
  return (level, line) => {
    const { written } = encoder.encodeInto(line, arena.u8.subarray(lineAt, lineAt + MAX_LINE - 1));
    arena.u8[lineAt + written] = 0;
    libc.call.syslog(SEVERITY[level], format, arena.address(lineAt));
  };
}
