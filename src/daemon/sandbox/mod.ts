import process from "node:process";
import type { Libc } from "#ffi/libc.ts";
import type { Config, LogConfig, Role } from "#src/config/config.ts";
import { placeOfSecret } from "#src/config/secret_file.ts";
import type { OpenRole } from "#src/datapath/datapath.ts";
import type { Logger } from "#src/log/logger.ts";
import type { SandboxState } from "#src/status/snapshot.ts";
import type { Cleanup } from "../cleanup.ts";
import type { User } from "../host/contract.ts";
import { isKeptApart } from "../upkeep/mod.ts";
import { openLineLog } from "../open_log.ts";
import { controlPath, runtimeFolder } from "../runtime_folder.ts";
import type { Sandbox, SandboxNeeds } from "./contract.ts";
import { takeLeft } from "./linux/left.ts";
import { OpenBsdSandbox } from "./bsd/openbsd.ts";
import { LinuxSandbox } from "./linux/mod.ts";
import { noSandbox } from "./none.ts";

export interface SandboxOptions {
  readonly libc: Libc;
  readonly log: Logger;
  readonly cleanup: Cleanup;
  readonly role: Role;
  readonly config: Config;
  /** Whom this process is about to become. */
  readonly user: User | undefined;
  /** `-c FILE` */
  readonly path: string | undefined;
  /** Of processes that it has started. */
  readonly helpers: readonly number[];
  readonly open: Pick<OpenRole, "keep" | "entrusted" | "fastPath" | "interfaceName" | "nativeName">;
}

/**
 * Makes a daemon's sandbox ready, as long as it has all its rights and sees all files. It is entered when
 * everything is open that takes rights.
 */
export function prepareSandbox(options: SandboxOptions): Sandbox {
  const { libc, log, cleanup, role, config, user } = options;
  const mode = config[role].process.sandbox;
  if (mode === "off") return noSandbox(mode, "`sandbox = off`");
  const { system } = libc.layout;
  if (system === "OpenBSD") return new OpenBsdSandbox(libc, needsOf(options));
  if (system !== "Linux") return noSandbox(mode, `${system} has none that a reload fits in`);
  const folder = runtimeFolder(role);
  const left = takeLeft({ libc, log, folder, user });
  cleanup.add(() => left.close());
  try {
    return new LinuxSandbox(libc, needsOf(options), left);
  } catch (error) {
    // As without /proc: no daemon ends for want of a sandbox.
    return noSandbox(mode, error instanceof Error ? error.message : String(error));
  }
}

/** Tells what holds. */
export function tellSandbox(log: Logger, { mode, layers }: SandboxState): void {
  const holds = layers.filter((it) => it.holds).map(({ name }) => name);
  const missing = layers.filter((it) => !it.holds)
    .map(({ name, note }) => note === undefined ? name : `${name}: ${note}`);
  log.log(mode === "log" ? "warn" : "info", "Sandbox", {
    mode,
    on: holds.length === 0 ? "none" : holds,
    off: missing.length === 0 ? undefined : missing,
  });
}

/** The file of secrets that a reload reads again. */
const SECRETS: Readonly<Record<Role, (config: Config) => string | undefined>> = {
  relay: () => undefined,
  server: ({ server }) => server.secretsFile,
  client: ({ client }) => client.secretFile,
};

function needsOf({ role, config, user, path, open, helpers }: SandboxOptions): SandboxNeeds {
  const { status, log } = config;
  const own = config[role].process;
  const credentials = process.env["CREDENTIALS_DIRECTORY"];
  const secrets = [status.tokenFile, SECRETS[role](config)]
    .filter(isGiven).map((name) => placeOfSecret(name, config.file, credentials).path);
  const inCredentials = credentials === undefined ? [] : [`${credentials}/any`];
  const removes = [own.pidFile, status.socket, controlPath(role, status)];
  return {
    role,
    mode: own.sandbox,
    user,
    chroot: own.chroot,
    rereads: [...[path ?? config.file].filter(isGiven), ...secrets, ...inCredentials],
    folder: runtimeFolder(role),
    removes: removes.filter(isGiven),
    devices: [open.interfaceName, open.nativeName].filter(isGiven),
    hasHelpers: helpers.length > 0 || isKeptApart(open, user),
    remakes: open.keep !== undefined && user === undefined,
    reprograms: open.fastPath !== undefined && open.fastPath.isNone !== true && user === undefined,
    notifies: process.env["NOTIFY_SOCKET"],
    line: refusedLine(log),
  };
}

const isGiven = (it: string | undefined): it is string => it !== undefined;

/** For whoever reads standard error, at a moment when no logger can run. */
function refusedLine(config: LogConfig): (call: string) => string {
  let text = "";
  const log = openLineLog(config, (line) => text = line);
  log.error("System call refused", { call: ANY_CALL });
  // Written out once: there are hundreds of calls, and a name needs no quotes in any format.
  const [before, after] = text.split(ANY_CALL);
  return (call) => `${before}${call}${after}`;
}

const ANY_CALL = "any_call";
