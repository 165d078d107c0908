import { chownSync, lstatSync, mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { Role, StatusConfig } from "#src/config/config.ts";
import { StartError } from "#src/errors.ts";
import { placeOf } from "./folder.ts";
import type { User } from "./host/contract.ts";

/** Everybody may look for what is in it, which has modes of its own. */
const FOLDER_MODE = 0o755;
const FOLDER_UMASK = 0o022;

type Environment = Readonly<Record<string, string | undefined>>;

/** Where a daemon keeps what is for the time it runs. */
export interface RuntimeFolder {
  readonly path: string;
  /** The service manager makes it, and takes it away. systemd.exec(5), RuntimeDirectory= */
  readonly isGiven: boolean;
}

/** hier(7): Linux has moved /var/run, the BSDs have not. */
function runtimeRoot(platform: string): string {
  return platform === "linux" ? "/run" : "/var/run";
}

export function runtimeFolder(
  role: Role,
  env: Environment = process.env,
  platform: string = process.platform,
): RuntimeFolder {
  // Several are parted by colons.
  const given = env["RUNTIME_DIRECTORY"]?.split(":")[0];
  if (given?.startsWith("/")) return { path: given, isGiven: true };
  return { path: join(runtimeRoot(platform), `teredo-${role}`), isGiven: false };
}

/** Where the control socket of a daemon of this configuration is; undefined: it is to have none. */
export function controlPath(
  role: Role,
  { control }: Pick<StatusConfig, "control">,
  env: Environment = process.env,
): string | undefined {
  if (control === "no") return undefined;
  return control ?? join(runtimeFolder(role, env).path, "control");
}

/**
 * Makes the folder if it is not there, for `user` if there is one, who may then remove what is in it.
 *
 * @throws StartError when it cannot be made, or not without being led elsewhere
 */
export function makeRuntimeFolder(
  { path, isGiven }: RuntimeFolder,
  user: User | undefined,
): void {
  if (isGiven) return;
  const place = placeOf(path);
  if (lstatSync(place.path, { throwIfNoEntry: false }) !== undefined) return;
  if (place.stranger !== undefined) {
    throw new StartError(`${place.folder} ${place.stranger}`, `mkdir ${path}`);
  }
  const umask = process.umask(FOLDER_UMASK);
  try {
    mkdirSync(place.path, FOLDER_MODE);
    if (user !== undefined) chownSync(place.path, user.uid, user.gid);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`the folder ${path} cannot be made: ${reason}`, `mkdir ${path}`);
  } finally {
    process.umask(umask);
  }
}

/** Takes the folder away if nothing is left in it, and if it may be. */
export function removeRuntimeFolder({ path, isGiven }: RuntimeFolder): void {
  if (isGiven) return;
  try {
    rmdirSync(path);
  } catch {
    // Something is kept in it, or it is in a folder that is not ours any more.
  }
}
