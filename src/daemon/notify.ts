import type { Libc } from "#ffi/libc.ts";
import { kernelOf } from "#src/datapath/kernels.ts";
import { DatagramOutput } from "#src/log/datagrams.ts";
import { Outbox } from "#src/log/outbox.ts";
import type { Millis } from "#src/protocol/time.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Tells the service manager how we fare. sd_notify(3) */
export interface Notifier {
  /** @param state lines such as `READY=1` */
  send(state: string): void;
  /** Says that another configuration is being taken, until `READY=1`. */
  reloading(): void;
  /** The same with a descriptor, which the manager gets a copy of. @returns whether it was taken */
  sendWith(state: string, descriptor: number): boolean;
  /** How often `WATCHDOG=1` is wanted, with room to spare; undefined: not at all. */
  readonly watchdog: Millis | undefined;
  close(): void;
}

const SILENT: Notifier = {
  send: () => {},
  reloading: () => {},
  sendWith: () => false,
  watchdog: undefined,
  close: () => {},
};

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
  const send = (state: string) => outbox.send(new TextEncoder().encode(state));
  return {
    send,
    reloading: () => send(`RELOADING=1${timestamp(libc)}`),
    sendWith: (state, fd) => output.writeWith(new TextEncoder().encode(state), fd),
    watchdog: watchdogInterval(env, pid),
    close: () => outbox.close(),
  };
}

/** By it `Type=notify-reload` knows which reload is meant. systemd.service(5) */
function timestamp(libc: Libc): string {
  const now = kernelOf(libc).monotonicTime?.(libc);
  return now === undefined ? "" : `\nMONOTONIC_USEC=${Math.floor(1000 * now)}`;
}

/** Half of what the manager allows, as sd_watchdog_enabled(3) advises. */
export function watchdogInterval(env: Environment, pid: number): Millis | undefined {
  const microseconds = Number(env["WATCHDOG_USEC"]);
  if (!Number.isInteger(microseconds) || microseconds <= 0) return undefined;
  const owner = env["WATCHDOG_PID"];
  if (owner !== undefined && owner !== String(pid)) return undefined;
  return microseconds / 2000;
}
