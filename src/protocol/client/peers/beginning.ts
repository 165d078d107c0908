import type { ClientParts } from "../parts.ts";
import type { PeerId } from "../../peers/index.ts";
import type { Millis } from "../../time.ts";

/** When the flow with `p` began; what our host began may go on by any address. */
export function beginningOf(
  p: PeerId,
  { peers, paths }: Pick<ClientParts, "peers" | "paths">,
): Millis {
  if (paths.isWanted(p)) return -Infinity;
  return peers.isTrusted(p) ? peers.trustedSince(p) : Infinity;
}
