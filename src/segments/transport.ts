/**
 * TCP and UDP headers as offsets from their first byte (RFC 9293 §3.1, RFC 768):
 *
 *     TCP   0 source port (2)      2 destination port (2)   4 sequence number (4)
 *           8 acknowledgment (4)  12 data offset (1)       13 flags (1)
 *          14 window (2)          16 checksum (2)          18 urgent pointer (2)   20 options
 *     UDP   0 source port (2)      2 destination port (2)   4 length (2)   6 checksum (2)
 */
export const TCP_HEADER_LENGTH = 20;
export const TCP_SEQUENCE_AT = 4;
export const TCP_ACKNOWLEDGMENT_AT = 8;
export const TCP_DATA_OFFSET_AT = 12;
export const TCP_FLAGS_AT = 13;
export const TCP_WINDOW_AT = 14;
export const TCP_CHECKSUM_AT = 16;
export const TCP_URGENT_POINTER_AT = 18;

export const UDP_HEADER_LENGTH = 8;
export const UDP_LENGTH_AT = 4;
export const UDP_CHECKSUM_AT = 6;

/** Both ports, at the start of either header. */
export const PORTS_LENGTH = 4;

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const URG = 0x20;
/** Congestion window reduced: told once, with the first segment sent after it. RFC 3168 §6.1.2 */
export const CWR = 0x80;

/** Header and options, by the data offset of the TCP header at `at`; may be less than 20. */
export function tcpHeaderLength(b: Uint8Array, at: number): number {
  return (b[at + TCP_DATA_OFFSET_AT]! >> 4) * 4;
}
