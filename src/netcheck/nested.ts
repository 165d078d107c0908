import type { NestedWord } from "./verdict.ts";

/**
 * Whether there is a NAT behind the NAT, by the addresses of the routers on the way.
 *
 * A private network behind the first router may also be one that is only routed: the words for people
 * say so.
 *
 * @param hops nearest first; undefined: the way was not looked at
 */
export function judgeNested(
  local: number | undefined,
  hops: readonly (number | undefined)[] | undefined,
  isMapped: boolean,
): NestedWord {
  const known = (hops ?? []).filter((it) => it !== undefined);
  const all = local === undefined ? known : [local, ...known];
  if (all.some(isShared)) return "carrier";
  if (!isMapped) return local === undefined || hops === undefined ? "unknown" : "no";
  if (known.length === 0) return "unknown";
  return known.filter(isPrivate).length >= 2 ? "nested" : "no";
}

/** RFC 1918 §3 */
export function isPrivate(address: number): boolean {
  return address >>> 24 === 10 || address >>> 20 === 0xac1 || address >>> 16 === 0xc0a8;
}

/** 100.64.0.0/10, between a carrier's NAT and its customers. RFC 6598 §7 */
function isShared(address: number): boolean {
  return address >>> 22 === 0x191;
}
