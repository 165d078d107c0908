/**
 * Linux constants and structure layouts for LP64 (x86-64, aarch64), as data.
 *
 * `test/runtime/layout_test.ts` compares every value here with what a C compiler says.
 */

// <sys/mman.h>
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_PRIVATE = 2;
export const MAP_ANONYMOUS = 0x20;
/** `(void *) -1` as the number that either backend makes of it. */
export const MAP_FAILED = 0xffff_ffff_ffff_ffff;
