import assert from "node:assert/strict";
import test from "node:test";
import { SECTIONS } from "#test/soak/faults/sections.ts";

/** The quick ones of docs/faults.md, of which no time is judged; `scripts/soak faults` has them all. */
const OPTIONS = { timeout: 600_000 };
const SEED = process.env["TEREDO_FAULTS_SEED"] ?? `${Math.floor(Math.random() * 2 ** 32)}`;
const KILLS = 6;

for (const { name: section, faults } of SECTIONS) {
  for (const { name, promised, run } of faults.filter(({ isQuick }) => isQuick)) {
    test(`${section}: ${name}: ${promised}`, OPTIONS, async (t) => {
      t.diagnostic(`seed ${SEED}`);
      const { measured } = await run({ seed: Number(SEED), kills: KILLS });
      assert.notEqual(measured, "");
      t.diagnostic(measured);
    });
  }
}

test("Faults have names of their own, by which what came of them is kept", () => {
  const names = SECTIONS.flatMap(({ faults }) => faults.map(({ name }) => name));
  assert.deepEqual(names.filter((it, i) => names.indexOf(it) !== i), []);
});
