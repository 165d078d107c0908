import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import { Worker } from "node:worker_threads";
import { lengthOf, SharedValue } from "#src/datapath/threads/shared_value.ts";

const RULES = {
  rate: 1_000_000.25,
  restricted: false,
  served: [{ bytes: Uint8Array.of(0x20, 1, 0, 0xff), length: 32 }],
  secrets: [{ clientId: new Uint8Array(255).fill(0xfe), key: new Uint8Array(0), valid: true }],
};

test("SharedValue: what one thread replaces each other one takes, once", () => {
  const main = new SharedValue<object>(4_096);
  const threads = [1, 2].map(() => new SharedValue<object>(main.buffer));
  for (const thread of threads) assert.equal(thread.take(), undefined);
  for (const rules of [RULES, { ...RULES, served: undefined }, { none: [] }]) {
    assert.equal(main.replace(rules), true);
    for (const thread of threads) {
      assert.deepEqual(thread.take(), withoutUndefined(rules));
      assert.equal(thread.take(), undefined);
    }
  }
  main.replace({ a: 1 });
  main.replace({ a: 2 });
  assert.deepEqual(threads[0]!.take(), { a: 2 }, "the last ones alone");
});

function withoutUndefined(rules: object): object {
  return Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== undefined));
}

test("SharedValue.replace() refuses what there is no room for, and changes nothing", () => {
  const room = lengthOf({ text: "x".repeat(100) });
  const main = new SharedValue<object>(room);
  const thread = new SharedValue<object>(main.buffer);
  assert.equal(main.replace({ text: "x".repeat(100) }), true);
  assert.equal(main.replace({ text: "x".repeat(101) }), false);
  assert.deepEqual(thread.take(), { text: "x".repeat(100) });
  assert.equal(main.replace({ text: "" }), true);
  assert.deepEqual(thread.take(), { text: "" });
});

/** Takes rules until it has those with `last`, and tells how many of others it saw that were no whole. */
const READER = `
import { parentPort, workerData } from "node:worker_threads";
const { SharedValue } = await import(workerData.module);
const block = new SharedValue(workerData.buffer);
let [taken, torn] = [0, 0];
for (let last = false; !last;) {
  const rules = block.take();
  if (rules === undefined) continue;
  taken++;
  if (rules.numbers.some((it) => it !== rules.numbers[0])) torn++;
  last = rules.last;
}
parentPort.postMessage({ taken, torn });
`;

test("SharedValue: a thread that takes while others are written sees no part of them", async () => {
  const main = new SharedValue<object>(65_536);
  const module = new URL("../../../src/datapath/threads/shared_value.ts", import.meta.url).href;
  const workerData = { module, buffer: main.buffer };
  const code = new URL(`data:text/javascript,${encodeURIComponent(READER)}`);
  const worker = new Worker(code, { workerData });
  const said = once(worker, "message");
  for (let i = 0; i < 2_000; i++) {
    // Of different lengths, so that parts of two would not even be JSON.
    main.replace({ numbers: new Array(1 + (i * 37) % 1_000).fill(i), last: false });
    if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  main.replace({ numbers: [0], last: true });
  const [{ taken, torn }] = await said as [{ taken: number; torn: number }];
  assert.equal(torn, 0);
  assert.ok(taken >= 1);
  await worker.terminate();
});
