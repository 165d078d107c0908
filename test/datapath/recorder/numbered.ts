import { writeU32 } from "#src/protocol/wire/bytes.ts";
import {
  DESTINATION_AT,
  NEXT_HEADER_UDP,
  SOURCE_AT,
  writeIpv6Header,
} from "#src/protocol/wire/ipv6.ts";

/** Writes a packet that says `n` in all words of both addresses and of its UDP header. @returns its length */
export function numbered(b: Uint8Array, n: number): number {
  const payload = 8 + (n % 1_000);
  writeIpv6Header(b, 0, payload, NEXT_HEADER_UDP, 64);
  for (let at = SOURCE_AT; at < DESTINATION_AT + 24; at += 4) writeU32(b, at, n);
  return 40 + payload;
}
