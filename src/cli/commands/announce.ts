import { buildCommand } from "@stricli/core";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6, isLinkLocal, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { type SpeakerName, SPEAKERS } from "../announce/mod.ts";
import type { AnnounceFlags } from "../announce/plan.ts";
import { proposeFiles } from "../completion.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit.ts";
import { parseAddress } from "../run/encode.ts";
import { parseFile, shown, switchFlag, valueFlag } from "../shared_flags.ts";

const NAMES = Object.keys(SPEAKERS) as SpeakerName[];

export const announceCommand = buildCommand<AnnounceFlags, [SpeakerName], Context>({
  loader: () => import("../run/announce.ts"),
  parameters: {
    flags: {
      config: {
        ...valueFlag(parseFile, "FILE", "Configuration of the relay; default: the usual places"),
        proposeCompletions: proposeFiles,
      },
      as: valueFlag(parseAs, "N", "Number of this machine's autonomous system"),
      neighbor: valueFlag(parseNeighbor, "IPV6", "Address of the router that it is announced to"),
      "neighbor-as": valueFlag(parseAs, "N", "Number of that router's autonomous system"),
      address: valueFlag(parseNeighbor, "IPV6", "This machine's address towards it: exabgp"),
      "router-id": valueFlag(
        (text: string) => formatIpv4(parseAddress(text)),
        "A.B.C.D",
        "Router id; default: bind_address, or what the routing daemon takes",
      ),
      hook: switchFlag(
        "Print the program that asks the relay, where the daemon has none: openbgpd",
      ),
    },
    aliases: { c: "config" },
    positional: {
      kind: "tuple",
      parameters: [{
        parse: parseName,
        proposeCompletions: (partial: string) => NAMES.filter((it) => it.startsWith(partial)),
        placeholder: "DAEMON",
        brief: NAMES.join(", "),
      }],
    },
  },
  docs: {
    brief: "Print what a routing daemon needs to announce the relay's prefix while it is ready",
    fullDescription:
      "Prints the whole configuration of a routing daemon, with comments, filled from the\n" +
      "relay's: it announces the service prefix while the relay is ready, and nothing else.",
  },
});

function parseName(text: string): SpeakerName {
  const name = NAMES.find((it) => it === text);
  if (name === undefined) throw new UsageError(`${shown(text)} is none of ${NAMES.join(", ")}`);
  return name;
}

/** RFC 6793; 0 and the last are reserved, RFC 7607 and RFC 7300. */
const MAX_AS = 2 ** 32 - 2;

function parseAs(text: string): number {
  const value = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= MAX_AS) return value;
  throw new UsageError(`${shown(text)} is not a number from 1 to ${MAX_AS}`);
}

function parseNeighbor(text: string): string {
  const address = parseIpv6(text);
  if (address === undefined) {
    throw new UsageError(
      `${shown(text)} is not an IPv6 address, by which an IPv6 prefix is announced`,
    );
  }
  if (!isLinkLocal(address, 0)) return formatIpv6(address);
  throw new UsageError(`${shown(text)} is link-local; write the router's global address`);
}
