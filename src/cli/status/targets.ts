import type { Role, StatusConfig } from "#src/config/config.ts";
import { rolesOfFile } from "#src/config/inspect.ts";
import { loadStatus } from "#src/config/load.ts";
import { ConfigError } from "#src/errors.ts";
import { UsageError } from "../exit.ts";
import { NoStatus } from "./client.ts";
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
 * @throws UsageError, ConfigError, NoStatus when the configuration has no status pages
 */
export function targetsOf({ role, config, url }: Wanted): readonly Target[] {
  if (url !== undefined) {
    if (config !== undefined) throw new UsageError("--url and --config name two places; give one");
    return [{ role, places: [parsePlace(url)] }];
  }
  const roles = role !== undefined ? [role] : config === undefined ? ROLES : rolesOfFile(config);
  return roles.map((one) => ({ role: one, places: placesOf(one, config) }));
}

function placesOf(role: Role, path: string | undefined): readonly Place[] {
  const { enabled, address, port, socket } = statusOf(role, path);
  if (!enabled) throw new NoStatus("the status pages are off: `enabled = no` in [status]");
  const places = [
    ...(port === undefined || port === 0 ? [] : [tcpPlace(address, port)]),
    ...(socket === undefined ? [] : [socketPlace(socket)]),
  ];
  if (places.length > 0) return places;
  throw new NoStatus("the port of the status pages is the kernel's choice; give it by --url");
}

/** What may not be read, or is wrong, where nobody named a file: a daemon of before may still run. */
function statusOf(role: Role, path: string | undefined): StatusConfig {
  try {
    return loadStatus(role, path);
  } catch (error) {
    if (path !== undefined || !(error instanceof ConfigError)) throw error;
    return loadStatus(role, undefined, false);
  }
}
