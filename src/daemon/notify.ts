import type { Libc } from "#ffi/libc.ts";
import { DatagramOutput } from "#src/log/datagrams.ts";
import { Outbox } from "#src/log/outbox.ts";
import type { Millis } from "#src/protocol/time.ts";

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
  const output = new DatagramOutput(libc, path);
  if (!output.isConnected) {
    output.close();
    return SILENT;
  }
  const outbox = new Outbox(output);
  return {
    send: (state) => outbox.send(new TextEncoder().encode(state)),
    watchdog: watchdogInterval(env, pid),
    close: () => outbox.close(),
  };
}

/** Half of what the manager allows, as sd_watchdog_enabled(3) advises. */
export function watchdogInterval(env: Environment, pid: number): Millis | undefined {
  const microseconds = Number(env["WATCHDOG_USEC"]);
  if (!Number.isInteger(microseconds) || microseconds <= 0) return undefined;
  const owner = env["WATCHDOG_PID"];
  if (owner !== undefined && owner !== String(pid)) return undefined;
  return microseconds / 2000;
}
