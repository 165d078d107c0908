import type { Config, Role, StatusConfig } from "#src/config/config.ts";
import { permissionOf, serverPermissionOf, serverWishOf, wishOf } from "../fast_path/decide.ts";
import type { Host } from "../host/contract.ts";
import { filterReport } from "./firewall.ts";
import { type CheckResult, fail, ok, warn } from "./result.ts";

const NAME = "fast_path";

/** A client has none: it carries what one host needs. */
export type FastPathRole = Exclude<Role, "client">;

export interface Configured extends Pick<Config, "relay" | "server" | "client"> {
  readonly status: Pick<StatusConfig, "record">;
}

/** Whether a daemon will have its fast path, and why not. None is kept from starting by it. */
export function checkFastPath(host: Host, role: FastPathRole, config: Configured): CheckResult {
  const { fastPath } = config[role];
  const why = refusalOf(role, config) ?? host.refusesFastPath();
  if (why !== undefined) {
    return fastPath === "on"
      ? fail(NAME, `there can be none: ${why}`, "mend that, or `fast_path = auto`")
      : ok(NAME, `off: ${why}`);
  }
  const decide = role === "relay" ? permissionOf : serverPermissionOf;
  const { refusal, note } = decide(fastPath, filterReport(host, role, config));
  if (refusal !== undefined) return ok(NAME, `off: ${refusal}`);
  if (note === undefined) return ok(NAME, "on");
  return warn(NAME, `on, ${note}`, "`fast_path = auto`, unless that is meant");
}

function refusalOf(role: FastPathRole, config: Configured): string | undefined {
  if (role === "relay") return wishOf(config).refusal;
  const { refusal } = serverWishOf(config);
  if (refusal !== undefined || !config.server.requireAuthentication) return refusal;
  return "`require_authentication = yes`, by which the kernel could answer nobody";
}
