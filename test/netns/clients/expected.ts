import { INDEPENDENT_KINDS, type NatKind } from "#src/demo/nat.ts";
import { isReached } from "#test/sim/client/figure_1.ts";
import type { NatKind as SimulatedKind } from "#test/sim/nat.ts";
import type { Maker } from "../programs.ts";

/** A client, and what it is behind. */
export interface Party {
  readonly maker: Maker;
  readonly nat: NatKind;
}

/** Whether a ping is answered; "any" where no rule says. */
export type Expected = "yes" | "no" | "any";

/** The word of RFC 6081 Figure 1. A firewall lets in what a port-restricted NAT does. */
const IN_FIGURE_1: Record<NatKind, SimulatedKind> = {
  "none": "full cone",
  "firewall": "port restricted",
  "full-cone": "full cone",
  "restricted": "restricted",
  "port-restricted": "port restricted",
  "symmetric": "symmetric",
  "port-preserving": "port preserving",
  "sequential": "sequential",
  "address-symmetric": "address symmetric",
};

/** What comes of a ping between two clients that have not heard of each other. */
export function expected(from: Party, to: Party): Expected {
  if (from.maker === "miredo" && to.maker === "miredo") return "any";
  if (from.maker === "teredo" && to.maker === "teredo") {
    return isReached(IN_FIGURE_1[from.nat], IN_FIGURE_1[to.nat]) ? "yes" : "no";
  }
  const [ours, miredos] = from.maker === "teredo" ? [from.nat, to.nat] : [to.nat, from.nat];
  if (!isIndependent(miredos)) {
    // RFC 4380 §5.2.1 ends at a symmetric NAT; what opens to anybody may be reached all the same.
    return isOpen(ours) ? "any" : "no";
  }
  if (isIndependent(ours)) return "yes";
  // Miredo knows no nonces: it believes only the mapping in our address, which it does not see.
  if (from.maker === "teredo") return "no";
  if (ours === "address-symmetric") return isOpen(miredos) ? "yes" : "no";
  return isOpen(miredos) || miredos === "restricted" ? "yes" : "no";
}

/** One mapping, or none, whoever it talks to. */
function isIndependent(nat: NatKind): boolean {
  return nat === "none" || nat === "firewall" ||
    (INDEPENDENT_KINDS as readonly NatKind[]).includes(nat);
}

function isOpen(nat: NatKind): boolean {
  return nat === "none" || nat === "full-cone";
}
