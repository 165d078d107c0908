import type { Libc } from "#ffi/libc.ts";
import type { Config, LogConfig, ProcessConfig, Role } from "#src/config/config.ts";
import type { Logger } from "#src/log/logger.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Cleanup } from "./cleanup.ts";
import type { Apart } from "./client/apart/inside.ts";
import type { Host, User } from "./host/contract.ts";
import type { Signals } from "./signals.ts";
import type { DaemonState } from "./state.ts";

export interface DaemonOptions {
  readonly role: Role;
  readonly version: string;
  /** `-c FILE`; without it the usual places are searched. */
  readonly path: string | undefined;
  /** Text of flags, by `section.key`. */
  readonly overrides: Readonly<Record<string, string>>;
  /** The command that runs this very program. */
  readonly program: readonly string[];
  /** Of a client: to end with 1 unless a server has answered by then; undefined: it waits for ever. */
  readonly wait?: Millis | undefined;
  /** Of a client in namespaces of its own: who is outside. */
  readonly apart?: Apart | undefined;
}

/** What every stage of a daemon's life needs. */
export interface Context {
  readonly role: Role;
  readonly config: Config;
  readonly libc: Libc;
  readonly host: Host;
  readonly log: Logger;
  readonly state: DaemonState;
  readonly signals: Signals;
  readonly cleanup: Cleanup;
  readonly program: readonly string[];
  readonly options: DaemonOptions;
  readonly setLog: (config: LogConfig) => void;
}

/** Whom a daemon becomes; undefined: it stays who it is. */
export function userOf(host: Host, { user }: ProcessConfig): User | undefined {
  return user === undefined ? undefined : host.user(user);
}
