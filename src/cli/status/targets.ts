import type { Role, StatusConfig } from "#src/config/config.ts";
import { rolesOfFile } from "#src/config/inspect.ts";
import { loadStatus } from "#src/config/load.ts";
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
}

const ROLES: readonly Role[] = ["relay", "server"];

/**
 * Whom to ask: the one at `--url`, or those that the configuration is for.
 *
 * @throws UsageError, ConfigError, NoStatus when the configuration has nothing to ask
 */
export function targetsOf({ role, config, url }: Wanted): readonly Target[] {
  if (url !== undefined) {
    if (config !== undefined) throw new UsageError("--url and --config name two places; give one");
    return [{ role, places: [parsePlace(url)] }];
  }
  const roles = role !== undefined ? [role] : config === undefined ? ROLES : rolesOfFile(config);
  return roles.map((one) => ({ role: one, places: placesOf(one, config) }));
}

/** The pages first: each network has its own, where the control socket is the file system's. */
function placesOf(role: Role, path: string | undefined): readonly Place[] {
  const status = statusOf(role, path);
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
