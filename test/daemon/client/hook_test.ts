import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { type HookEnd, runHook } from "#src/daemon/client/errands/hook.ts";
import { type HookEnvironment, write } from "#src/daemon/client/errands/words.ts";
import { Hook, type HookView } from "#src/daemon/client/hook.ts";
import { Lines } from "#src/daemon/helper/lines.ts";

const UP: HookView = {
  state: "up",
  interfaceName: "teredo",
  index: 7,
  address: "2001:0:c000:201::1",
  mtu: 1280,
};
const DOWN: HookView = { ...UP, state: "down", address: undefined, mtu: undefined };

/** Whatever is due at once has come. */
async function moment(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

/** A hook that ends when it is told to. */
function house() {
  const runs: HookEnvironment[] = [];
  const ends: (() => void)[] = [];
  const ended: string[] = [];
  const hook = new Hook({
    run: (environment) => {
      runs.push(environment);
      return new Promise<HookEnd>((resolve) => ends.push(() => resolve({ output: "" })));
    },
    ended: ({ state, address }) => ended.push(`${state} ${address}`),
  });
  const end = async () => {
    await moment();
    ends.shift()!();
    await moment();
  };
  return { hook, runs, ended, end };
}

const DONE = Promise.resolve();

test("Hook: the environment is Miredo's, with what was before", async () => {
  const { hook, runs, end } = house();
  hook.tell(UP, DONE);
  await end();
  hook.tell({ ...UP, address: "2001:0:c000:201::2", mtu: 1300 }, DONE);
  await end();
  hook.tell(DOWN, DONE);
  await end();
  const known = { IFACE: "teredo", IFINDEX: "7" };
  const ll = "fe80::ffff:ffff:ffff";
  assert.deepEqual(runs, [
    {
      ...known,
      STATE: "up",
      ADDRESS: "2001:0:c000:201::1",
      LLADDRESS: ll,
      MTU: "1280",
      OLD_STATE: "down",
    },
    {
      ...known,
      STATE: "up",
      ADDRESS: "2001:0:c000:201::2",
      LLADDRESS: ll,
      MTU: "1300",
      OLD_STATE: "up",
      OLD_ADDRESS: "2001:0:c000:201::1",
      OLD_LLADDRESS: ll,
      OLD_MTU: "1280",
    },
    {
      ...known,
      STATE: "down",
      OLD_STATE: "up",
      OLD_ADDRESS: "2001:0:c000:201::2",
      OLD_LLADDRESS: ll,
      OLD_MTU: "1300",
    },
  ]);
});

test("Hook: one at a time, and what came and went meanwhile is not told", async () => {
  const { hook, runs, ended, end } = house();
  hook.tell(UP, DONE);
  await moment();
  hook.tell(DOWN, DONE);
  hook.tell({ ...UP, address: "2001:0:c000:201::3" }, DONE);
  assert.equal(runs.length, 1);
  await end();
  assert.deepEqual(runs.map(({ ADDRESS }) => ADDRESS), [
    "2001:0:c000:201::1",
    "2001:0:c000:201::3",
  ]);
  hook.tell({ ...UP, address: "2001:0:c000:201::3" }, DONE);
  await end();
  await hook.done();
  assert.equal(runs.length, 2);
  assert.deepEqual(ended, ["up 2001:0:c000:201::1", "up 2001:0:c000:201::3"]);
});

test("Hook: runs when the interface has what it is told of, and not for what that was meanwhile", async () => {
  const { hook, runs, end } = house();
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  hook.tell(UP, first.promise);
  hook.tell({ ...UP, address: "2001:0:c000:201::3" }, second.promise);
  first.resolve();
  await moment();
  assert.deepEqual(runs, []);
  second.resolve();
  await moment();
  assert.deepEqual(runs.map(({ ADDRESS }) => ADDRESS), ["2001:0:c000:201::3"]);
  await end();
});

test("Hook is not run for what was never up", async () => {
  const { hook, runs } = house();
  hook.tell(DOWN, DONE);
  await hook.done();
  assert.deepEqual(runs, []);
  hook.tell(UP, DONE);
  await moment();
  assert.equal(runs.length, 1);
});

function script(text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), "teredo-hook-")), "hook");
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

const generous = { timeout: 600_000 };

test("runHook gives the program its environment and nothing of ours", generous, async () => {
  process.env["TEREDO_SECRET"] = "hunter2";
  const end = await runHook(
    script(
      'echo "$STATE $ADDRESS [$TEREDO_SECRET]"; command -v ls >/dev/null && echo path >&2; pwd',
    ),
    {
      STATE: "up",
      ADDRESS: "2001::1",
    },
  );
  delete process.env["TEREDO_SECRET"];
  assert.equal(end.failure, undefined);
  assert.deepEqual(end.output.split("\n").sort(), ["/", "path", "up 2001::1 []"]);
});

const FAILURES: readonly (readonly [text: string, want: RegExp])[] = [
  ["exit 3", /^it ended with status 3$/],
  ["kill -TERM $$", /^it ended with SIGTERM$/],
];

for (const [text, want] of FAILURES) {
  test(`runHook tells how \`${text}\` ended`, generous, async () => {
    assert.match((await runHook(script(text), {})).failure!, want);
  });
}

test("runHook tells of a program that cannot be run", generous, async () => {
  assert.match((await runHook("/nonexistent/hook", {})).failure!, /ENOENT/);
  const bare = script("");
  writeFileSync(bare, "echo no shebang\n");
  // Deno has a shell run it, as execvp(3) does.
  const { failure, output } = await runHook(bare, {});
  assert.match(failure ?? output, /ENOEXEC|[Ee]xec format error|^no shebang$/);
});

test("runHook ends what takes too long, with what it started", generous, async () => {
  let pid = "";
  // A busy machine may not let it begin in that time: then once more, for longer.
  for (let limit = 2_000; pid === ""; limit *= 2) {
    const path = script('sleep 600 & echo $! > "$0.pid"; wait');
    writeFileSync(`${path}.pid`, "");
    const { failure } = await runHook(path, {}, limit);
    assert.match(failure!, new RegExp(`longer than ${limit / 1000} s`));
    pid = readFileSync(`${path}.pid`, "utf8").trim();
  }
  // A moment, until whoever adopts it has noticed.
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
});

test("runHook waits for no program that the hook leaves behind", generous, async () => {
  const { failure, output } = await runHook(
    script('echo begun; (exec sleep 600) & echo $! > "$0.pid"'),
    {},
  );
  assert.deepEqual([failure, output], [undefined, "begun"]);
});

test(
  "runHook keeps the beginning of what a program says, however much it is",
  generous,
  async () => {
    const { output } = await runHook(script("head -c 10000000 /dev/zero | tr '\\0' x"), {});
    assert.equal(output, "x".repeat(1_500));
  },
);

for (
  const [what, said] of [["NUL", "\\0"], ["ESC", "\\033"], ["quotes", '"'], [
    "no UTF-8",
    "\\377",
  ]] as const
) {
  test(
    `runHook tells of ${what} without end what its daemon takes in one line`,
    generous,
    async () => {
      const end = await runHook(script(`head -c 100000 /dev/zero | tr '\\0' '${said}'`), {});
      const line = write({ id: 999_999, ...end, failure: "it ended with status 1" });
      assert.deepEqual(new Lines().take(line, 0), [line.trimEnd()]);
      assert.equal(end.failure, undefined);
    },
  );
}

function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
