import assert from "node:assert/strict";
import test from "node:test";
import { type Helper, startHelper } from "#src/daemon/upkeep/process.ts";
import type { Said } from "#src/daemon/upkeep/words.ts";
import { parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";

const TASK = {
  user: { name: "nobody", uid: 65_534, gid: 65_534, groups: [65_534] },
  chroot: undefined,
  entrusted: {
    interfaceName: "teredo",
    index: 7,
    mtu: 1280,
    queueLength: 2_000,
    prefix: parseIpv6Prefix("2001::/32")!,
    routes: { metric: 10, announced: { metric: 9, protocol: 201 } },
  },
  sandbox: "auto" as const,
};

/** Runs a program in the place of our own. */
function start(program: readonly string[]) {
  const heard: Said[] = [];
  const ended = Promise.withResolvers<string>();
  const helper: Helper = startHelper(program, TASK, {
    said: (said) => heard.push(said),
    ended: ended.resolve,
  });
  return { helper, heard, ended: ended.promise };
}

const shell = (script: string) => ["sh", "-c", script];

const ENDINGS: readonly (readonly [name: string, program: readonly string[], why: RegExp])[] = [
  ["is not there", ["/nonexistent/teredo"], /ENOENT/],
  ["ends at once", shell("exit 7"), /^it ended with status 7$/],
  ["kills itself", shell("kill -KILL $$"), /^it ended with SIGKILL$/],
  ["says that it cannot", shell(`echo '{"event":"unable","problem":"EPERM"}'; exit 1`), /^EPERM$/],
  ["says anything", shell("echo hello; exec sleep 600"), /^it said what is not understood$/],
  ["never stops", shell(`exec yes '{"event":"keeping"}'`), /^it said too much$/],
  ["has no end of line", shell("exec cat /dev/zero"), /^it said too much$/],
];

for (const [name, program, why] of ENDINGS) {
  test(`startHelper: a program that ${name} has ended`, { timeout: 600_000 }, async () => {
    const { helper, ended } = start(program);
    assert.match(await ended, why);
    await helper.stop();
  });
}

test("startHelper: the program reads its task, is heard, and has no environment of ours", {
  timeout: 600_000,
}, async () => {
  process.env["TEREDO_SECRET"] = "hunter2";
  const script = `read -r task
case $task in *teredo*) [ -z "$TEREDO_SECRET" ] && echo '{"event":"keeping"}';; esac
read -r end || exit 9`;
  const { helper, heard, ended } = start(shell(script));
  const isHeard = async () => {
    while (heard.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  await Promise.race([isHeard(), ended]);
  delete process.env["TEREDO_SECRET"];
  assert.deepEqual(heard, [{ event: "keeping" }]);
  await helper.stop();
  assert.equal(await Promise.race([ended, "told of no end"]), "told of no end");
});

test("Helper.setHome resolves with the answer, and without one all the same", {
  timeout: 600_000,
}, async () => {
  const wish = { addresses: [], onLink: false, defaultRoute: false, mtu: 1280 };
  const answering = `read -r task; read -r wish; echo '{"event":"set"}'; exec sleep 600`;
  const { helper, heard } = start(shell(answering));
  await helper.setHome(wish);
  await helper.setHome(wish);
  await helper.stop();
  assert.deepEqual(heard, []);
});

test("Helper.setHome takes a late answer for none but its own wish's", {
  timeout: 600_000,
}, async () => {
  const wish = { addresses: [], onLink: false, defaultRoute: false, mtu: 1280 };
  const late = `read -r task; read -r one; read -r two; echo '{"event":"set"}'
echo '{"event":"keeping"}'; exec sleep 600`;
  const { helper, heard } = start(shell(late));
  await helper.setHome(wish);
  let after = Infinity;
  const asked = performance.now();
  const second = helper.setHome(wish).then(() => after = performance.now() - asked);
  while (heard.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  // Not by the late answer, but where this process has had to wait by its own patience.
  assert.ok(after >= 990, `answered after ${after} ms`);
  await second;
  await helper.stop();
});

test("Helper.stop kills a program that does not end with its input", {
  timeout: 600_000,
}, async () => {
  const { helper, ended } = start(shell("exec sleep 600"));
  await helper.stop();
  assert.throws(() => process.kill(helper.pid!, 0), /ESRCH/);
  assert.equal(await Promise.race([ended, "told of no end"]), "told of no end");
});
