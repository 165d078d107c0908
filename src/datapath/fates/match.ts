import { PeerMatch, type PeerPattern } from "#src/protocol/peers/pattern.ts";
import { readU16, readU32 } from "#src/protocol/wire/bytes.ts";
import { FATE, MAX_SENT, Way } from "./fate.ts";

/**
 * Tells by a fate whether its packet is one of some peers': it came from one of them or made us send
 * to one, or it is from or to one as an IPv6 packet. A thread asks for all who want to know, the main
 * thread for each of them.
 */
export class FateMatch {
  readonly #matches: readonly PeerMatch[];

  /** @param servicePrefix upper 32 bits of what is a Teredo address */
  constructor(peers: readonly PeerPattern[], servicePrefix: number) {
    this.#matches = peers.map((peer) => new PeerMatch(peer, servicePrefix));
  }

  has(fate: Uint8Array): boolean {
    for (let i = 0; i < this.#matches.length; i++) {
      if (isMeant(this.#matches[i]!, fate)) return true;
    }
    return false;
  }
}

function isMeant(match: PeerMatch, fate: Uint8Array): boolean {
  const isFromUdp = fate[FATE.way] === Way.Udp;
  if (isFromUdp && match.isEnd(readU32(fate, FATE.address), readU16(fate, FATE.port))) return true;
  if (fate[FATE.ipv6Length] !== 0 && match.isPacket(fate, FATE.ipv6)) return true;
  const count = Math.min(fate[FATE.sent]!, MAX_SENT);
  for (let i = 0; i < count; i++) {
    const at = FATE.ends + 6 * i;
    if (match.isEnd(readU32(fate, at), readU16(fate, at + 4))) return true;
  }
  return false;
}
