import { copyBytes, readU16, writeU16, writeU32 } from "../../wire/bytes.ts";
import { ICMPV6_ECHO_REPLY, ICMPV6_ECHO_REQUEST } from "../../wire/build.ts";
import { payloadChecksum } from "../../wire/checksum.ts";
import {
  DESTINATION_AT,
  equalIpv6,
  IPV6_HEADER_LENGTH,
  IPV6_LENGTH,
  NEXT_HEADER_AT,
  NEXT_HEADER_ICMPV6,
  SOURCE_AT,
  writeIpv6Header,
} from "../../wire/ipv6.ts";

const ICMPV6_HEADER_LENGTH = 8;
/** The 64 random bits by which an answer proves that its sender saw the request. RFC 4380 §5.2.9 */
export const ECHO_DATA_LENGTH = 8;
export const ECHO_LENGTH = IPV6_HEADER_LENGTH + ICMPV6_HEADER_LENGTH + ECHO_DATA_LENGTH;
const HOP_LIMIT = 128;

export interface Echo {
  /** 16 bytes each. */
  readonly source: Uint8Array;
  readonly target: Uint8Array;
  readonly identifier: number;
  readonly sequence: number;
  /** {@link ECHO_DATA_LENGTH} random bytes. */
  readonly data: Uint8Array;
}

/** 56 bytes at `at`: IPv6 header, ICMPv6 echo request, 8 bytes of data. */
export function writeEchoRequest(b: Uint8Array, at: number, echo: Echo): number {
  writeIpv6Header(b, at, ECHO_LENGTH - IPV6_HEADER_LENGTH, NEXT_HEADER_ICMPV6, HOP_LIMIT);
  copyBytes(b, at + SOURCE_AT, echo.source, 0, IPV6_LENGTH);
  copyBytes(b, at + DESTINATION_AT, echo.target, 0, IPV6_LENGTH);
  const icmp = at + IPV6_HEADER_LENGTH;
  writeU32(b, icmp, (ICMPV6_ECHO_REQUEST << 24) >>> 0);
  writeU16(b, icmp + 4, echo.identifier);
  writeU16(b, icmp + 6, echo.sequence);
  copyBytes(b, icmp + ICMPV6_HEADER_LENGTH, echo.data, 0, ECHO_DATA_LENGTH);
  writeU16(b, icmp + 2, payloadChecksum(b, at));
  return at + ECHO_LENGTH;
}

/** Whether the packet at `at` answers `echo`, to the last bit of its data. RFC 4380 §5.2.3 case 2 */
export function isEchoReply(b: Uint8Array, at: number, length: number, echo: Echo): boolean {
  const icmp = at + IPV6_HEADER_LENGTH;
  return length === ECHO_LENGTH && b[at + NEXT_HEADER_AT] === NEXT_HEADER_ICMPV6 &&
    b[icmp] === ICMPV6_ECHO_REPLY && b[icmp + 1] === 0 && payloadChecksum(b, at) === 0 &&
    equalIpv6(b, at + SOURCE_AT, echo.target, 0) &&
    equalIpv6(b, at + DESTINATION_AT, echo.source, 0) && repeats(b, icmp, echo);
}

/** Whether the ICMPv6 error at `at` quotes `echo`, which only one on its way can do. RFC 4443 §3 */
export function isErrorAbout(b: Uint8Array, at: number, length: number, echo: Echo): boolean {
  const icmp = at + IPV6_HEADER_LENGTH;
  const quoted = icmp + ICMPV6_HEADER_LENGTH;
  if (length < IPV6_HEADER_LENGTH + ICMPV6_HEADER_LENGTH + ECHO_LENGTH) return false;
  return b[at + NEXT_HEADER_AT] === NEXT_HEADER_ICMPV6 && b[icmp]! < 128 &&
    payloadChecksum(b, at) === 0 && equalIpv6(b, quoted + SOURCE_AT, echo.source, 0) &&
    equalIpv6(b, quoted + DESTINATION_AT, echo.target, 0) &&
    b[quoted + IPV6_HEADER_LENGTH] === ICMPV6_ECHO_REQUEST &&
    repeats(b, quoted + IPV6_HEADER_LENGTH, echo);
}

function repeats(b: Uint8Array, icmp: number, echo: Echo): boolean {
  if (readU16(b, icmp + 4) !== echo.identifier) return false;
  if (readU16(b, icmp + 6) !== echo.sequence) return false;
  for (let i = 0; i < ECHO_DATA_LENGTH; i++) {
    if (b[icmp + ICMPV6_HEADER_LENGTH + i] !== echo.data[i]) return false;
  }
  return true;
}
