import type { Config, RelayConfig, Role } from "./config.ts";
import { type Change, diffConfig } from "./diff.ts";
import { entryOf } from "./settings.ts";

/** What a daemon that runs takes of a configuration. */
export interface Plan {
  /** All of it, but that settings which need a restart stay as they are. */
  readonly config: Config;
  readonly changes: readonly Change[];
}

/** @param running what the daemon goes by @param wanted what it is to go by */
export function planReload(running: Config, wanted: Config, role: Role): Plan {
  const closed = running[role].process.chroot === undefined ? [] : OUTSIDE;
  const changes = diffConfig(running, wanted, role)
    .map((it) => closed.includes(it.id) ? { ...it, reload: "restart" as const } : it);
  const config = structuredClone(wanted) as Config;
  for (const { id, reload } of changes) {
    if (reload === "restart") keep(id, running, config);
  }
  return { changes, config: { ...config, relay: fitting(config.relay) } };
}

/** What would have to be opened where a changed root directory does not lead. */
const OUTSIDE: readonly string[] = ["log.target", "log.facility"];

type Fields = Record<string, unknown>;

/** Writes the setting's value in `from` over that in `to`. */
function keep(id: string, from: Config, to: Config): void {
  const { section, field } = entryOf(id);
  const [source, target] = [from[section] as unknown as Fields, to[section] as unknown as Fields];
  if (field in target) target[field] = source[field];
  else (target["process"] as Fields)[field] = (source["process"] as Fields)[field];
}

/** A packet of the MTU that stays fits in what is held. */
function fitting(relay: RelayConfig): RelayConfig {
  const holdBytes = Math.max(relay.holdBytes, relay.interfaceMtu);
  return { ...relay, holdBytes, holdMemory: Math.max(relay.holdMemory, holdBytes) };
}
