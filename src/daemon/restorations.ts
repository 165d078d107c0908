import { KEPT, type Kept } from "#src/datapath/keep/contract.ts";

/** How often each part of the interface was set up again. */
export type Restorations = Record<Kept, number>;

export function noRestorations(): Restorations {
  return Object.fromEntries(KEPT.map((what) => [what, 0])) as Restorations;
}
