import { buildCommand, buildRouteMap } from "@stricli/core";
import type { Role } from "#src/config/config.ts";
import { debugPeer } from "#src/config/kinds/network.ts";
import type { PeerPattern } from "#src/protocol/peers/pattern.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit.ts";
import type { DebugFlags, OffFlags } from "../run/log.ts";
import { valueFlag } from "../shared_flags.ts";
import { CONTROL_CONFIG, ONE_ROLE } from "./control.ts";

const debugCommand = buildCommand<DebugFlags, [Role?], Context>({
  loader: async () => (await import("../run/log.ts")).debug,
  parameters: {
    flags: {
      config: CONTROL_CONFIG,
      peer: valueFlag(
        parsePeer,
        "PEER",
        "Tell what becomes of each packet from or to this one as well: A.B.C.D, A.B.C.D:PORT, an " +
          "IPv6 address or a prefix; default: `debug_peer` of the configuration",
      ),
    },
    aliases: { c: "config" },
    positional: ONE_ROLE,
  },
  docs: {
    brief: "Have a running daemon log at level debug",
    fullDescription: "Has a running daemon log at level debug, where its log goes already. It " +
      "stays so until\n`teredo log off`, until a reload that changes [log], or until the daemon ends.",
  },
});

const offCommand = buildCommand<OffFlags, [Role?], Context>({
  loader: async () => (await import("../run/log.ts")).off,
  parameters: { flags: { config: CONTROL_CONFIG }, aliases: { c: "config" }, positional: ONE_ROLE },
  docs: { brief: "Take `teredo log debug` back" },
});

export const logCommands = buildRouteMap({
  routes: { debug: debugCommand, off: offCommand },
  docs: { brief: "Choose how much a running daemon logs, and whose packets" },
});

function parsePeer(text: string): PeerPattern {
  const parsed = debugPeer.parse(text, "native");
  if ("problem" in parsed) throw new UsageError(parsed.problem);
  return parsed.value;
}
