import { readU16, readU32 } from "#src/protocol/wire/bytes.ts";
import { ICMPV6_ROUTER_ADVERTISEMENT, ND_HOP_LIMIT } from "#src/protocol/wire/build.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { NONCE_LENGTH, type TeredoDatagram } from "#src/protocol/wire/datagram.ts";
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
} from "#src/protocol/wire/ipv6.ts";

const FIXED_LENGTH = 16;
const OPTION_PREFIX = 3;
const OPTION_MTU = 5;
const PREFIX_OPTION_LENGTH = 32;
const MTU_OPTION_LENGTH = 8;
/** Of a server that sends no MTU option. RFC 4380 §5.1.2 */
const DEFAULT_MTU = 1280;

/** What the solicitation asked for, and so what an answer must show. */
export interface Expected {
  /** Our link-local address, from which the solicitation went. */
  readonly linkLocal: Uint8Array;
  readonly nonce: Uint8Array;
  /** Upper 32 bits of the service prefix. */
  readonly prefix: number;
  /** The primary address, also when the secondary one answers. */
  readonly serverAddress: number;
}

export interface Advertised {
  /** 0: the nonce's key is accepted; anything else: a new key is needed. RFC 4380 §5.2.2 */
  readonly confirmation: number;
  readonly mtu: number;
}

/** Whether the packet is a router advertisement at all. */
export function isAdvertisement(b: Uint8Array, datagram: TeredoDatagram): boolean {
  return b[datagram.ipv6At + NEXT_HEADER_AT] === NEXT_HEADER_ICMPV6 &&
    datagram.ipv6Length > IPV6_HEADER_LENGTH &&
    b[datagram.ipv6At + IPV6_HEADER_LENGTH] === ICMPV6_ROUTER_ADVERTISEMENT;
}

/**
 * Checks an advertisement as RFC 4380 §5.2.1, §5.2.2 and RFC 4861 §6.1.2 ask.
 *
 * @returns what it says, or the reason why it counts for nothing
 */
export function readAdvertisement(
  b: Uint8Array,
  datagram: TeredoDatagram,
  expected: Expected,
): Advertised | string {
  if (datagram.authenticationAt < 0) return "it does not repeat our nonce";
  for (let i = 0; i < NONCE_LENGTH; i++) {
    if (b[datagram.nonceAt + i] !== expected.nonce[i]) return "its nonce is not ours";
  }
  if (datagram.originAt < 0) return "it has no origin indication";

  const at = datagram.ipv6At;
  if (!equalIpv6(b, at + DESTINATION_AT, expected.linkLocal, 0)) {
    return "its destination is not our link-local address";
  }
  if (!isLinkLocal(b, at + SOURCE_AT)) return "its source is not link-local";
  if (b[at + HOP_LIMIT_AT] !== ND_HOP_LIMIT) return "its hop limit is not 255";
  const length = readU16(b, at + PAYLOAD_LENGTH_AT);
  const icmp = at + IPV6_HEADER_LENGTH;
  if (length < FIXED_LENGTH) return "it is too short";
  if (b[icmp + 1] !== 0) return "its code is not 0";
  if (payloadChecksum(b, at) !== 0) return "its checksum is wrong";
  return readOptions(b, icmp + FIXED_LENGTH, icmp + length, datagram.confirmation, expected);
}

function readOptions(
  b: Uint8Array,
  at: number,
  end: number,
  confirmation: number,
  expected: Expected,
): Advertised | string {
  let prefixes = 0;
  let mtu = DEFAULT_MTU;
  while (at < end) {
    const length = at + 1 < end ? 8 * b[at + 1]! : 0;
    if (length === 0 || at + length > end) return "an option has a wrong length";
    if (b[at] === OPTION_PREFIX) {
      if (length !== PREFIX_OPTION_LENGTH) return "its prefix option has a wrong length";
      prefixes++;
      const ours = b[at + 2] === 64 && readU32(b, at + 16) === expected.prefix &&
        readU32(b, at + 20) === expected.serverAddress;
      if (!ours) return "its prefix is not this server's";
    }
    if (b[at] === OPTION_MTU && length === MTU_OPTION_LENGTH) mtu = readU32(b, at + 4);
    at += length;
  }
  if (prefixes !== 1) return `it has ${prefixes} prefix options instead of one`;
  if (mtu < DEFAULT_MTU || mtu > 0xffff) return `its MTU ${mtu} is out of range`;
  return { confirmation, mtu };
}
