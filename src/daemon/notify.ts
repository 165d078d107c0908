import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { sockaddrHead } from "#ffi/layout.ts";
import { AF_UNIX, SOCK_DGRAM } from "#ffi/posix.ts";
import type { Millis } from "#src/protocol/time.ts";

// struct sockaddr_un, <sys/un.h>
const SUN_PATH_AT = 2;
const SUN_PATH_LENGTH = 108;
const BSD_SUN_PATH_LENGTH = 104;

type Environment = Readonly<Record<string, string | undefined>>;

/** Tells the service manager how we fare. sd_notify(3) */
export interface Notifier {
  /** @param state lines such as `READY=1` */
  send(state: string): void;
  /** How often `WATCHDOG=1` is wanted, with room to spare; undefined: not at all. */
  readonly watchdog: Millis | undefined;
  close(): void;
}

const SILENT: Notifier = { send: () => {}, watchdog: undefined, close: () => {} };

/** By `NOTIFY_SOCKET`; without it, a notifier that does nothing. It is opened before any chroot. */
export function openNotifier(libc: Libc, env: Environment, pid: number): Notifier {
  const path = env["NOTIFY_SOCKET"];
  if (path === undefined || !/^[/@]./.test(path)) return SILENT;
  const name = new TextEncoder().encode(path);
  const { layout } = libc;
  const room = layout.hasSockaddrLength ? BSD_SUN_PATH_LENGTH : SUN_PATH_LENGTH;
  if (name.length >= room) return SILENT;
  const fd = libc.call.socket(AF_UNIX, SOCK_DGRAM | layout.SOCK_CLOEXEC, 0);
  if (fd < 0) return SILENT;
  const arena = new Arena(libc, 4096);
  const at = arena.take(SUN_PATH_AT + room);
  const length = SUN_PATH_AT + name.length;
  arena.u16[at >> 1] = sockaddrHead(layout, AF_UNIX, length);
  arena.u8.set(name, at + SUN_PATH_AT);
  // "@" stands for the NUL of an abstract name. unix(7)
  if (path.startsWith("@")) arena.u8[at + SUN_PATH_AT] = 0;
  const close = () => {
    libc.call.close(fd);
    arena.close();
  };
  if (libc.call.connect(fd, arena.address(at), length) !== 0) {
    close();
    return SILENT;
  }
  const messageAt = arena.take(512);
  const send = (state: string) => {
    const { written } = new TextEncoder().encodeInto(
      state,
      arena.u8.subarray(messageAt, messageAt + 512),
    );
    libc.call.sendto(fd, arena.address(messageAt), written, layout.MSG_NOSIGNAL, 0, 0);
  };
  return { send, watchdog: watchdogInterval(env, pid), close };
}

/** Half of what the manager allows, as sd_watchdog_enabled(3) advises. */
export function watchdogInterval(env: Environment, pid: number): Millis | undefined {
  const microseconds = Number(env["WATCHDOG_USEC"]);
  if (!Number.isInteger(microseconds) || microseconds <= 0) return undefined;
  const owner = env["WATCHDOG_PID"];
  if (owner !== undefined && owner !== String(pid)) return undefined;
  return microseconds / 2000;
}
