import { buildCommand } from "@stricli/core";
import { parsePeerQuery } from "#src/protocol/peers/query.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit.ts";
import { SORTS } from "../peers/table.ts";
import { isPeerRole, WITH_PEERS } from "../peers/words.ts";
import type { PeersFlags } from "../run/peers.ts";
import type { WhyFlags } from "../run/why.ts";
import { JSON_FLAG, placeFlags, shown, switchFlag, valueFlag } from "../shared_flags.ts";

const MOST_ROWS = 1_000_000;

const PLACE = { ...placeFlags("daemon"), json: JSON_FLAG };

const proposeRoles = (partial: string) => WITH_PEERS.filter((it) => it.startsWith(partial));

export const peersCommand = buildCommand<PeersFlags, [string?, string?], Context>({
  loader: () => import("../run/peers.ts"),
  parameters: {
    flags: {
      ...PLACE,
      tsv: switchFlag("Print tab-separated values, their names first"),
      sort: {
        kind: "enum",
        values: SORTS,
        optional: true,
        brief: "Most bytes from peers first, most bytes to them, or the longest trusted",
      },
      limit: valueFlag(limit, "N", "Peers at the most; default 100"),
    },
    aliases: { c: "config" },
    positional: {
      kind: "tuple",
      parameters: [{
        parse: (text) => isPeerRole(text) ? text : queryText(text),
        proposeCompletions: proposeRoles,
        optional: true,
        placeholder: "ROLE",
        brief: `${WITH_PEERS.join(" or ")}; default: the first of them that runs`,
      }, {
        parse: queryText,
        optional: true,
        placeholder: "ADDR|PREFIX",
        brief: "Teredo address, A.B.C.D, A.B.C.D:PORT, or a prefix of either; default: all",
      }],
    },
  },
  docs: {
    brief: "List the peers of a running relay or client",
    fullDescription:
      "Lists the peers of a running relay, or client. Ages are of when a peer became trusted, " +
      "was last heard of\nand last sent to; RX and TX are bytes from and to it. A star: where it " +
      "is is not where its\naddress says.",
  },
});

export const whyCommand = buildCommand<WhyFlags, [string, string?], Context>({
  loader: () => import("../run/why.ts"),
  parameters: {
    flags: PLACE,
    aliases: { c: "config" },
    positional: {
      kind: "tuple",
      parameters: [{
        parse: String,
        proposeCompletions: proposeRoles,
        placeholder: "ROLE|ADDRESS",
        brief: `${WITH_PEERS.join(" or ")}; default: the first of them that runs`,
      }, {
        parse: String,
        optional: true,
        placeholder: "ADDRESS",
        brief: "Client's Teredo address, its A.B.C.D:PORT, or an IPv6 host",
      }],
    },
  },
  docs: {
    brief: "Say what becomes of packets for and from an address, and why",
    fullDescription:
      "Follows packets of both directions through a running relay or client: rules, limits, " +
      "routes, packet filters.\nThe exit status is 0 when nothing is wrong, 1 when something is, or " +
      "when it cannot be asked,\n3 when none runs.",
  },
});

function limit(text: string): number {
  const value = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= MOST_ROWS) return value;
  throw new UsageError(`${shown(text)} is not a number from 1 to ${MOST_ROWS}`);
}

function queryText(text: string): string {
  if (parsePeerQuery(text) !== undefined) return text;
  throw new UsageError(
    `${shown(text)} is neither an address, A.B.C.D:PORT, nor a prefix without host bits`,
  );
}
