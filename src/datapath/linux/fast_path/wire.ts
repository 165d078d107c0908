/** Headers of what the programs see, as offsets from their first byte: RFC 791 §3.1, RFC 768. */

export const IPV4_HEADER = 20;
/** Version 4 and a header of five words, without options. */
export const IPV4_PLAIN = 0x45;
export const IPV4_TOS_AT = 1;
export const IPV4_LENGTH_AT = 2;
export const IPV4_ID_AT = 4;
export const IPV4_FRAGMENT_AT = 6;
export const IPV4_TTL_AT = 8;
export const IPV4_PROTOCOL_AT = 9;
export const IPV4_CHECKSUM_AT = 10;
export const IPV4_SOURCE_AT = 12;
export const IPV4_DESTINATION_AT = 16;

/** Of the fragment field: more follow, and where this one starts. */
export const MORE_FRAGMENTS = 0x2000;
export const FRAGMENT_OFFSET = 0x1fff;
/** Of the TOS field. RFC 3168 §5 */
export const ECN = 0x03;
export const PROTOCOL_UDP = 17;

export const UDP_HEADER = 8;
export const UDP_SOURCE_PORT_AT = 0;
export const UDP_DESTINATION_PORT_AT = 2;
export const UDP_LENGTH_AT = 4;
export const UDP_CHECKSUM_AT = 6;

/** What the tunnel puts before an IPv6 packet. */
export const TUNNEL_HEADERS: number = IPV4_HEADER + UDP_HEADER;
