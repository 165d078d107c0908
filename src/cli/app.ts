import { type Application, buildApplication, buildRouteMap, version } from "@stricli/core";
import { announceCommand } from "./commands/announce.ts";
import { configCommands } from "./commands/config.ts";
import { drainCommand, reloadCommand, undrainCommand } from "./commands/control.ts";
import { checkCommands, clientCommand, relayCommand, serverCommand } from "./commands/daemon.ts";
import { logCommands } from "./commands/log.ts";
import { netcheckCommand } from "./commands/netcheck.ts";
import { peersCommand, whyCommand } from "./commands/peers.ts";
import { recordCommand } from "./commands/record.ts";
import { statusCommand, topCommand } from "./commands/status.ts";
import {
  completionCommand,
  decodeCommand,
  demoCommand,
  encodeCommand,
  explainCommand,
  probeCommand,
  versionCommand,
} from "./commands/tools.ts";
import type { Context } from "./context.ts";
import { statusOf } from "./exit.ts";
import { helpWithValues } from "./help.ts";
import { TEXT } from "./text.ts";

const ROOT = buildRouteMap({
  routes: {
    relay: relayCommand,
    server: serverCommand,
    client: clientCommand,
    check: checkCommands,
    config: configCommands,
    reload: reloadCommand,
    announce: announceCommand,
    status: statusCommand,
    top: topCommand,
    peers: peersCommand,
    why: whyCommand,
    record: recordCommand,
    drain: drainCommand,
    undrain: undrainCommand,
    log: logCommands,
    decode: decodeCommand,
    encode: encodeCommand,
    explain: explainCommand,
    probe: probeCommand,
    netcheck: netcheckCommand,
    demo: demoCommand,
    completion: completionCommand,
    version: versionCommand,
  },
  docs: {
    brief: "Teredo relay, server and client: IPv6 for hosts behind IPv4 NATs (RFC 4380)",
    fullDescription:
      "Teredo relay, server and client: IPv6 for hosts behind IPv4 NATs (RFC 4380).\n" +
      "`teredo help COMMAND` says more about each command.",
  },
});

/** The command table: parsing, help and completion come from it. */
export function buildApp(currentVersion: string): Application<Context> {
  return buildApplication<Context>(
    ROOT,
    {
      name: "teredo",
      scanner: {
        caseStyle: "original",
        allowArgumentEscapeSequence: true,
        // One or two slips; of what is further away no name was meant.
        distanceOptions: {
          threshold: 4,
          weights: { insertion: 1, deletion: 3, substitution: 2, transposition: 0 },
        },
      },
      localization: { text: TEXT },
      determineExitCode: statusOf,
    },
    {
      help: helpWithValues({
        alias: "h",
        brief: "Print help and exit",
        formatting: {
          caseStyle: "original",
          onlyRequiredInUsageLine: true,
          useAliasInUsageLine: false,
        },
      }),
      version: version({
        alias: "V",
        brief: "Print the version and exit",
        info: { currentVersion },
      }),
    },
  );
}
