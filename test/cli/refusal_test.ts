import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { SyscallError } from "#ffi/errors.ts";
import { PlatformError } from "#ffi/platform.ts";
import { logRefusal } from "#src/daemon/refusal.ts";
import { ChecksFailed } from "#src/daemon/checks/failed.ts";
import { fail } from "#src/daemon/checks/result.ts";
import { ConfigError, StartError } from "#src/errors.ts";
import { createLogger } from "#src/log/logger.ts";
import { formatJson } from "#src/log/record.ts";
import { onMachine } from "./namespace.ts";
import { teredo } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "teredo-refusal-"));
after(() => rmSync(folder, { recursive: true }));

function fileOf(text: string): string {
  const path = join(folder, "teredo.ini");
  writeFileSync(path, text);
  return path;
}

/** The lines of a JSON log, without their times. @throws for a line that is no JSON */
function linesOf(log: string): Record<string, unknown>[] {
  return log.trimEnd().split("\n").map((line) => {
    const { time, ...rest } = JSON.parse(line);
    assert.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    return rest;
  });
}

const REFUSED = { level: "error", msg: "Configuration refused" };

const configurations: readonly {
  name: string;
  text: string;
  flags?: readonly string[];
  status: number;
  want: readonly Record<string, unknown>[];
}[] = [
  {
    name: "each problem of a file",
    text: "[relay]\nbind_prot = 1\nmax_peers = x\nno assignment\n",
    flags: ["--log-format", "json"],
    status: 78,
    want: [
      { line: 2, key: "bind_prot", problem: "unknown key; did you mean `bind_port`?" },
      { line: 3, key: "max_peers", problem: /^`x` is not/ },
      { line: 4, problem: /^`no assignment`: not `key = value`/ },
    ],
  },
  {
    name: "a file that itself asks for JSON, below what is wrong",
    text: "[nonsense]\n[relay]\nbind_port = 70000\n[log]\nformat = json\n",
    status: 78,
    want: [
      { line: 1, problem: /^\[`nonsense`\]: unknown section/ },
      { line: 3, key: "bind_port", problem: /^`70000` is out of range/ },
    ],
  },
  {
    name: "a flag",
    text: "[relay]\n",
    flags: ["--log-format=json", "--bind-port=70000"],
    status: 2,
    want: [{ file: undefined, key: "--bind-port", problem: /^`70000` is out of range/ }],
  },
];

for (const { name, text, flags = [], status, want } of configurations) {
  test(`a refusal with --log-format json is JSON alone: ${name}`, () => {
    const file = fileOf(text);
    const done = teredo(["relay", "-c", file, ...flags]);
    assert.equal(done.status, status);
    assert.equal(done.stdout, "");
    const lines = linesOf(done.stderr);
    assert.equal(lines.length, want.length, done.stderr);
    for (const [i, { problem, ...rest }] of want.entries()) {
      const { problem: said, ...line } = lines[i]!;
      assert.deepEqual({ file: undefined, ...line }, { ...REFUSED, file, ...rest });
      if (problem instanceof RegExp) assert.match(String(said), problem);
      else assert.equal(said, problem);
    }
  });
}

test("a refusal is text for people where JSON is not asked for, or cannot be", () => {
  const bad = fileOf("[relay]\nbind_prot = 1\n");
  assert.match(teredo(["relay", "-c", bad]).stderr, /^teredo: \S+:2: bind_prot: unknown key/);
  const { stderr } = teredo(["relay", "-c", bad, "--log-format", "yaml"]);
  for (const line of stderr.trimEnd().split("\n")) assert.match(line, /^teredo: /);
});

test("checks that fail, and what no check finds, are JSON lines with their mend", () => {
  const { lines, stderr } = onMachine(`
refusal() { teredo "$@" --log-format json 2>&1 | grep '"level":"error"'; echo "exit \${PIPESTATUS[0]}"; }
refusal relay -c $work/teredo.ini --status-address 203.0.113.9 --status-allow-anonymous
refusal relay -c $work/teredo.ini -p /nowhere/relay.pid
sysctl -qw net.ipv6.conf.all.forwarding=0
refusal relay -c $work/teredo.ini`);
  assert.equal(stderr, "");
  const said = lines.map((line) => line.startsWith("{") ? linesOf(line)[0]! : line);
  assert.deepEqual(said.filter((it) => typeof it === "string"), ["exit 1", "exit 1", "exit 1"]);
  const [status, pidFile, forwarding] = said.filter((it) => typeof it === "object");
  assert.equal(status!["msg"], "Failed to start");
  assert.match(String(status!["error"]), /^the status pages cannot listen on 203\.0\.113\.9/);
  assert.match(String(status!["mend"]), /\[status\]/);
  assert.match(JSON.stringify(pidFile), /nowhere/);
  assert.deepEqual(forwarding, {
    level: "error",
    msg: "Check failed",
    check: "forwarding",
    detail: "the kernel does not forward IPv6 packets",
    mend: "sysctl -w net.ipv6.conf.all.forwarding=1",
  });
});

test("with target syslog a refusal goes to syslog as well, of the configuration too", () => {
  // A /dev of its own, in which the log can be a socket of this test.
  const { stdout } = onMachine(`mkdir $work/dev
for name in null zero random urandom; do
  touch $work/dev/$name
  mount --bind /dev/$name $work/dev/$name
done
mount --rbind $work/dev /dev
nc -klUu /dev/log > $work/syslog &
until [ -S /dev/log ]; do sleep 0.05; done
printf '[relay]\nbind_prot = 1\n[log]\ntarget = syslog\nformat = json\n' > $work/bad.ini
teredo relay -c $work/bad.ini 2> $work/stderr
until grep -q bind_prot $work/syslog; do sleep 0.05; done
grep -ao '{.*}' $work/syslog
echo
grep -c '^{' $work/stderr`);
  const [line] = stdout.split("\n");
  assert.equal(JSON.parse(line!).key, "bind_prot");
  assert.match(stdout, /\n1\n$/, "standard error has it as well");
});

/** One of each that a start throws. */
const errors: readonly [unknown, Record<string, unknown>][] = [
  [new ConfigError(["/a b:3: key: wrong; mend it"]), {
    msg: "Configuration refused",
    file: "/a b",
    line: 3,
    key: "key",
    problem: "wrong; mend it",
  }],
  [new ChecksFailed([fail("tun", "no TUN", "modprobe tun")]), {
    msg: "Check failed",
    check: "tun",
    detail: "no TUN",
    mend: "modprobe tun",
  }],
  [new StartError("taken", "free it"), { msg: "Failed to start", error: "taken", mend: "free it" }],
  [new SyscallError("bind", "x", 1, "EPERM (no)"), {
    msg: "Failed to start",
    error: "bind(x): EPERM (no)",
  }],
  [new PlatformError("no such system"), { msg: "Failed to start", error: "no such system" }],
  ["thrown", { msg: "Failed to start", error: "thrown" }],
];

for (const [error, want] of errors) {
  test(`logRefusal() of ${error instanceof Error ? error.name : "a text"}`, () => {
    const lines: string[] = [];
    const sink = (_: string, line: string) => void lines.push(line);
    logRefusal(createLogger({ level: "error", format: formatJson, sink, time: undefined }), error);
    assert.deepEqual(lines.map((line) => JSON.parse(line)), [{ level: "error", ...want }]);
  });
}
