import assert from "node:assert/strict";
import process from "node:process";
import test from "node:test";
import { Due } from "#src/daemon/due.ts";
import { lookOnChange } from "#src/daemon/on_change.ts";
import { everySecond } from "#src/daemon/pulse.ts";

const after = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await after(5);
}

/** Something that can be looked at, and what was asked of it. */
function setUp(rest: number) {
  const asked: boolean[] = [];
  const looks: boolean[] = [];
  const source = { signal: (wanted: boolean) => void asked.push(wanted) };
  const end = lookOnChange(source, rest, (isTold) => void looks.push(isTold));
  return { asked, looks, end };
}

const signalled = () => process.kill(process.pid, "SIGIO");

test("lookOnChange() listens before it looks for the first time", () => {
  const { asked, looks, end } = setUp(100);
  assert.deepEqual([asked, looks], [[true], [false]]);
  end();
});

test("lookOnChange() looks at a signal, and asks for the next one after a rest and a look", async () => {
  const { asked, looks, end } = setUp(100);
  signalled();
  await until(() => looks.includes(true));
  assert.deepEqual(asked, [true, false]);
  await until(() => asked.length === 3);
  assert.deepEqual(asked, [true, false, true]);
  assert.equal(looks.at(-1), false);
  end();
});

test("lookOnChange() takes signals without end for one, until it has rested", async () => {
  const { looks, end } = setUp(1_000_000);
  signalled();
  await until(() => looks.includes(true));
  for (let i = 0; i < 20; i++) {
    signalled();
    await after(1);
  }
  assert.equal(looks.filter(Boolean).length, 1);
  end();
});

test("lookOnChange() looks without a signal too, and no more once it is ended", async () => {
  const { asked, looks, end } = setUp(100);
  // One at the start and one after a rest: the last of the signals before may be late, and still come.
  await until(() => looks.filter((isTold) => !isTold).length >= 4);
  assert.ok(looks.filter(Boolean).length <= 1);
  process.on("SIGIO", () => {}); // nobody else may be left to hear it, and by itself it kills
  end();
  assert.equal(asked.at(-1), false);
  const { length } = looks;
  signalled();
  await after(1_500);
  assert.equal(looks.length, length);
});

test("lookOnChange() that is ended while it rests asks for no signal any more", async () => {
  const { asked, looks, end } = setUp(100);
  signalled();
  await until(() => looks.includes(true));
  process.on("SIGIO", () => {});
  end();
  await after(300);
  assert.equal(asked.at(-1), false);
});

test("lookOnChange() looks again and again at what signals nothing", async () => {
  let looks = 0;
  const end = lookOnChange({}, 1, () => void looks++);
  await until(() => looks >= 3);
  end();
});

test("everySecond() calls all until each is ended, and one that is given twice twice", async () => {
  const calls: string[] = [];
  const step = () => void calls.push("twice");
  const ends = [everySecond(step), everySecond(step), everySecond(() => void calls.push("once"))];
  await until(() => calls.length > 0);
  assert.deepEqual(calls, ["twice", "twice", "once"]);
  ends[0]!();
  await until(() => calls.length > 3);
  assert.deepEqual(calls.slice(3), ["twice", "once"]);
  for (const end of ends) end();
  await after(1_500);
  assert.equal(calls.length, 5);
});

test("Due: again where the kernel tells of a change, for another basis, and after a while", async () => {
  let revision = 7;
  const due = new Due({ revision: () => revision }, 100);
  const never = new Due({ revision: () => revision }, Infinity);
  const basis = {};
  assert.equal(never.isDue(basis), true);
  assert.equal(never.isDue(basis), false);
  assert.equal(never.isDue({}), true);
  assert.equal(never.isDue(basis), true);
  revision += 1;
  assert.equal(never.isDue(basis), true);
  assert.equal(never.isDue(basis), false);
  assert.equal(due.isDue(basis), true);
  await until(() => due.isDue(basis));
});
