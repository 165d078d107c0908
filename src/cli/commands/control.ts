import { buildCommand } from "@stricli/core";
import { type Role, ROLES } from "#src/config/config.ts";
import { proposeFiles } from "../completion.ts";
import type { Context } from "../context.ts";
import type { DrainFlags } from "../run/drain.ts";
import type { ReloadFlags } from "../run/reload.ts";
import { A_DAY, JSON_FLAG, parseFile, switchFlag, timeParser, valueFlag } from "../shared_flags.ts";
import { parseRole } from "./roles.ts";

/** `-c FILE` of commands to a daemon that runs. */
export const CONTROL_CONFIG = {
  ...valueFlag(
    parseFile,
    "FILE",
    "Configuration of the daemon, which says where its control socket is; default: the usual places",
  ),
  proposeCompletions: proposeFiles,
} as const;

/** Which daemon a command is for. */
export const ONE_ROLE = {
  kind: "tuple",
  parameters: [{
    parse: parseRole,
    proposeCompletions: (partial: string) => ROLES.filter((it) => it.startsWith(partial)),
    optional: true,
    placeholder: "ROLE",
    brief: `${ROLES.join(" or ")}; default: those that run`,
  }],
} as const;

export const reloadCommand = buildCommand<ReloadFlags, [Role?], Context>({
  loader: () => import("../run/reload.ts"),
  parameters: {
    flags: {
      config: CONTROL_CONFIG,
      "dry-run": switchFlag("Show what would change, and change nothing"),
      "confirm-within": valueFlag(
        timeParser(100, A_DAY),
        "TIME",
        "Go back after this time, unless `teredo reload --confirm` comes: 30s, 2min",
      ),
      confirm: switchFlag("Stay with what the last reload brought"),
      json: JSON_FLAG,
    },
    aliases: { c: "config" },
    positional: ONE_ROLE,
  },
  docs: {
    brief: "Have a running daemon take its configuration file as it is now",
    fullDescription:
      "Reads the file again, shows what changes, and takes all of it that needs no " +
      "restart. A file\nthat is wrong changes nothing: exit status 78, with file and line. Clients, " +
      "flows and held\npackets stay.",
  },
});

/** Of a daemon that runs, and is asked over its control socket. */
const PARAMETERS = {
  flags: {
    config: CONTROL_CONFIG,
  },
  aliases: { c: "config" },
  positional: {
    kind: "tuple",
    parameters: [{
      parse: parseRole,
      proposeCompletions: (partial: string) => ROLES.filter((it) => it.startsWith(partial)),
      placeholder: "ROLE",
      brief: ROLES.join(" or "),
    }],
  },
} as const;

export const drainCommand = buildCommand<DrainFlags, [Role], Context>({
  loader: async () => (await import("../run/drain.ts")).drain,
  parameters: PARAMETERS,
  docs: {
    brief: "Have a running daemon turn traffic away, and serve on",
    fullDescription: "Has a running daemon say that it is not ready, so that routers and load " +
      "balancers turn away;\nwhat comes is served all the same. It stays so until `teredo undrain`.",
  },
});

export const undrainCommand = buildCommand<DrainFlags, [Role], Context>({
  loader: async () => (await import("../run/drain.ts")).undrain,
  parameters: PARAMETERS,
  docs: { brief: "Take `teredo drain` back" },
});
