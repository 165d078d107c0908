import type { Ipv4Range } from "#src/protocol/wire/ipv4.ts";
import { goTo, ifAtMost32, ifBelow32, type Program, type Register } from "../../bpf/steps.ts";

/**
 * Goes on at `to` if an IPv4 address, in the machine's order, lies in one of the ranges: a search by
 * halves, written out.
 *
 * @param name of labels
 */
export function ifIn(
  address: Register,
  ranges: readonly Ipv4Range[],
  to: string,
  name: string,
): Program {
  const end = `${name}: none`;
  return [search(address, joined(ranges), to, name, end), end];
}

function search(
  address: Register,
  ranges: readonly Ipv4Range[],
  to: string,
  name: string,
  end: string,
): Program {
  if (ranges.length === 0) return [goTo(end)];
  const middle = ranges.length >> 1;
  const { first, last } = ranges[middle]!;
  const below = `${name}: below ${first}`;
  return [
    ifBelow32(address, first, below),
    ifAtMost32(address, last, to),
    search(address, ranges.slice(middle + 1), to, name, end),
    below,
    search(address, ranges.slice(0, middle), to, name, end),
  ];
}

/** In order, with what overlaps or touches as one. */
function joined(ranges: readonly Ipv4Range[]): readonly Ipv4Range[] {
  const all: Ipv4Range[] = [];
  for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
    const before = all.at(-1);
    if (before === undefined || range.first > before.last + 1) all.push(range);
    else all[all.length - 1] = { first: before.first, last: Math.max(before.last, range.last) };
  }
  return all;
}
