import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command, type Done } from "./run.ts";

/**
 * A machine for one test: private network, mounts and processes, which all vanish at its end.
 *
 *     eth0 198.51.100.1/24 and .2, forwarding on      eth1, its other end
 *
 * `$work` is an empty folder, `teredo` the program, `daemon NAME ARGS...` starts one in the
 * background (`$pid`, log in `$work/NAME.log`), `until_says NAME TEXT` waits for a line of its log,
 * `ended` waits for its end and prints its exit status.
 */
const PRELUDE = String.raw`
set -u
mount -t tmpfs -o mode=755 tmpfs /run
ip link set lo up
ip link add eth0 type veth peer name eth1
sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
sysctl -qw net.ipv6.conf.all.forwarding=1
ip addr add 198.51.100.1/24 dev eth0
ip addr add 198.51.100.2/24 dev eth0
ip link set eth0 up
ip link set eth1 up
printf '[relay]\n[server]\n' > $work/teredo.ini
teredo() { $program "$@"; }
daemon() {
  local name=$1
  shift
  : > $work/$name.log
  $program "$@" 2>> $work/$name.log &
  pid=$!
}
until_says() {
  local i
  for i in $(seq 4000); do
    grep -q -- "$2" $work/$1.log && return
    kill -0 $pid 2> /dev/null || break
    sleep 0.05
  done
  echo "$1 never said: $2"
  cat $work/$1.log
  exit 99
}
ended() {
  wait $pid
  echo "exit status $?"
}
`;

/** Runs a bash script on a machine of its own, as root of it. @param patience milliseconds */
export function onMachine(
  script: string,
  patience = 600_000,
): Done & { readonly lines: readonly string[] } {
  const work = mkdtempSync(join(tmpdir(), "teredo-machine-"));
  const [program, argv] = command([]);
  const wrapper = `program="${[program, ...argv].join(" ")}"\nwork=${work}\n`;
  const asRoot = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const args = [...asRoot, ..."--net --mount --pid --fork --kill-child --mount-proc".split(" ")];
  try {
    const done = spawnSync("unshare", [...args, "bash", "-c", wrapper + PRELUDE + script], {
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1", JOURNAL_STREAM: "", NOTIFY_SOCKET: "" },
      timeout: patience,
      // unshare(1) is deaf to the milder ones while it waits.
      killSignal: "SIGKILL",
    });
    const stdout = done.stdout.replaceAll(work, "$work");
    const stderr = done.stderr.replaceAll(work, "$work");
    return { status: done.status, stdout, stderr, lines: stdout.trimEnd().split("\n") };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Runs a script on such a machine, and fails with everything that was said unless it is `want`. */
export function expectLines(script: string, want: readonly (string | RegExp)[]): void {
  const done = onMachine(script);
  const shown = `${done.stdout}\n${done.stderr}`;
  assert.equal(done.stderr, "", shown);
  assert.equal(done.lines.length, want.length, shown);
  for (const [i, line] of want.entries()) {
    if (typeof line === "string") assert.equal(done.lines[i], line, shown);
    else assert.match(done.lines[i]!, line, shown);
  }
}
