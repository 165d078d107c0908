import { NEXT_HEADER_ICMPV6, NEXT_HEADER_TCP, NEXT_HEADER_UDP } from "#src/protocol/wire/ipv6.ts";
import type { SamplePacket } from "../../traffic.ts";

/** From the first byte up to, and without, the second. */
type Range = readonly [from: number, to: number];

/** What differs between packets of one kind: class of service, length, identification, hop limit, checksum. */
const OF_IPV4: readonly Range[] = [[1, 6], [8, 9], [10, 12]];
const OF_IPV6: readonly Range[] = [[1, 6], [7, 8]];
/** Length or numbers, window, checksum, and all that is behind. */
const OF_TRANSPORT: Readonly<Record<number, readonly Range[]>> = {
  [NEXT_HEADER_TCP]: [[4, 12], [14, Infinity]],
  [NEXT_HEADER_UDP]: [[4, Infinity]],
  [NEXT_HEADER_ICMPV6]: [[2, Infinity]],
};

/**
 * Whether bytes of a packet are what they are in every packet that the sample stands for; those behind
 * its headers are not.
 *
 * @param at of the network header, or of the transport header
 */
export function isTelling(
  { bytes, transportAt, protocol }: SamplePacket,
  version: 4 | 6,
  header: "network" | "transport",
  at: number,
  length: number,
): boolean {
  const isNetwork = header === "network";
  if (at < 0 || length < 0) return false;
  if ((isNetwork ? at : transportAt + at) + length > bytes.length) return false;
  const varying = isNetwork ? version === 4 ? OF_IPV4 : OF_IPV6 : OF_TRANSPORT[protocol] ?? [];
  return varying.every(([from, to]) => at + length <= from || to <= at);
}
