import { arranged, type Item, type Size } from "./arrange.ts";
import { blocksOf } from "./blocks.ts";
import { clockOf, dateOf } from "./clock.ts";
import { cut, type Line, narrow, rendered, widthOf, wrapped } from "./line.ts";
import type { Look } from "./look.ts";
import type { View } from "./seen.ts";

/**
 * What is seen, in lines that fit: none has more than `size.columns` columns, and there are at most
 * `size.rows`. What matters most is there in the smallest.
 */
export function frame(view: View, size: Size, look: Look): string[] {
  const blocks = view.daemons.flatMap((seen, i) => {
    const [header, ...more] = blocksOf(seen, view, size, look);
    return [{ ...header!, isApart: i > 0 }, ...more];
  });
  if (view.problems.length > 0) blocks.push({ items: problems(view, size, look), isApart: false });
  const [first = [], ...rest] = arranged(blocks, size.rows);
  return [withClock(first, view, size.columns), ...rest].slice(0, size.rows)
    .map((line) => rendered(fitting(line, size.columns), look));
}

function problems({ problems }: View, { columns }: Size, look: Look): Item[] {
  return problems.map((problem) => ({
    rank: 1,
    lines: wrapped(narrow(problem, look), columns).map((text) => [text]),
  }));
}

/** The clock, and which keys there are, at the end of the first line as far as that leaves room. */
function withClock(line: Line, { time, keys }: View, columns: number): Line {
  const clock = clockOf(time);
  const ends = [keys === undefined ? `${dateOf(time)} ${clock}` : `${clock}  ${keys}`, clock];
  const used = widthOf(line) + 2;
  const end = ends.find((it) => used + it.length <= columns);
  if (end === undefined) return line;
  return [...line, " ".repeat(columns - used - end.length + 2), { text: end, tone: "dim" }];
}

/** The last resort where the terminal is narrower than anything was made for. */
function fitting(line: Line, columns: number): Line {
  if (widthOf(line) <= columns) return line;
  const text = line.map((piece) => typeof piece === "string" ? piece : piece.text).join("");
  return [cut(text.replace(/ {2,}/g, " "), columns)];
}
