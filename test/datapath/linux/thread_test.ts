import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import test from "node:test";
import { nameOfThread, openThread, parseStat } from "#src/datapath/linux/thread.ts";

test("parseStat() reads what the kernel says, whatever the thread is called", () => {
  const rest = "1 1 1 0 -1 4194304 100 0 0 0 700 50 0 0 20 0 1 0 100 1000000 100";
  for (const name of ["teredo", "a) R (b", "", "with space\nand line"]) {
    assert.deepEqual(parseStat(`12 (${name}) S ${rest}\n`), { letter: "S", used: 7_500 });
  }
});

for (const text of ["", "12", "12 (x)", "12 (x) S 1 2", "12 (x) S 1 1 1 0 -1 1 1 1 1 1 a b"]) {
  test(`parseStat() makes nothing of ${JSON.stringify(text)}`, () => {
    assert.equal(parseStat(text), undefined);
  });
}

test("openThread() tells this very thread, which runs, and how much it has used", () => {
  const witness = openThread(nameOfThread()!)!;
  const first = witness.look()!;
  assert.equal(first.letter, "R");
  let now = first;
  // The kernel counts what it uses meanwhile.
  while (now.used < first.used + 50) now = witness.look()!;
  witness.close();
});

test(
  "openThread() tells where another sleeps, and that it is gone",
  { timeout: 600_000 },
  async () => {
    const sleeper = spawn("sleep", ["600"]);
    const witness = openThread(`${sleeper.pid}/task/${sleeper.pid}`)!;
    while (witness.look()!.letter !== "S" || !/nanosleep/.test(witness.place())) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const ended = new Promise((resolve) => sleeper.once("exit", resolve));
    sleeper.kill("SIGKILL");
    await ended;
    assert.equal(witness.look(), undefined);
    assert.equal(witness.place(), "");
    witness.close();
  },
);

test("openThread() of one that is not there is none", () => {
  assert.equal(openThread("1/task/0"), undefined);
  assert.equal(openThread("nobody"), undefined);
});
