import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { Wake, Waking } from "#src/datapath/threads/wake.ts";
import { Waiter } from "#src/datapath/waiter.ts";

test("Waking.drain() has a thread sleep again that was woken, however often, and be woken again", async () => {
  const libc = await openLibc();
  const arena = new Arena(libc, 65_536);
  const wake = new Wake(libc, arena);
  const waking = new Waking(libc, arena, wake.fd);
  const waiter = new Waiter(libc, arena, [wake.fd]);
  const isAwake = () => {
    waiter.wait(0);
    return waiter.isReady(0);
  };
  assert.equal(isAwake(), false);
  for (const times of [1, 2, 64]) {
    for (let i = 0; i < times; i++) wake.signal();
    assert.equal(isAwake(), true);
    assert.equal(isAwake(), true, "until it is drained");
    waking.drain();
    assert.equal(isAwake(), false);
  }
  waking.drain(); // nothing there: it does not wait
  for (let i = 0; i < 100_000; i++) wake.signal(); // nor does who signals, when the pipe is full
  assert.equal(isAwake(), true);
  while (isAwake()) waking.drain();
  wake.close();
  arena.close();
});
