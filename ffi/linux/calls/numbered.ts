/** System calls in runs: the number of the first, and the names in order; `-` where there is none. */
export type Numbered = readonly (readonly [first: number, names: string])[];
