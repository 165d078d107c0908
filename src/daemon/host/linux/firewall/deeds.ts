import {
  NFTA_CT_SREG,
  NFTA_MATCH_NAME,
  NFTA_META_SREG,
  NFTA_PAYLOAD_DREG,
} from "#ffi/linux/mod.ts";
import type { Attributes } from "./attributes.ts";

/**
 * What rules do besides letting packets pass or not, so that it matters whether they see each packet of
 * a flow or only some.
 */

/** Of a rule that does nothing else: somebody reads its counter. One beside a verdict is decoration. */
export const COUNTS = "counter";

/** Expressions of nf_tables: what they keep from packet to packet, send elsewhere, tell or rewrite. */
const EXPRESSIONS = new Set(
  "limit quota connlimit dynset objref log dup fwd nat masq redir tproxy queue synproxy secmark"
    .split(
      " ",
    ),
);
/** Expressions that read, and that write where they have a source register. */
const WRITES: Readonly<Record<string, number>> = {
  meta: NFTA_META_SREG,
  ct: NFTA_CT_SREG,
};
/** Targets of xtables that do no more than let pass, drop, or leave untracked. */
const PLAIN_TARGETS = new Set(["ACCEPT", "DROP", "REJECT", "RETURN", "NOTRACK", "CT", "TRACE", ""]);

/** What an expression that is run does, in the word that the rule has for it; undefined: nothing. */
export function deedOf(name: string, data: Attributes): string | undefined {
  if (name === "target") return targetDeed(data.text(NFTA_MATCH_NAME));
  if (name === "payload") return data.has(NFTA_PAYLOAD_DREG) ? undefined : "a change of the packet";
  const source = WRITES[name];
  if (source !== undefined) return data.has(source) ? `a mark (${name})` : undefined;
  return EXPRESSIONS.has(name) ? name : undefined;
}

/** The same of a target of xtables. */
export function targetDeed(target: string): string | undefined {
  return PLAIN_TARGETS.has(target) ? undefined : target;
}
