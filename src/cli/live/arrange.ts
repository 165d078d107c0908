import type { Line } from "./line.ts";

export interface Size {
  readonly columns: number;
  /** Infinity: all there is to say. */
  readonly rows: number;
}

/** Lines that stand or fall together. */
export interface Item {
  readonly lines: readonly Line[];
  /** The lower the sooner there is room for it. */
  readonly rank: number;
}

export interface Block {
  /** Stands where at least one of the items does. */
  readonly head?: Line;
  /** A blank line before it has the rank of its first item; other blocks have one where there is room. */
  readonly isApart?: boolean;
  readonly items: readonly Item[];
}

/** Items from this rank on leave room for blank lines between blocks. */
const ROOMY = 20;

/** The items that there is room for, by their rank, in the order of the blocks. */
export function arranged(blocks: readonly Block[], rows: number): Line[] {
  const all = blocks.flatMap((block) => block.items.map((item) => ({ block, item })));
  const taken = new Map<Block, Set<Item>>();
  const gaps = Math.min(blocks.length - 1, Math.floor(rows / 8));
  let room = rows;
  for (const { block, item } of all.sort((a, b) => a.item.rank - b.item.rank)) {
    const before = Number(block.head !== undefined) + Number(block.isApart === true);
    const cost = item.lines.length + (taken.has(block) ? 0 : before);
    if (cost > room - (item.rank < ROOMY ? 0 : gaps)) continue;
    taken.set(block, (taken.get(block) ?? new Set()).add(item));
    room -= cost;
  }
  const shown = blocks.filter((block) => taken.has(block));
  const others = shown.slice(1).filter((block) => block.isApart !== true);
  // The first ones stand out by themselves.
  const spaced = new Set(room > 0 ? others.slice(-room) : []);
  return shown.flatMap((block) => {
    const blank: Line[] = block.isApart || spaced.has(block) ? [[]] : [];
    const head = block.head === undefined ? [] : [block.head];
    const items = block.items.filter((item) => taken.get(block)!.has(item));
    return [...blank, ...head, ...items.flatMap(({ lines }) => lines)];
  });
}
