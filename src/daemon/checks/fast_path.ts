import type { RelayConfig, ServerConfig, StatusConfig } from "#src/config/config.ts";
import { permissionOf, wishOf } from "../fast_path/decide.ts";
import type { Host } from "../host/contract.ts";
import { filterReport } from "./firewall.ts";
import { type CheckResult, fail, ok, warn } from "./result.ts";

const NAME = "fast_path";

export interface Configured {
  readonly relay: RelayConfig;
  readonly server: ServerConfig;
  readonly status: Pick<StatusConfig, "record">;
}

/** Whether a relay will have its fast path, and why not. No daemon is kept from starting by it. */
export function checkFastPath(host: Host, config: Configured): CheckResult {
  const { fastPath } = config.relay;
  const why = wishOf(config).refusal ?? host.refusesFastPath();
  if (why !== undefined) {
    return fastPath === "on"
      ? fail(NAME, `there can be none: ${why}`, "mend that, or `fast_path = auto`")
      : ok(NAME, `off: ${why}`);
  }
  const { refusal, note } = permissionOf(fastPath, filterReport(host, "relay", config));
  if (refusal !== undefined) return ok(NAME, `off: ${refusal}`);
  if (note === undefined) return ok(NAME, "on");
  return warn(NAME, `on, ${note}`, "`fast_path = auto`, unless that is meant");
}
