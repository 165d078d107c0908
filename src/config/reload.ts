import type { Config, RelayConfig, Role } from "./config.ts";
import { type Change, diffConfig } from "./diff.ts";
import { entryOf } from "./settings.ts";

/** What a daemon that runs takes of a configuration. */
export interface Plan {
  /** All of it, but that settings which need a restart stay as they are. */
  readonly config: Config;
  readonly changes: readonly Change[];
}

/**
 * @param running what the daemon goes by
 * @param wanted what it is to go by
 * @param beyond settings that this daemon cannot take as they are wanted, though others could: their
 *   `section.key`
 */
export function planReload(
  running: Config,
  wanted: Config,
  role: Role,
  beyond: readonly string[] = [],
): Plan {
  const found = diffConfig(running, wanted, role);
  const isStaying = (id: string) => found.some((it) => it.id === id && it.reload === "restart");
  const tied = TIED.filter(({ to }) => to.some(isStaying)).flatMap(({ ids }) => ids);
  const closed = running[role].process.chroot === undefined ? [] : OUTSIDE;
  const staying = [...tied, ...closed, ...beyond];
  const changes = found.map((it) =>
    staying.includes(it.id) ? { ...it, reload: "restart" as const } : it
  );
  const waiting = changes.filter(({ reload }) => reload === "restart").map(({ id }) => id);
  const mixture = structuredClone(wanted) as Config;
  // A token can be another one where its setting has not changed.
  for (const id of [...waiting, ...tied]) keep(id, running, mixture);
  return { changes, config: { ...mixture, relay: fitting(mixture.relay) } };
}

/**
 * Settings that were written for where a daemon listens: as long as it listens there, they stay. So what
 * `checkConfig` holds against each other is all of one file.
 */
const TIED: readonly { readonly ids: readonly string[]; readonly to: readonly string[] }[] = [
  {
    // What needs no token at one place would open the pages at another.
    ids: [
      "status.token_file",
      "status.allow_anonymous",
      "status.public",
      "status.hosts",
      "status.trace",
    ],
    to: ["status.enabled", "status.address", "status.socket"],
  },
  {
    // It would advertise the addresses it is bound to, which may be private, or not fit together.
    ids: [
      "server.advertised_address",
      "server.advertised_address2",
      "server.allow_non_consecutive",
      "server.refuse_reserved",
    ],
    to: ["server.bind_address", "server.bind_address2"],
  },
];

/** What would have to be opened where a changed root directory does not lead. */
const OUTSIDE: readonly string[] = ["log.target", "log.facility"];

type Fields = Record<string, unknown>;

/** Writes the setting's value in `from` over that in `to`. */
function keep(id: string, from: Config, to: Config): void {
  const { section, field } = entryOf(id);
  const [source, target] = [from[section] as unknown as Fields, to[section] as unknown as Fields];
  if (field in target) target[field] = source[field];
  else (target["process"] as Fields)[field] = (source["process"] as Fields)[field];
  // What the file says goes with its name.
  if (id === "status.token_file") target["token"] = source["token"];
}

/** A packet of the MTU that stays fits in what is held. */
function fitting(relay: RelayConfig): RelayConfig {
  const holdBytes = Math.max(relay.holdBytes, relay.interfaceMtu);
  return { ...relay, holdBytes, holdMemory: Math.max(relay.holdMemory, holdBytes) };
}
