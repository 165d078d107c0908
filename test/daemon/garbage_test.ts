import assert from "node:assert/strict";
import process from "node:process";
import test from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { openLibc } from "#ffi/open.ts";
import { collectEachMinute } from "#src/daemon/garbage.ts";

test("collectEachMinute() collects again and again until it is ended", async () => {
  let count = 0;
  const end = collectEachMinute({ collectGarbage: () => count++ }, 1);
  while (count < 3) await wait(1);
  end();
  const ended = count;
  await wait(20);
  assert.equal(count, ended);
});

test("collectEachMinute() leaves it to an engine that nobody can ask", () => {
  collectEachMinute({}, 1)();
});

test("Libc.collectGarbage() takes away what nothing refers to any more, where there is one", async () => {
  const { collectGarbage } = await openLibc();
  assert.equal(collectGarbage === undefined, process.versions["bun"] === undefined);
  if (collectGarbage === undefined) return;
  const refs = Array.from({ length: 100 }, () => new WeakRef({ some: "thing" }));
  await wait(0); // they are held for the turn that made them
  collectGarbage();
  const left = refs.filter((it) => it.deref() !== undefined).length;
  assert.ok(left < 10, `${left} of 100 are left`);
});
