import { buildCommand, buildRouteMap } from "@stricli/core";
import type { Context } from "../context.ts";
import type { ConfigFlags } from "../run/config.ts";
import { JSON_FLAG } from "../shared_flags.ts";

const ROLE = {
  kind: "enum",
  values: ["relay", "server"],
  optional: true,
  brief: "Whose file it is, where its content does not tell",
} as const;

const FILE = {
  kind: "tuple",
  parameters: [{ parse: String, placeholder: "FILE", brief: "Configuration file, or Miredo's" }],
} as const;

const check = buildCommand<ConfigFlags, [string], Context>({
  loader: async () => (await import("../run/config.ts")).check,
  parameters: { flags: { role: ROLE, json: JSON_FLAG }, positional: FILE },
  docs: { brief: "Validate a file; exit status 78 when it is wrong" },
});

const show = buildCommand<ConfigFlags, [string], Context>({
  loader: async () => (await import("../run/config.ts")).show,
  parameters: { flags: { role: ROLE, json: JSON_FLAG }, positional: FILE },
  docs: { brief: "Print the effective configuration, and where each value came from" },
});

const convert = buildCommand<{ role?: "relay" | "server" }, [string], Context>({
  loader: async () => (await import("../run/config.ts")).convert,
  parameters: { flags: { role: ROLE }, positional: FILE },
  docs: { brief: "Turn a miredo.conf or miredo-server.conf into the native form" },
});

export const configCommands = buildRouteMap({
  routes: { check, show, convert },
  docs: { brief: "Validate, show or convert configuration files" },
});
