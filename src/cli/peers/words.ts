import type { Role } from "#src/config/config.ts";
import { UsageError } from "../exit.ts";
import { shown } from "../shared_flags.ts";

/** The roles that have peers; where nobody names one, in this order. */
export const WITH_PEERS = ["relay", "client"] as const satisfies readonly Role[];

export type PeerRole = (typeof WITH_PEERS)[number];

export const isPeerRole = (word: string): word is PeerRole =>
  (WITH_PEERS as readonly string[]).includes(word);

interface Told {
  readonly role: PeerRole | undefined;
  readonly word: string | undefined;
}

/** Takes `[ROLE] [WORD]` apart. @throws UsageError for two words, of which the first is no role */
export function toldBy(first?: string, second?: string): Told {
  if (first !== undefined && isPeerRole(first)) return { role: first, word: second };
  if (second === undefined) return { role: undefined, word: first };
  throw new UsageError(`${shown(first!)} is none of ${WITH_PEERS.join(", ")}, which have peers`);
}
