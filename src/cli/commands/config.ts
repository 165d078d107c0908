import { buildCommand, buildRouteMap } from "@stricli/core";
import { type Role, ROLES } from "#src/config/config.ts";
import { proposeFiles } from "../completion.ts";
import type { Context } from "../context.ts";
import type { ConfigFlags } from "../run/config.ts";
import { JSON_FLAG, parseFile } from "../shared_flags.ts";

const ROLE = {
  kind: "enum",
  values: ROLES,
  optional: true,
  brief: "Whose file it is, where its content does not tell",
} as const;

const FILE = {
  parse: parseFile,
  proposeCompletions: proposeFiles,
  placeholder: "FILE",
  brief: "Configuration file, or Miredo's; - is standard input",
} as const;

const SEARCHED = "; without a file, what the daemons would read";

const check = buildCommand<ConfigFlags, string[], Context>({
  loader: async () => (await import("../run/config.ts")).check,
  parameters: {
    flags: { role: ROLE, json: JSON_FLAG },
    positional: { kind: "array", parameter: FILE },
  },
  docs: { brief: `Validate files${SEARCHED}; exit status 78 when one is wrong` },
});

const show = buildCommand<ConfigFlags, [string?], Context>({
  loader: async () => (await import("../run/config.ts")).show,
  parameters: {
    flags: { role: ROLE, json: JSON_FLAG },
    positional: { kind: "tuple", parameters: [{ ...FILE, optional: true }] },
  },
  docs: { brief: "Print the effective configuration, and where each value came from" },
});

const convert = buildCommand<{ role?: Role }, [string], Context>({
  loader: async () => (await import("../run/config.ts")).convert,
  parameters: { flags: { role: ROLE }, positional: { kind: "tuple", parameters: [FILE] } },
  docs: { brief: "Turn a miredo.conf or miredo-server.conf into the native form" },
});

export const configCommands = buildRouteMap({
  routes: { check, show, convert },
  docs: { brief: "Validate, show or convert configuration files" },
});
