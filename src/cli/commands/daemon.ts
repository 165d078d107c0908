import { buildCommand, buildRouteMap } from "@stricli/core";
import type { Context } from "../context.ts";
import { ALIASES, daemonFlags, type FlagTexts } from "../daemon_flags.ts";
import type { CheckFlags } from "../run/check.ts";
import type { ClientFlags } from "../run/daemon.ts";
import { A_DAY, JSON_FLAG, switchFlag, timeParser, valueFlag } from "../shared_flags.ts";

const FOREGROUND = {
  kind: "boolean",
  optional: true,
  withNegated: false,
  brief: "Stay in the foreground: always so, accepted because Miredo's daemons need it",
} as const;

const DAEMON_ALIASES = { ...ALIASES, f: "foreground" } as const;

/** Miredo's SERVER_NAME. */
const SERVER_ADDRESS = {
  kind: "tuple",
  parameters: [{
    parse: String,
    optional: true,
    placeholder: "A.B.C.D",
    brief: "Primary address, instead of the file's; the secondary one is the next",
  }],
} as const;

export const relayCommand = buildCommand<FlagTexts, [], Context>({
  loader: async () => (await import("../run/daemon.ts")).relay,
  parameters: {
    flags: { ...daemonFlags("relay"), foreground: FOREGROUND },
    aliases: DAEMON_ALIASES,
  } as never,
  docs: {
    brief: "Run a Teredo relay in the foreground",
    fullDescription: "Carries packets between the IPv6 Internet and Teredo clients.\n" +
      "Every setting of the file has a flag that overrides it. SIGTERM and SIGINT drain and end it.",
  },
});

export const serverCommand = buildCommand<FlagTexts, [string?], Context>({
  loader: async () => (await import("../run/daemon.ts")).server,
  parameters: {
    flags: { ...daemonFlags("server"), foreground: FOREGROUND },
    aliases: DAEMON_ALIASES,
    positional: SERVER_ADDRESS,
  } as never,
  docs: {
    brief: "Run a Teredo server in the foreground",
    fullDescription: "Tells clients their mapped address and introduces them to relays.\n" +
      "Every setting of the file has a flag that overrides it. SIGTERM and SIGINT end it.",
  },
});

/** Miredo's SERVER_NAME, of which it takes one. */
const SERVERS = {
  kind: "array",
  parameter: {
    parse: String,
    placeholder: "SERVER",
    brief: "Teredo servers instead of the file's, best first: a name or A.B.C.D, or HOST/SECONDARY",
  },
} as const;

const CLIENT_FLAGS = {
  wait: valueFlag(
    timeParser(1_000, A_DAY),
    "TIME",
    "End with 1 unless a server has answered by then: 30s, 2min",
  ),
  run: valueFlag(
    String,
    "COMMAND",
    "Run this, as sh -c does, where IPv6 goes through the tunnel and IPv4 nowhere; takes no root",
  ),
} as const;

export const clientCommand = buildCommand<FlagTexts & ClientFlags, string[], Context>({
  loader: async () => (await import("../run/daemon.ts")).client,
  parameters: {
    flags: { ...daemonFlags("client"), ...CLIENT_FLAGS, foreground: FOREGROUND },
    aliases: DAEMON_ALIASES,
    positional: SERVERS,
  } as never,
  docs: {
    brief: "Run a Teredo client in the foreground",
    fullDescription:
      "Gives this host an IPv6 address and a way to the IPv6 Internet behind a NAT.\n" +
      "Every setting of the file has a flag that overrides it. SIGTERM and SIGINT end it.\n" +
      "With --run it ends with the command, and with its status.",
  },
});

const CHECK_FLAGS = {
  json: JSON_FLAG,
  fix: switchFlag("Carry out the mends that are safe, each shown before, and check again"),
  persist: switchFlag("With --fix: keep them in sysctl.d and modules-load.d"),
};

const checkRelay = buildCommand<FlagTexts & CheckFlags, [], Context>({
  loader: async () => (await import("../run/check.ts")).checkRelay,
  parameters: {
    flags: { ...daemonFlags("relay"), ...CHECK_FLAGS },
    aliases: ALIASES,
  } as never,
  docs: { brief: "Check whether this machine can run a relay" },
});

const checkServer = buildCommand<FlagTexts & CheckFlags, [string?], Context>({
  loader: async () => (await import("../run/check.ts")).checkServer,
  parameters: {
    flags: { ...daemonFlags("server"), ...CHECK_FLAGS },
    aliases: ALIASES,
    positional: SERVER_ADDRESS,
  } as never,
  docs: { brief: "Check whether this machine can run a server" },
});

const checkClient = buildCommand<FlagTexts & CheckFlags, string[], Context>({
  loader: async () => (await import("../run/check.ts")).checkClient,
  parameters: {
    flags: { ...daemonFlags("client"), ...CHECK_FLAGS },
    aliases: ALIASES,
    positional: SERVERS,
  } as never,
  docs: { brief: "Check whether this machine can run a client" },
});

export const checkCommands = buildRouteMap({
  routes: { relay: checkRelay, server: checkServer, client: checkClient },
  docs: {
    brief: "Check platform and configuration, with the command that mends each problem",
    fullDescription:
      "One line a check: ok, warn or FAIL. A daemon refuses to start when one fails.\n" +
      "--fix loads the TUN module, sets forwarding (accept_ra first), rp_filter, and adds addresses.",
  },
});
