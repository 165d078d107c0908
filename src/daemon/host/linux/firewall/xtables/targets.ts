import type { Verdict } from "../outcome.ts";
import type { Passage } from "../passage.ts";

/** After these the next rule follows. */
const GOES_ON = new Set(
  ("LOG NFLOG ULOG CONNMARK TRACE TCPMSS CHECKSUM TTL HL DSCP TOS ECN CLASSIFY SET AUDIT SECMARK " +
    "CONNSECMARK RATEEST TEE IDLETIMER LED HMARK TCPOPTSTRIP").split(" "),
);
const ACCEPTS = new Set(["ACCEPT", "MASQUERADE", "SNAT"]);
const DROPS = new Set(["DROP", "REJECT", "TARPIT"]);
const DIVERTS = new Set(["DNAT", "REDIRECT", "NETMAP"]);
/** Of struct xt_ct_target_info. XT_CT_NOTRACK */
const NOT_TRACKED = 1;

/** What a target of xtables (iptables) does. @param certain whether all matches before it match */
export function targetOf(
  name: string,
  info: Uint8Array,
  passage: Passage,
  certain: boolean,
): Verdict {
  if (name === "MARK") passage.mark = undefined;
  if (name === "CONNMARK") passage.ctMark = passage.mark = undefined;
  const isUntracked = name === "NOTRACK" || (name === "CT" && (info[0]! & NOT_TRACKED) !== 0);
  if (isUntracked && certain) passage.untracked = true;
  if (GOES_ON.has(name) || name === "MARK" || name === "CT" || name === "NOTRACK") {
    return { kind: "continue" };
  }
  if (ACCEPTS.has(name)) return { kind: "accept" };
  if (DROPS.has(name)) return { kind: "drop" };
  if (DIVERTS.has(name)) return { kind: "divert" };
  return { kind: "unknown" }; // NFQUEUE, SYNPROXY, TPROXY, and what others made
}
