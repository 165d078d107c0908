import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";

const IS_BUN = process.versions["bun"] !== undefined;
/** Pieces that a run is made of: so short that hardly one sees a collection. */
export const CHUNKS = 100;
/** Of so many pieces one is measured: a look at the heap of JavaScriptCore takes 30 ms. */
const LOOK_EVERY = IS_BUN ? 4 : 1;
/** The smallest thing that V8 has on its heap: a number that is no small integer. */
const V8_CELL = 16;

/** What a piece of code has left for the garbage collector. */
export interface Allocation {
  /**
   * Objects it made in a chunk, whether still in use or not.
   *
   * JavaScriptCore tells how many lie on the heap: the median of the chunks, since a collection in
   * one of them takes some away. V8 tells bytes handed out, 256 KiB at a time: the mean, as many of
   * the smallest objects as they could be.
   */
  readonly objects: number;
  /** Bytes still in use after a full collection, more than before. */
  readonly kept: number;
}

/** How an engine tells of its heap. */
interface Heap {
  collect(): void;
  /** Bytes in use; right after {@link collect}. */
  used(): number;
  /** Objects made so far, and perhaps not collected yet. */
  objects(): number;
  /** What stands for all chunks. */
  typical(made: readonly number[]): number;
}

/** Runs `chunk` {@link CHUNKS} times and measures it, now and then. Code that is not yet compiled makes more. */
export async function allocationOf(chunk: () => void): Promise<Allocation> {
  const heap = IS_BUN ? await openJavaScriptCore() : openV8();
  const made = new Array<number>(CHUNKS / LOOK_EVERY).fill(0);
  const usedBefore = settled(heap);
  // To look at the heap takes objects too.
  heap.objects();
  const looked = heap.objects();
  const look = heap.objects() - looked;
  for (let i = 0; i < CHUNKS; i++) {
    if (i % LOOK_EVERY !== 0) {
      chunk();
      continue;
    }
    const before = heap.objects();
    chunk();
    made[i / LOOK_EVERY] = heap.objects() - before - look;
  }
  const kept = settled(heap) - usedBefore;
  return { objects: heap.typical(made), kept };
}

/**
 * Bytes in use once a collection finds no more to take away: what one frees may hold more, and code
 * that is no longer run goes when it has not been for a while.
 */
function settled(heap: Heap): number {
  for (let used = Infinity;;) {
    heap.collect();
    const now = heap.used();
    if (now >= used) return now;
    used = now;
  }
}

async function openJavaScriptCore(): Promise<Heap> {
  const { fullGC, heapSize, heapStats } = await import("bun:jsc");
  return {
    collect: fullGC,
    used: heapSize,
    // By kind, as they lie there now; the total in the same statistics is that of the last collection.
    objects: () => Object.values(heapStats().objectTypeCounts).reduce((sum, n) => sum + n, 0),
    typical: (made) => made.toSorted((a, b) => a - b)[made.length >> 1]!,
  };
}

function openV8(): Heap {
  v8.setFlagsFromString("--expose-gc");
  const collect = vm.runInNewContext("gc") as () => void;
  const statistics = v8.getHeapStatistics as () => v8.HeapInfo & { total_allocated_bytes: number };
  return {
    collect,
    used: () => statistics().used_heap_size,
    objects: () => statistics().total_allocated_bytes / V8_CELL,
    typical: (made) => made.reduce((sum, n) => sum + n, 0) / made.length,
  };
}
