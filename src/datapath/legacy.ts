import type { Millis } from "#src/protocol/time.ts";

/** What a relay leaves of its peers to the one that comes after it. */
export interface Legacy<B extends ArrayBufferLike = ArrayBufferLike> {
  /** Of `writeLegacy()` in `src/protocol/peers/legacy.ts`, those of each thread. */
  readonly rows: readonly Uint8Array<B>[];
  /** When the first of them were written, by `Kernel.bootTime()`. */
  readonly writtenAt: Millis;
}

/** The peers of all threads; undefined where one of them left nothing. */
export function together(parts: readonly (Legacy | undefined)[]): Legacy | undefined {
  const all = parts.filter((it) => it !== undefined);
  if (all.length < parts.length || all.length === 0) return undefined;
  return {
    rows: all.flatMap(({ rows }) => rows),
    writtenAt: Math.min(...all.map(({ writtenAt }) => writtenAt)),
  };
}
