/**
 * One entry is 64 bytes, a cache line, in native byte order:
 *
 *      0 Teredo address, four words (16)     16 mapped address (4)   20 mapped port (2)
 *     22 flags (1)    23 bubbles sent (1)    24 our address (4)      28 hash of the key (4)
 *     32 last received (8)    40 last transmitted (8)    48 last bubble (8)
 *     56 turns (1)    57 free (3)     60 trusted since, in seconds (4)
 *
 * Times are milliseconds as float64. Of a peer whose packets pass without us, by a lease, the
 * first two lag by up to two seconds.
 */
export const HALVES = 32;
export const BYTES = 64;
export const TIMES = 8;
export const MAPPED_ADDRESS = 4;
export const MAPPED_PORT = 10;
export const FLAGS = 22;
export const BUBBLES = 23;
export const TURNS = 56;
export const LOCAL = 6;
export const TRUSTED_SINCE = 15;
export const LAST_RECEIVED = 4;
export const LAST_TRANSMITTED = 5;
export const LAST_BUBBLE = 6;

/** A packet came from the address itself. RFC 4380 §5.4.2 */
export const TRUSTED = 1;
/** Bubbles are going out; the timer is that of the next one. RFC 4380 §5.4.1 case 3 */
export const RESOLVING = 2;
/** A packet came for it since the last bubble. */
export const WANTED = 4;
/** The mapping is where an answer to a bubble came from, token and all. */
export const PROVEN = 8;
/** The entry is some peer's, not one that was given back. */
export const TAKEN = 16;
/** Its packets may pass without us, by a lease. */
export const LEASED = 32;
