import assert from "node:assert/strict";
import process from "node:process";
import { allocationOf, CHUNKS } from "./allocation.ts";

export const BATCH = 64;
export const PACKETS = 1_000_000;
/** Of a million packets, each way, in whole batches. */
export const CHUNK = Math.ceil(PACKETS / CHUNKS / BATCH) * BATCH;
const IS_BUN = process.versions["bun"] !== undefined;
/**
 * An object in every other packet shows. V8 makes a number of 16 bytes, the smallest it has, of the
 * time where that is handed to a function that it has not compiled into its caller: one a packet is
 * let pass, which is less than the smallest object. Packets come from below 128.0.0.0, because it
 * makes one of a larger address too. JavaScriptCore makes neither.
 */
const OBJECTS_PER_PACKET = IS_BUN ? 0.5 : 1.5;
/**
 * The same for what is no hot path, with bubbles and timers: there V8 also makes numbers of the times
 * that are handed on for each packet, now and then, as it happens to compile.
 */
export const OBJECTS_PER_STRANGER = IS_BUN ? OBJECTS_PER_PACKET : 4;
/** What an engine needs for itself, and nothing for a packet: that were 0.06 bytes each. */
const KEPT = 65_536;
/** Each a million packets: until all code is compiled, which a busy machine puts off. */
const ATTEMPTS = 12;

/** `chunk`, which is {@link CHUNK} packets, makes no objects, once it has become what it will be. */
export async function assertNoGarbage(
  chunk: () => void,
  limit = OBJECTS_PER_PACKET,
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    const { objects, kept } = await allocationOf(chunk);
    if (objects < CHUNK * limit && kept < KEPT) return;
    const found = `${objects} objects for ${CHUNK} packets, ${kept} bytes kept`;
    assert.ok(attempt < ATTEMPTS, found);
  }
}
