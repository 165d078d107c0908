import assert from "node:assert/strict";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import { KernelWays } from "#src/datapath/linux/fast_path/ways.ts";
import { allocationOf } from "./allocation.ts";

const QUESTIONS = 1_000;
/** An object for every other address shows: an address above 127.255.255.255 is one to V8. */
const OBJECTS_PER_QUESTION = 0.5;
/** Until all code is compiled, which a busy machine puts off. */
const ATTEMPTS = 12;
const LOOPBACK = 0x7f00_0001;

test("KernelWays.to() leaves no garbage for addresses that it asks the kernel for, or knows", async () => {
  const ways = new KernelWays(await openLibc());
  let next = 0;
  const round = (times: number) => {
    for (let i = 0; i < QUESTIONS; i++) {
      const address = LOOPBACK + (next = (next + 1) % 0x7f_ffff);
      for (let j = 0; j < times; j++) assert.equal(ways.to(address, LOOPBACK), undefined);
    }
  };
  for (let attempt = 1;; attempt++) {
    const { objects, kept } = await allocationOf(() => round(2));
    if (objects < QUESTIONS * OBJECTS_PER_QUESTION && kept < 1 << 16) break;
    const found = `${objects} objects for ${QUESTIONS} addresses, ${kept} bytes kept`;
    assert.ok(attempt < ATTEMPTS, found);
  }
  ways.close();
});
