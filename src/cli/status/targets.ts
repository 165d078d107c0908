import { resolve } from "node:path";
import { type Role, ROLES, type StatusConfig } from "#src/config/config.ts";
import { readRegularFile } from "#src/config/files.ts";
import { rolesOfFile } from "#src/config/inspect.ts";
import { loadStatus } from "#src/config/load.ts";
import { Problems } from "#src/config/problems.ts";
import { readSecretFile } from "#src/config/secret_file.ts";
import { readToken } from "#src/config/token.ts";
import { ConfigError } from "#src/errors.ts";
import { UsageError } from "../exit.ts";
import { NoStatus } from "./no_status.ts";
import { controlPath } from "#src/daemon/runtime_folder.ts";
import { parsePlace, type Place, socketPlace, tcpPlace } from "./place.ts";

/** A daemon to ask, at the first of its places that answers. */
export interface Target {
  /** Undefined: whichever answers. */
  readonly role: Role | undefined;
  readonly places: readonly Place[];
}

export interface Wanted {
  readonly role?: Role | undefined;
  readonly config?: string | undefined;
  readonly url?: string | undefined;
  /** A file that holds the token of the pages. */
  readonly "token-file"?: string | undefined;
}

/**
 * Whom to ask: the one at `--url`, or those that the configuration is for.
 *
 * A token goes where somebody says that it should go, and nowhere of its own accord: at the port of a
 * daemon that is down may be anybody.
 *
 * @throws UsageError, ConfigError, NoStatus when the configuration has nothing to ask
 */
export function targetsOf(wanted: Wanted): readonly Target[] {
  const { role, config, url } = wanted;
  const token = tokenIn(wanted["token-file"]);
  if (url !== undefined) {
    if (config !== undefined) throw new UsageError("--url and --config name two places; give one");
    return [{ role, places: [withToken(parsePlace(url), token)] }];
  }
  const roles = role !== undefined ? [role] : config === undefined ? ROLES : rolesOfFile(config);
  return roles.map((one) => {
    const places = placesOf(one, statusOf(one, config)).map((it) => withToken(it, token));
    return { role: one, places };
  });
}

function withToken(place: Place, token: string | undefined): Place {
  return "host" in place ? { ...place, token } : place;
}

/** @throws ConfigError */
function tokenIn(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const problems = new Problems();
  const key = "token_file";
  const file = readSecretFile(key, resolve(path), undefined, undefined, readRegularFile, problems);
  const token = file === undefined ? undefined : readToken(file.bytes, file.path, problems);
  problems.throwIfAny();
  return token;
}

/**
 * Where a daemon of this configuration is asked. The pages first: each network has its own, where the
 * control socket is the file system's.
 *
 * @throws NoStatus when there is nowhere to ask
 */
export function placesOf(role: Role, status: StatusConfig): readonly Place[] {
  const { enabled, address, port, socket } = status;
  const control = controlPath(role, status);
  const places = [
    ...(!enabled || port === undefined || port === 0 ? [] : [tcpPlace(address, port)]),
    ...(!enabled || socket === undefined ? [] : [socketPlace(socket)]),
    ...(control === undefined ? [] : [socketPlace(control)]),
  ];
  if (places.length > 0) return places;
  if (enabled) {
    throw new NoStatus("the port of the status pages is the kernel's choice; give it by --url");
  }
  throw new NoStatus("nothing to ask: `enabled = no` and `control = no` in [status]");
}

/** What may not be read, or is wrong, where nobody named a file: a daemon of before may still run. */
export function statusOf(role: Role, path: string | undefined): StatusConfig {
  try {
    return loadStatus(role, path);
  } catch (error) {
    if (path !== undefined || !(error instanceof ConfigError)) throw error;
    return loadStatus(role, undefined, false);
  }
}
