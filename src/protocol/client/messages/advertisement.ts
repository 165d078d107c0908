import { equalInConstantTime, readU16, readU32 } from "../../wire/bytes.ts";
import { ICMPV6_ROUTER_ADVERTISEMENT, ND_HOP_LIMIT } from "../../wire/build.ts";
import { payloadChecksum } from "../../wire/checksum.ts";
import { NONCE_LENGTH, type TeredoDatagram } from "../../wire/datagram.ts";
import type { ClientIdentity, Solicitation } from "./solicitation.ts";
import { verifyAuthentication } from "../../wire/authentication.ts";
import { Drop } from "../../drops.ts";
import {
  DESTINATION_AT,
  equalIpv6,
  HOP_LIMIT_AT,
  IPV6_HEADER_LENGTH,
  isLinkLocal,
  NEXT_HEADER_AT,
  NEXT_HEADER_ICMPV6,
  PAYLOAD_LENGTH_AT,
  SOURCE_AT,
} from "../../wire/ipv6.ts";

const FIXED_LENGTH = 16;
const OPTION_PREFIX = 3;
const OPTION_MTU = 5;
const PREFIX_OPTION_LENGTH = 32;
const MTU_OPTION_LENGTH = 8;
/** Of a server that sends no MTU option. RFC 4380 §5.1.2 */
const DEFAULT_MTU = 1280;

/** Whether the packet is a router advertisement at all. */
export function isAdvertisement(b: Uint8Array, datagram: TeredoDatagram): boolean {
  return b[datagram.ipv6At + NEXT_HEADER_AT] === NEXT_HEADER_ICMPV6 &&
    datagram.ipv6Length > IPV6_HEADER_LENGTH &&
    b[datagram.ipv6At + IPV6_HEADER_LENGTH] === ICMPV6_ROUTER_ADVERTISEMENT;
}

/**
 * Reads router advertisements, as RFC 4380 §5.2.1, §5.2.2 and RFC 4861 §6.1.2 ask; made once and used
 * for many. Its fields are those of the last one that was valid.
 */
export class AdvertisementReader {
  /** 0: the nonce's key is accepted; anything else: a new key is needed. RFC 4380 §5.2.2 */
  confirmation = 0;
  mtu = DEFAULT_MTU;

  /**
   * Reads the advertisement that `datagram` found in `b`.
   *
   * Of the prefix the lower half is not looked at: a public server writes `ff00:0:20:100` there.
   * Reachable and retransmission times say nothing to a client.
   *
   * @param solicitation that it is to be the answer to
   * @param prefix upper 32 bits of the service prefix
   * @param serverAddress the primary address, also when the secondary one answers
   * @returns why it counts for nothing; {@link Drop.None} otherwise
   */
  read(
    b: Uint8Array,
    datagram: TeredoDatagram,
    solicitation: Solicitation,
    prefix: number,
    serverAddress: number,
  ): Drop {
    const { linkLocal, nonce, identity } = solicitation;
    if (datagram.authenticationAt < 0) return Drop.AuthenticationMissing;
    if (!equalInConstantTime(b, datagram.nonceAt, nonce, 0, NONCE_LENGTH)) {
      return Drop.NonceMismatch;
    }
    if (datagram.originAt < 0) return Drop.NoOrigin;

    const at = datagram.ipv6At;
    if (!equalIpv6(b, at + DESTINATION_AT, linkLocal, 0)) return Drop.DestinationNotOurs;
    if (!isLinkLocal(b, at + SOURCE_AT)) return Drop.SourceScope;
    if (b[at + HOP_LIMIT_AT] !== ND_HOP_LIMIT) return Drop.BadHopLimit;
    const length = readU16(b, at + PAYLOAD_LENGTH_AT);
    const icmp = at + IPV6_HEADER_LENGTH;
    if (length < FIXED_LENGTH) return Drop.BadAdvertisement;
    if (payloadChecksum(b, at) !== 0) return Drop.BadChecksum;
    if (b[icmp + 1] !== 0) return Drop.BadAdvertisement;
    const drop = this.#readOptions(b, icmp + FIXED_LENGTH, icmp + length, prefix, serverAddress);
    if (drop !== Drop.None) return drop;
    if (identity !== undefined && !isSigned(b, datagram, identity)) {
      return Drop.AuthenticationFailed;
    }
    this.confirmation = datagram.confirmation;
    return Drop.None;
  }

  /** The form of all options before what they say, so that each advertisement has one fault. */
  #readOptions(
    b: Uint8Array,
    at: number,
    end: number,
    prefix: number,
    serverAddress: number,
  ): Drop {
    let prefixAt = 0;
    let mtu = DEFAULT_MTU;
    let prefixes = 0;
    while (at < end) {
      const length = at + 1 < end ? 8 * b[at + 1]! : 0;
      if (length === 0 || at + length > end) return Drop.BadAdvertisement;
      if (b[at] === OPTION_PREFIX) {
        if (length !== PREFIX_OPTION_LENGTH) return Drop.BadAdvertisement;
        prefixes++;
        prefixAt = at;
      }
      if (b[at] === OPTION_MTU && length === MTU_OPTION_LENGTH) mtu = readU32(b, at + 4);
      at += length;
    }
    if (prefixes !== 1) return Drop.BadAdvertisement;
    const ours = b[prefixAt + 2] === 64 && readU32(b, prefixAt + 16) === prefix &&
      readU32(b, prefixAt + 20) === serverAddress;
    if (!ours) return Drop.PrefixMismatch;
    if (mtu < DEFAULT_MTU || mtu > 0xffff) return Drop.BadAdvertisement;
    this.mtu = mtu;
    return Drop.None;
  }
}

function isSigned(b: Uint8Array, datagram: TeredoDatagram, identity: ClientIdentity): boolean {
  return verifyAuthentication(b, datagram, identity.key, identity.authenticate);
}
