import assert from "node:assert/strict";
import test from "node:test";
import { onMachine } from "../namespace.ts";
import { insideLibrary, insideScript } from "./inside.ts";

const OPTIONS = { timeout: 600_000 };
const LIBRARY = insideLibrary();

/** With `$more` on the command line, until it serves. */
const START = String.raw`
start() {
  within relay relay -c $work/teredo.ini --drain-time 100ms $more
  until_says relay msg=Ready
}
`;

function within(more: string, script: string) {
  const before = `more="${more}"\nchmod 755 $work\n${insideScript(LIBRARY)}${START}`;
  return onMachine(before + script);
}

const HELD = "on=capabilities,no_new_privs,dumpable,landlock,seccomp";

test(
  "relay -u nobody: from inside, no file but its own can be read, written, made or removed",
  OPTIONS,
  () => {
    const { stdout, stderr } = within(
      "-u nobody",
      String.raw`
chmod 1777 /run/
touch /run/elsewhere $work/open
chmod 666 /run/elsewhere $work/open
start
grep -o 'msg=Sandbox.*' $work/relay.log
ask read /etc/shadow
ask read /etc/hostname
ask read $work/teredo.ini
ask write $work/open
ask make $work/new
ask write /run/elsewhere
ask make /run/new
ask remove /run/elsewhere
ask make /run/teredo-relay/new
ask remove /run/teredo-relay/new
ask write /proc/sys/net/ipv6/conf/all/forwarding
ask read /proc/sys/net/ipv6/conf/all/forwarding
ask write /dev/net/tun
ask read /proc/1/environ
kill $pid
ended`,
    );
    assert.equal(stderr, "", stdout);
    assert.deepEqual(stdout.trimEnd().split("\n"), [
      `msg=Sandbox mode=auto ${HELD}`,
      "read /etc/shadow: EACCES",
      "read /etc/hostname: EACCES",
      "read $work/teredo.ini: ok",
      "write $work/open: EACCES",
      "make $work/new: EACCES",
      "write /run/elsewhere: EACCES",
      "make /run/new: EACCES",
      "remove /run/elsewhere: EACCES",
      "make /run/teredo-relay/new: ok",
      "remove /run/teredo-relay/new: ok",
      "write /proc/sys/net/ipv6/conf/all/forwarding: EACCES",
      "read /proc/sys/net/ipv6/conf/all/forwarding: ok",
      "write /dev/net/tun: EACCES",
      "read /proc/1/environ: EACCES",
      "exit status 0",
    ]);
  },
);

test(
  "relay -u nobody: from inside, what libraries may try is refused and harms nobody",
  OPTIONS,
  () => {
    const { stdout, stderr } = within(
      "-u nobody",
      String.raw`
start
for what in udp unix bpf tun future deaf code dumpable; do ask $what; done
kill $pid
ended`,
    );
    assert.equal(stderr, "", stdout);
    assert.deepEqual(stdout.trimEnd().split("\n"), [
      "udp: ok",
      "unix: ok",
      "bpf: EPERM",
      "tun: EPERM",
      "future: ENOSYS",
      "deaf: EINVAL",
      "code: EACCES",
      "dumpable: EINVAL",
      "exit status 0",
    ]);
  },
);

/** What ends a daemon, by the system call that the log names. */
const RUINS: readonly (readonly [what: string, call: string])[] = [
  ["setuid", "setuid"],
  ["capset", "capset"],
  ["exec", "execve"],
  ["fork", "clone"],
  ["ptrace", "ptrace"],
  ["packet", "socket"],
  ["raw", "socket"],
  ["tcp", "socket"],
  ["alg", "socket"],
  ["mount", "mount"],
  ["namespace", "unshare"],
  ["signal", "kill"],
];

test(
  "relay -u nobody: from inside, a call that it has no business with ends it, named and counted",
  OPTIONS,
  () => {
    const { stdout, stderr } = within(
      "-u nobody",
      String.raw`
for what in ${RUINS.map(([what]) => what).join(" ")}; do start; ruin $what; done
start
curl -s http://127.0.0.1:9545/metrics | grep ^teredo_sandbox_violations_total
grep -o 'level=error.*' $work/relay.log
kill $pid
ended`,
    );
    assert.equal(stderr, "", stdout);
    const told = 'level=error msg="A refused system call ended the daemon before"';
    const want = RUINS.map(([what, call], i) => {
      const before = i === 0 ? [] : [`${told} call=${RUINS[i - 1]![1]}`];
      const lines = [...before, `level=error msg="System call refused" call=${call}`];
      return `${what}: exit status 1, ${lines.join("\n")}`;
    });
    const last = `${told} call=${RUINS.at(-1)![1]}`;
    const count = `teredo_sandbox_violations_total ${RUINS.length}`;
    assert.equal(stdout, [...want, count, last, "exit status 0", ""].join("\n"));
  },
);

test(
  "sandbox = log: nothing is refused; sandbox = off: nothing is done; both are told",
  OPTIONS,
  () => {
    const { stdout, stderr } = within(
      "",
      String.raw`
printf '[relay]\nsandbox = log\n[server]\n' > $work/teredo.ini
start
grep -o 'level=[a-z]* msg=Sandbox mode=log on=none' $work/relay.log
for what in "read /etc/shadow" packet fork capset; do ask $what; done
kill $pid
ended
more="--sandbox off"
start
grep -o 'msg=Sandbox mode=off on=none' $work/relay.log
grep -h ^Seccomp: /proc/$pid/task/*/status | sort -u
kill $pid
ended`,
    );
    assert.equal(stderr, "", stdout);
    assert.deepEqual(stdout.trimEnd().split("\n"), [
      "level=warn msg=Sandbox mode=log on=none",
      "read /etc/shadow: ok",
      "packet: ok",
      "fork: ok",
      "capset: EFAULT",
      "exit status 0",
      "msg=Sandbox mode=off on=none",
      "Seccomp:\t0",
      "exit status 0",
    ]);
  },
);
