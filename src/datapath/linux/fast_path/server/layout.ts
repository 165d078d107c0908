import { ETH_HLEN } from "#ffi/linux/mod.ts";
import { AUTHENTICATION_FIXED_LENGTH, ORIGIN_LENGTH } from "#src/protocol/wire/datagram.ts";
import { ADVERTISEMENT_LENGTH } from "#src/protocol/wire/build.ts";
import { IPV6_HEADER_LENGTH } from "#src/protocol/wire/ipv6.ts";
import { R8, type Register } from "../../bpf/steps.ts";
import { LENGTH } from "../parts.ts";
import { TUNNEL_HEADERS } from "../wire.ts";

/** Where the server's program has what it works on. */

/** An authentication header with neither identifier nor value. RFC 4380 §5.2.2 */
export const AUTHENTICATION_LENGTH: number = AUTHENTICATION_FIXED_LENGTH;
/** An IPv6 header, and a router solicitation without options. RFC 4861 §4.1 */
export const SOLICITATION_LENGTH: number = IPV6_HEADER_LENGTH + 8;
/** An origin indication, and an IPv6 packet with a router advertisement. */
export const ANSWER_LENGTH: number = ORIGIN_LENGTH + ADVERTISEMENT_LENGTH;

/** All headers before the UDP payload. */
export const HEADERS: number = ETH_HLEN + TUNNEL_HEADERS;
/** A whole frame without, and with, an authentication header. */
export const PLAIN_FRAME: number = HEADERS + SOLICITATION_LENGTH;
export const AUTHENTICATED_FRAME: number = PLAIN_FRAME + AUTHENTICATION_LENGTH;

// Registers that outlast a call
export { CONTEXT } from "../parts.ts";
/** The cell of `counts.ts` that the datagram is counted in. */
export const CELL: Register = R8;
/** Bytes of the frame as it came; at the end, what the program returns. */
export const SIZE: Register = LENGTH;

// The stack, from its end down. Each part is aligned as its largest loads have to be.
/** Of a helper: a map's key. u32 */
export const KEY_AT = -4;
/** Ethernet, IPv4 and UDP header, which become those of the answer: IPv4's lies at a whole 8 bytes. */
export const HEADERS_AT: number = KEY_AT - HEADERS;
export const IPV4_AT: number = HEADERS_AT + ETH_HLEN;
export const UDP_AT: number = HEADERS_AT + HEADERS - 8;
/** The authentication header and three bytes of 0; all 0 where there is none. */
export const AUTHENTICATION_AT = -64;
/** The IPv6 packet as it came. */
export const SOLICITATION_AT: number = AUTHENTICATION_AT - SOLICITATION_LENGTH;
/** Origin indication and IPv6 packet of the answer. */
export const ANSWER_AT: number = SOLICITATION_AT - ANSWER_LENGTH;
export const ADVERTISEMENT_AT: number = ANSWER_AT + ORIGIN_LENGTH;
/** This moment. u64 */
export const NOW_AT: number = ANSWER_AT - 8;
/** Room for a number of 64 bits on its way to a register. */
export const LONG_AT: number = NOW_AT - 8;
/** The address that the answer leaves from. u32 */
export const FROM_AT: number = LONG_AT - 8;
