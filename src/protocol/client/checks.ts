import type { ClientParts } from "./parts.ts";
import { Drop } from "../drops.ts";
import { NO_HOME } from "./servers/homes.ts";
import { NO_PEER, type PeerId } from "../peers/index.ts";
import type { Millis } from "../time.ts";
import {
  checkIpv6,
  DESTINATION_AT,
  isLinkMessage,
  isMulticast,
  isUnroutable,
  SOURCE_AT,
} from "../wire/ipv6.ts";
import {
  isTeredo,
  mappedAddressOf,
  mappedPortOf,
  serverAddressOf,
} from "../wire/teredo_address.ts";

/** Why a packet of this host may not go out, whatever peer it is for. RFC 4380 §5.2.4 */
export class OutgoingChecks {
  readonly #parts: ClientParts;

  constructor(parts: ClientParts) {
    this.#parts = parts;
  }

  checkPacket(b: Uint8Array, at: number, length: number): Drop {
    const malformed = checkIpv6(b, at, length);
    if (malformed !== Drop.None) return malformed;
    const destination = at + DESTINATION_AT;
    if (isMulticast(b, destination) || isUnroutable(b, destination)) return Drop.DestinationScope;
    if (isMulticast(b, at + SOURCE_AT) || isUnroutable(b, at + SOURCE_AT)) return Drop.SourceScope;
    return this.#parts.homes.find(b, destination) === NO_HOME ? Drop.None : Drop.OwnAddress;
  }

  /** The kernel's own, to its link: no packet of anybody's. @param drop of {@link checkPacket} */
  isLinkMessage(drop: Drop, b: Uint8Array, at: number): boolean {
    return drop === Drop.DestinationScope && isLinkMessage(b, at);
  }

  /** Servers and relays would discard what is not from our address: RFC 4380 §5.3.1, §5.4.2. */
  checkSource(b: Uint8Array, at: number): Drop {
    const { homes } = this.#parts;
    if (homes.find(b, at + SOURCE_AT) !== NO_HOME) return Drop.None;
    return homes.current === NO_HOME ? Drop.NotQualified : Drop.SourceNotOurs;
  }

  /** Cases 4 and 5: to no address that is not global unicast, but to a peer on our own link. */
  checkEmbedded(b: Uint8Array, at: number, p: PeerId, now: Millis): Drop {
    const { filter, paths, options } = this.#parts;
    if (!isTeredo(b, at, options().prefix)) return Drop.None;
    if (p !== NO_PEER && paths.isLocal(p, now)) return Drop.None;
    if (!filter.isPeer(mappedAddressOf(b, at), mappedPortOf(b, at))) {
      return Drop.MappedAddressNotGlobal;
    }
    return filter.isServer(serverAddressOf(b, at)) ? Drop.None : Drop.ServerAddressNotGlobal;
  }
}
