/** Milliseconds on a monotonic clock; never wall time. It comes in as an argument everywhere. */
export type Millis = number;

/**
 * Keyed hash of `message`, whose key the maker of the function holds; the result is the caller's to
 * read until the next call. The algorithm is named where the function is made.
 */
export type KeyedHash = (message: Uint8Array) => Uint8Array;
