import type { Prng } from "#test/sim/prng.ts";

/** Tries one input; throws where something that has to hold does not. It may not keep `input`. */
export type Run = (input: Uint8Array) => void | Promise<void>;

/** Something that takes bytes from elsewhere. One file each in `targets/`. */
export interface Target {
  readonly name: string;
  /** Bytes of an event, where an input is a list of these; 1: it is not. */
  readonly unit: number;
  /** Bytes of the longest input. */
  readonly most: number;
  /** To begin with. */
  readonly seeds: () => readonly Uint8Array[];
  /** What means something in such inputs, to be put in anywhere. */
  readonly words?: readonly Uint8Array[];
  /** An input of the right form that is near to this one, in memory of its own. */
  readonly mutate?: (input: Uint8Array, random: Prng) => Uint8Array;
  /** A world for inputs, one after the other, each of which finds it as if it were new. */
  readonly open: () => Run | Promise<Run>;
}
