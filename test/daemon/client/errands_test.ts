import assert from "node:assert/strict";
import test from "node:test";
import { loadConfig } from "#src/config/load.ts";
import { startErrands } from "#src/daemon/client/errands/process.ts";
import { readDone, readErrand, readTask, write } from "#src/daemon/client/errands/words.ts";
import { ConfigError } from "#src/errors.ts";
import { memoryFiles } from "#test/config/memory_files.ts";

test("readErrand, readDone, readTask read what write writes, each on one line", () => {
  const errands = [
    { id: 1, lookUp: "teredo.example-1.test" },
    { id: 3, lookUpHost: "host.test" },
    { id: 2, hook: { STATE: "up", ADDRESS: "2001::1", IFACE: "teredo", OLD_MTU: "1280" } },
  ];
  for (const errand of errands) assert.deepEqual(readErrand(write(errand)), errand);
  const done = [
    { id: 1, addresses: [0, 0xffffffff] },
    { id: 5, hosts: ["2001:db8::1"] },
    { id: 2, problem: "ENOTFOUND" },
    { id: 3, output: "a\nb" },
    { id: 4, failure: "no", output: "" },
  ];
  for (const it of done) {
    assert.equal(write(it).indexOf("\n"), write(it).length - 1);
    assert.deepEqual(readDone(write(it)), it);
  }
  const task = { hook: "/etc/teredo/hook", user: { name: "nobody", uid: 1, gid: 1, groups: [1] } };
  assert.deepEqual(readTask(write(task)), task);
});

const NO_ERRANDS = [
  "",
  "{",
  "null",
  "[]",
  '{"id":"1","lookUp":"a.test"}',
  '{"lookUp":"a.test"}',
  '{"id":1}',
  '{"id":1,"lookUp":"a test"}',
  '{"id":1,"lookUpHost":"a test"}',
  '{"id":1,"lookUp":"-x;reboot"}',
  `{"id":1,"lookUp":"${"a".repeat(254)}"}`,
  '{"id":1,"hook":null}',
  '{"id":1,"hook":"/bin/sh"}',
  '{"id":1,"hook":{"STATE":"up","LD_PRELOAD":"x.so"}}',
  '{"id":1,"hook":{"PATH":"x"}}',
  '{"id":1,"hook":{"ADDRESS":"a b"}}',
  '{"id":1,"hook":{"ADDRESS":7}}',
  '{"id":1,"hook":{"ADDRESS":"$(reboot)"}}',
  '{"id":1,"hook":{"OLD_ADDRESS":"2001::1;id"}}',
  '{"id":1,"hook":{"LLADDRESS":"`id`"}}',
  '{"id":1,"hook":{"IFACE":"a|b"}}',
  '{"id":1,"hook":{"IFACE":"../etc/passwd"}}',
  '{"id":1,"hook":{"IFACE":""}}',
  '{"id":1,"hook":{"IFACE":"sixteen-letters-"}}',
  '{"id":1,"hook":{"IFINDEX":"0x1"}}',
  '{"id":1,"hook":{"MTU":"-1"}}',
  '{"id":1,"hook":{"STATE":"up\\n"}}',
  '{"id":1,"hook":{"STATE":"sideways"}}',
  '{"id":1,"hook":{"OLD_IFACE":"teredo"}}',
  '{"id":1,"hook":{"__proto__":"x","constructor":"x"}}',
];

for (const line of NO_ERRANDS) {
  test(`readErrand takes no ${line.slice(0, 60) || "empty line"}`, () => {
    assert.equal(readErrand(line), undefined);
  });
}

/** What is wrong with the configuration of a client whose interface has this name. */
function problemsWith(name: string, hook: string): readonly string[] {
  const text = `[client]\nservers = 192.0.2.1\ninterface_name = "${name}"\n${hook}`;
  try {
    loadConfig("client", { path: "c", overrides: {}, readFile: memoryFiles({ c: text }) });
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
}

test("a hook can be told each name of an interface that a configuration with one takes, and no other", () => {
  const refused: string[] = [];
  for (let code = 0x21; code < 0x7f; code++) {
    const name = `tun${String.fromCharCode(code)}v6`;
    const isTold = readErrand(write({ id: 1, hook: { IFACE: name } })) !== undefined;
    const isLegal = problemsWith(name, "").length === 0;
    const isTaken = problemsWith(name, "hook = /etc/teredo/hook\n").length === 0;
    assert.equal(isTaken, isLegal && isTold, name);
    if (isLegal && !isTaken) refused.push(name);
  }
  assert.ok(refused.includes("tun(v6"), refused.join(" "));
  assert.deepEqual(problemsWith("tun(v6)", "hook = /etc/teredo/hook\n"), [
    "c:3: interface_name: `tun(v6)` has characters that mean something to a shell, and a hook is told no " +
    "such name; write e.g. `teredo`",
  ]);
});

const NOT_DONE = [
  "",
  "null",
  '{"id":1}',
  '{"addresses":[1]}',
  '{"id":1,"addresses":[-1]}',
  '{"id":1,"addresses":[4294967296]}',
  '{"id":1,"addresses":["1"]}',
  '{"id":1,"hosts":[1]}',
  '{"id":1,"output":7}',
];

for (const line of NOT_DONE) {
  test(`readDone takes no ${line || "empty line"}`, () => assert.equal(readDone(line), undefined));
}

const shell = (script: string) => ["sh", "-c", script];
const generous = { timeout: 600_000 };

test("startErrands: answers find who asked, in whatever order", generous, async () => {
  const script = `read -r task; read -r a; read -r b
echo '{"id":2,"problem":"EAI_AGAIN"}'; echo '{"id":1,"addresses":[7]}'; read -r end`;
  const errands = startErrands(shell(script), { hook: undefined, user: undefined }, assert.fail);
  const answers = await Promise.all([errands.lookUp("a.test"), errands.lookUp("b.test")]);
  assert.deepEqual(answers, [{ id: 1, addresses: [7] }, { problem: "EAI_AGAIN" }]);
  await errands.stop();
});

for (
  const [name, said] of [
    ["what nobody asked for", '{"id":9,"addresses":[7]}'],
    ["nonsense", "hello"],
  ]
) {
  test(`startErrands gives up a process that says ${name}`, generous, async () => {
    const ended = Promise.withResolvers<string>();
    const script = `read -r task; read -r a; echo '${said}'; exec sleep 600`;
    const errands = startErrands(
      shell(script),
      { hook: undefined, user: undefined },
      ended.resolve,
    );
    assert.match(JSON.stringify(await errands.lookUp("a.test")), /is gone; restart/);
    const gone =
      "names are not looked up any more: the process for it is gone (it said what is not " +
      "understood)";
    assert.equal(await ended.promise, gone);
    assert.equal(errands.gone, gone);
    assert.match((await errands.runHook({ STATE: "up" })).failure!, /is gone; restart/);
    await errands.stop();
  });
}

test("startErrands tells that the hook is run by nobody any more", generous, async () => {
  const ended = Promise.withResolvers<string>();
  const task = { hook: "/etc/teredo/hook", user: undefined };
  const errands = startErrands(shell("read -r task; kill -9 $$"), task, ended.resolve);
  const gone = "the hook is not run any more: the process for it is gone (it ended with SIGKILL)";
  assert.equal(await ended.promise, gone);
  assert.equal(errands.gone, gone);
  await errands.stop();
});

test("startErrands: one that was told to end is not gone", generous, async () => {
  const task = { hook: undefined, user: undefined };
  const errands = startErrands(shell("read -r task; read -r end"), task, assert.fail);
  assert.equal(errands.gone, undefined);
  await errands.stop();
  assert.equal(errands.gone, undefined);
});
