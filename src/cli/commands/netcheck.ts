import { buildCommand } from "@stricli/core";
import type { ServerName } from "#src/config/config.ts";
import { servers } from "#src/config/kinds/servers.ts";
import type { StunServer } from "#src/netcheck/stun/measure.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { proposeFiles } from "../completion.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit.ts";
import { parseU16 } from "../run/encode.ts";
import type { NetcheckFlags } from "../run/netcheck.ts";
import { JSON_FLAG, parseFile, shown, timeParser, valueFlag } from "../shared_flags.ts";
import { hostText } from "./tools.ts";

export const netcheckCommand = buildCommand<NetcheckFlags, (readonly ServerName[])[], Context>({
  loader: () => import("../run/netcheck.ts"),
  parameters: {
    flags: {
      config: {
        ...valueFlag(
          parseFile,
          "FILE",
          "Configuration of the client, whose servers are asked; default: the usual places",
        ),
        proposeCompletions: proposeFiles,
      },
      ping: valueFlag(targetText, "HOST", "Native IPv6 host to ping by way of each server"),
      stun: valueFlag(
        stunServer,
        "HOST[:PORT]",
        "STUN server of two addresses (RFC 5780): it shows by what a NAT filters",
      ),
      time: valueFlag(
        timeParser(0, 1_800_000, 1_000),
        "TIME",
        "How long to look for a mapping's lifetime: 30s, 5min; a bare number is seconds; default " +
          "10s; 0: not at all",
      ),
      port: valueFlag(parseU16, "PORT", "UDP port to ask from; default: any"),
      json: JSON_FLAG,
    },
    aliases: { c: "config" },
    positional: {
      kind: "array",
      parameter: {
        parse: serverTexts,
        placeholder: "SERVER",
        brief: "Server's name or A.B.C.D, or HOST/SECONDARY where that is not the next address; " +
          "default: those of the configuration",
      },
    },
  },
  docs: {
    brief: "Say what the network between here and the servers does to Teredo",
    fullDescription:
      "Asks servers as a client would, by UDP sockets alone, and says in the words " +
      "of RFC 4787 how the NAT on the way maps, filters and forgets, whether Teredo works through " +
      "it, and which peers can be reached. Needs neither root nor a TUN interface.",
  },
});

/** One server, or several with commas between, as the configuration has them. */
function serverTexts(text: string): readonly ServerName[] {
  const parsed = servers.parse(text, "native");
  if ("problem" in parsed) throw new UsageError(parsed.problem);
  return parsed.value ?? [];
}

function targetText(text: string): string {
  return parseIpv6(text) === undefined ? hostText(text) : text;
}

function stunServer(text: string): StunServer {
  const [, host, port] = /^([^:]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host === undefined) throw new UsageError(`${shown(text)} is no HOST or HOST:PORT`);
  return { host: hostText(host), port: port === undefined ? undefined : parseU16(port) };
}
