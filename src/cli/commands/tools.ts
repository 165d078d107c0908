import { buildCommand } from "@stricli/core";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { NAT_KINDS } from "#src/demo/nat.ts";
import type { DemoOptions } from "#src/demo/run.ts";
import { type Shell, SHELLS } from "../completion.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit.ts";
import { type DecodeFlags, parsePrefix } from "../run/decode.ts";
import { EXPLAINED } from "../explain.ts";
import type { ExplainFlags } from "../run/explain.ts";
import { type EncodeFlags, parseAddress, parseU16 } from "../run/encode.ts";
import type { ProbeFlags } from "../run/probe.ts";
import { version } from "../version.ts";
import { JSON_FLAG, shown, switchFlag, timeParser, valueFlag } from "../shared_flags.ts";

const PREFIX = valueFlag(parsePrefix, "P::/32", "Service prefix; default 2001::/32");

export const decodeCommand = buildCommand<DecodeFlags, string[], Context>({
  loader: () => import("../run/decode.ts"),
  parameters: {
    flags: { json: JSON_FLAG, prefix: PREFIX },
    positional: {
      kind: "array",
      minimum: 1,
      parameter: { parse: String, placeholder: "ADDR", brief: "Teredo IPv6 address" },
    },
  },
  docs: { brief: "Take Teredo addresses apart" },
});

export const encodeCommand = buildCommand<EncodeFlags, [], Context>({
  loader: () => import("../run/encode.ts"),
  parameters: {
    flags: {
      server: {
        kind: "parsed",
        parse: parseAddress,
        placeholder: "A.B.C.D",
        brief: "Server's IPv4 address",
      },
      address: {
        kind: "parsed",
        parse: parseAddress,
        placeholder: "A.B.C.D",
        brief: "Mapped IPv4 address",
      },
      port: { kind: "parsed", parse: parseU16, placeholder: "PORT", brief: "Mapped UDP port" },
      cone: switchFlag("Set the cone bit"),
      flags: valueFlag(parseU16, "0xHHHH", "Flags; default 0"),
      prefix: PREFIX,
      json: JSON_FLAG,
    },
  },
  docs: { brief: "Make a Teredo address of its parts" },
});

export const explainCommand = buildCommand<ExplainFlags, string[], Context>({
  loader: () => import("../run/explain.ts"),
  parameters: {
    flags: { json: JSON_FLAG },
    positional: {
      kind: "array",
      minimum: 1,
      parameter: {
        parse: String,
        proposeCompletions: (partial: string) => EXPLAINED.filter((it) => it.startsWith(partial)),
        placeholder: "NAME",
        brief: "Metric, drop reason, message of the log, or errno of a send failure",
      },
    },
  },
  docs: { brief: "Say what a metric, drop reason or log message means, and what mends it" },
});

export const probeCommand = buildCommand<ProbeFlags, [string], Context>({
  loader: () => import("../run/probe.ts"),
  parameters: {
    flags: {
      secondary: valueFlag(
        ipv4Text,
        "A.B.C.D",
        "Server's secondary address; default: the next one",
      ),
      ping: valueFlag(ipv6Text, "IPV6", "Host to ping through the relay that answers"),
      count: valueFlag(count, "N", "Pings; default 5"),
      interval: valueFlag(
        timeParser(1, 3_600_000, 1),
        "TIME",
        "Between two pings: 500ms, 2s; a bare number is milliseconds; default 1s",
      ),
      port: valueFlag(parseU16, "PORT", "UDP port to send from; default: any"),
      json: JSON_FLAG,
    },
    positional: {
      kind: "tuple",
      parameters: [{ parse: hostText, placeholder: "SERVER", brief: "Server's address or name" }],
    },
  },
  docs: {
    brief: "Act as a Teredo client over one UDP socket",
    fullDescription: "Qualifies with the server, reports mapping and kind of NAT, then pings an " +
      "IPv6 host through the relay that answers. Needs neither root nor a TUN interface.",
  },
});

const MAX_COUNT = 1_000_000;

function count(text: string): number {
  const value = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= MAX_COUNT) return value;
  throw new UsageError(`${shown(text)} is not a number from 1 to ${MAX_COUNT}`);
}

function ipv4Text(text: string): string {
  parseAddress(text); // throws for what is none
  return text;
}

function ipv6Text(text: string): string {
  if (parseIpv6(text) === undefined) throw new UsageError(`${shown(text)} is not an IPv6 address`);
  return text;
}

/** An IPv4 address or a name. @throws UsageError */
export function hostText(text: string): string {
  if (/^[\w.-]+$/.test(text)) return text;
  throw new UsageError(`${shown(text)} is neither an IPv4 address nor a host name`);
}

export const demoCommand = buildCommand<DemoOptions, [], Context>({
  loader: () => import("../run/demo.ts"),
  parameters: {
    flags: {
      nat: {
        kind: "enum",
        values: NAT_KINDS,
        variadic: ",",
        optional: true,
        brief: "NAT in front of the client, or of each; default port-restricted",
      },
      clients: valueFlag(clients, "N", "Have so many clients find each other, 2 to 9"),
      keep: switchFlag("Leave the network up until Ctrl-C"),
      inside: {
        ...valueFlag(String, "WHAT", "For the demo's own use inside its namespaces"),
        hidden: true,
      },
    },
  },
  docs: {
    brief: "Build a whole Teredo network on this machine and send traffic through it",
    fullDescription:
      "Server, relay, client behind a NAT and IPv6 host live in network namespaces " +
      "of their own; nothing of it stays.",
  },
});

const MAX_CLIENTS = 9;

function clients(text: string): number {
  if (/^[2-9]$/.test(text)) return Number(text);
  throw new UsageError(`${shown(text)} is not a number from 2 to ${MAX_CLIENTS}`);
}

export const completionCommand = buildCommand<object, [Shell], Context>({
  loader: () => import("../run/completion.ts"),
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{
        parse: parseShell,
        proposeCompletions: (partial: string) => SHELLS.filter((it) => it.startsWith(partial)),
        placeholder: "SHELL",
        brief: SHELLS.join(", "),
      }],
    },
  },
  docs: { brief: "Print a completion script for a shell" },
});

export const versionCommand = buildCommand<object, [], Context>({
  func(this: Context) {
    this.process.stdout.write(`${version()}\n`);
  },
  parameters: {},
  docs: { brief: "Print the version, as --version does" },
});

function parseShell(text: string): Shell {
  const shell = SHELLS.find((it) => it === text);
  if (shell === undefined) throw new UsageError(`${shown(text)} is none of ${SHELLS.join(", ")}`);
  return shell;
}
