import assert from "node:assert/strict";
import test from "node:test";
import { mark, reserve, TAKEN } from "./engine/branches.ts";
import { Choices } from "./engine/choices.ts";
import { fromHex, toHex } from "./engine/corpus.ts";
import { withCounters } from "./engine/counters.ts";
import { fuzz } from "./engine/fuzzer.ts";
import { Mutator } from "./engine/mutate.ts";
import type { Target } from "./engine/target.ts";
import { readPcapng } from "./pcapng.ts";
import { Prng } from "#test/sim/prng.ts";

const OPTIONS = { timeout: 600_000 };
const WORD = [..."teredo"].map((letter) => letter.charCodeAt(0));
const places = reserve(WORD.length + 1);

/** Has a fault that chance alone would take 2^48 executions to find. */
const PLANTED: Target = {
  name: "planted",
  unit: 1,
  most: 64,
  seeds: () => [new Uint8Array(0)],
  open: () => (input) => {
    let i = 0;
    while (i < WORD.length && input[i] === WORD[i]) mark(places + ++i);
    if (i === WORD.length) throw new Error("found");
  },
};
const PLAN = { executions: 3_000_000, seconds: Infinity, inputs: [] };

test(
  "fuzz() is led by branches to a fault, and leaves the smallest input that shows it",
  OPTIONS,
  async () => {
    const { failure, executions, covered } = await fuzz(PLANTED, { ...PLAN, seed: 1 });
    assert.equal((failure?.error as Error).message, "found");
    assert.deepEqual([...failure!.input], WORD);
    assert.ok(failure!.alone && executions < PLAN.executions && covered >= WORD.length - 1);
  },
);

test("fuzz() does the same again by the same seed, and another by another", OPTIONS, async () => {
  const count = async (seed: number) => (await fuzz(PLANTED, { ...PLAN, seed })).executions;
  assert.equal(await count(1), await count(1));
  assert.notEqual(await count(1), await count(2));
});

test(
  "fuzz() tells of a fault that needs what came before, and stops at its count",
  OPTIONS,
  async () => {
    let tries = 0;
    const aged: Target = {
      ...PLANTED,
      open: () => () => {
        if (++tries === 100) throw new Error("old");
      },
    };
    const { failure, executions } = await fuzz(aged, { ...PLAN, seed: 1 });
    assert.deepEqual([failure?.alone, executions], [false, 100]);
    const fine: Target = { ...PLANTED, open: () => () => Promise.resolve() };
    assert.equal((await fuzz(fine, { ...PLAN, executions: 500, seed: 1 })).executions, 500);
  },
);

test("Mutator.next() gives inputs of whole length limits, from any others", OPTIONS, () => {
  const target: Target = { ...PLANTED, unit: 4, most: 32, words: [new Uint8Array(40).fill(7)] };
  const mutator = new Mutator(target, new Prng(7));
  const random = new Prng(8);
  const seen = new Set<string>();
  for (let i = 0; i < 20_000; i++) {
    const made = mutator.next(
      new Uint8Array(random.below(40)).fill(1),
      new Uint8Array(random.below(40)).fill(2),
    );
    assert.ok(made.length <= 32);
    seen.add(toHex(made));
  }
  assert.ok(seen.size > 5_000, `${seen.size}`);
});

test("Choices are the input's bytes, and at its end the first of each", () => {
  const c = new Choices().take(Uint8Array.of(9, 1, 2, 3, 0xff), 1);
  assert.deepEqual([c.u8(), c.u16(), c.left], [1, 0x0203, 1]);
  assert.deepEqual([c.pick(["a", "b"]), c.pick(["a", "b"]), c.u32(), c.next()], ["b", "a", 0, 0]);
  assert.deepEqual([...c.take(Uint8Array.of(1, 2, 3)).bytes(2), ...c.bytes(9)], [1, 2, 3]);
});

/** Sources, what they give for 0, 1 and 2, and how many branches they have. */
const SOURCES: readonly (readonly [source: string, branches: number])[] = [
  ["(n) => ({ n })", 1],
  ["(n, m = n ? 'a' : 'b') => m", 4],
  ["function f(n) { if (n) if (n === 1) return 1; else return 2; return 3 }", 5],
  ["(n) => { let s = ''; for (const c of 'ab') s += n ? c : '-'; return s }", 4],
  ["(n) => { switch (n) { case 0: case 1: { return 'few' } default: return 'many' } }", 3],
  ["(n) => { let s; s ??= n || 'none'; do n--; while (n > 0); return [s, n] }", 4],
  ["(n) => { try { if (n > 1) throw n; return 'ok' } catch (e) { return [e] } }", 4],
  ["(n) => { class A { x = n ?? 1; get y() { return this.x && 'y' } } return new A().y }", 4],
  ["(n) => [...(function* () { for (let i = 0; i < n; i++) yield i })()]", 3],
];

for (const [source, branches] of SOURCES) {
  test(`withCounters() changes nothing but counts: ${source}`, () => {
    const counted = withCounters("a.js", `const f = ${source};`);
    assert.equal((counted.match(/\$taken\[/g) ?? []).length, branches, counted);
    assert.equal(counted.split("\n").length, 1);
    const [plain, instrumented] = [`const f = ${source};`, counted]
      .map((text) => new Function(`${text} return f`)());
    TAKEN.fill(0);
    for (const n of [0, 1, 2]) assert.deepEqual(instrumented(n), plain(n));
    assert.ok(TAKEN.some((count) => count > 0));
    TAKEN.fill(0);
  });
}

test("withCounters() takes TypeScript and JSX, and refuses what is neither", () => {
  const text =
    "/** @jsxImportSource x */\nconst p = (n: number | null): string => n! && <b>{n as 1}</b>;";
  assert.match(withCounters("a.tsx", text), /^\/\*\* @jsxImportSource x \*\/\nconst \$taken=/);
  assert.throws(() => withCounters("a.ts", "const = 1"), /a\.ts: /);
});

test("fromHex() takes whole bytes only", () => {
  assert.deepEqual([...fromHex("00fF")], [0, 255]);
  for (const text of ["0", "0g", "00 11", "-1"]) assert.throws(() => fromHex(text), /hexadecimal/);
});

test("readPcapng() refuses a file that is cut short anywhere", () => {
  const words = [0x0a0d0d0a, 32, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 0, 32];
  const file = new Uint8Array(Uint32Array.from(words).buffer);
  assert.deepEqual(readPcapng(file), { interfaces: 0, packets: [] });
  for (let length = 1; length < file.length; length++) {
    assert.throws(() => readPcapng(file.subarray(0, length)));
  }
});
