import { ALL_NAT_KINDS, type NatKind } from "../nat.ts";

/**
 * RFC 6081 Figure 1, for the NATs without UPnP: rows are the source's, columns the destination's, in the
 * order of {@link ALL_NAT_KINDS}.
 */
const ROWS: Readonly<Record<NatKind, string>> = {
  "full cone": "yes yes yes yes yes yes yes",
  "restricted": "yes yes yes yes yes yes no",
  "port restricted": "yes yes yes yes yes no no",
  "port preserving": "yes yes yes yes yes no no",
  "sequential": "yes yes yes no no no no",
  "symmetric": "yes yes no no no no no",
  "address symmetric": "yes no no no no no no",
};

/** Whether a client behind `source` reaches one behind `destination`. */
export function isReached(source: NatKind, destination: NatKind): boolean {
  return ROWS[source].split(" ")[ALL_NAT_KINDS.indexOf(destination)] === "yes";
}
