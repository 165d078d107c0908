import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { BATCH, CAPACITY, Frames, HEADROOM, Scratch } from "#src/datapath/frames.ts";
import { SharedState } from "#src/datapath/threads/shared.ts";
import { MAX_BROADCASTS } from "#src/protocol/guard/broadcasts.ts";

test("SharedState: what one side stores the other reads through the same buffer", () => {
  const main = new SharedState();
  const thread = new SharedState(main.buffer);
  assert.equal(thread.stopping, false);
  main.requestStop();
  assert.equal(thread.stopping, true);
  thread.counters[3] = 2 ** 53 - 1;
  assert.equal(main.counters[3], 2 ** 53 - 1);
});

test("SharedState.setBroadcasts() hands over a list, and changes the version", () => {
  const main = new SharedState();
  const thread = new SharedState(main.buffer);
  const most = Array.from({ length: MAX_BROADCASTS }, (_, i) => 0xffffffff - i);
  for (const list of [[0xcb0071ff], most, []]) {
    const version = thread.broadcastsVersion;
    main.setBroadcasts(list);
    assert.notEqual(thread.broadcastsVersion, version);
    assert.deepEqual(thread.broadcasts(), list);
  }
  assert.throws(() => main.setBroadcasts([...most, 1]), RangeError);
});

test("SharedState.announceWays() is seen by the thread, and so is whether there is lending", () => {
  const main = new SharedState();
  const thread = new SharedState(main.buffer);
  const seen = [thread.waysVersion, thread.lending];
  main.announceWays();
  main.lending = true;
  assert.deepEqual(seen, [0, false]);
  assert.deepEqual([thread.waysVersion, thread.lending], [1, true]);
  main.lending = false;
  assert.equal(thread.lending, false);
  assert.equal(thread.queueVersion, 0, "which is another word");
});

test("Frames: slots keep their headroom and do not overlap", async () => {
  const libc = await openLibc();
  const arena = new Arena(libc, Frames.size + 4096);
  const frames = new Frames(arena);
  for (let i = 1; i < BATCH; i++) {
    assert.ok(frames.at(i) - frames.at(i - 1) >= CAPACITY + HEADROOM);
  }
  assert.ok(frames.at(0) >= HEADROOM);
  assert.ok(frames.at(BATCH - 1) + CAPACITY <= arena.u8.length);
  arena.close();
});

test("Scratch.take() keeps places apart, says -1 when full, and starts again after clear()", async () => {
  const arena = new Arena(await openLibc(), 4096);
  const scratch = new Scratch(arena, 64);
  const first = scratch.take(3);
  const second = scratch.take(2);
  assert.ok(first >= 0 && second >= first + 3);
  assert.equal(scratch.take(64), -1);
  assert.equal(scratch.take(48), second + 8, "what was refused took nothing");
  scratch.clear();
  assert.equal(scratch.take(64), first);
});
