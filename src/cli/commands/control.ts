import { buildCommand } from "@stricli/core";
import type { Role } from "#src/config/config.ts";
import { proposeFiles } from "../completion.ts";
import type { Context } from "../context.ts";
import type { DrainFlags } from "../run/drain.ts";
import { parseFile, valueFlag } from "../shared_flags.ts";
import { parseRole, ROLES } from "./roles.ts";

/** Of a daemon that runs, and is asked over its control socket. */
const PARAMETERS = {
  flags: {
    config: {
      ...valueFlag(
        parseFile,
        "FILE",
        "Configuration of the daemon, which says where to ask; default: the usual places",
      ),
      proposeCompletions: proposeFiles,
    },
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
