import assert from "node:assert/strict";
import test from "node:test";
import { resolve } from "node:path";
import process from "node:process";
import { runArguments } from "./run.ts";
import { onMachine } from "./namespace.ts";
import { insideLibrary, insideScript } from "./inside/library.ts";

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
grep -hs ^Seccomp: /proc/$pid/task/*/status | sort -u
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

test(
  "relay as root: it keeps what its interface and a reload take, in its folders, on all threads",
  OPTIONS,
  () => {
    const { stdout, stderr } = within(
      "",
      String.raw`
start
for what in "read /etc/shadow" "make /run/new" "make $work/new" "remove $work/teredo.ini" \
  "read $work/teredo.ini" "write /dev/net/tun"; do ask $what; done
grep -hs ^CapEff: /proc/$pid/task/*/status | sort -u
# As an editor does: another file in the place of the old one.
printf '[relay]\nhold_packets = 9\n[server]\n' > $work/next
mv $work/next $work/teredo.ini
teredo reload relay -c $work/teredo.ini
ip link del teredo
until_says relay "Restored what=route"
ruin exec`,
    );
    assert.equal(stderr, "", stdout);
    const lines = stdout.trimEnd().split("\n");
    assert.deepEqual(lines.slice(0, 6), [
      "read /etc/shadow: EACCES",
      "make /run/new: EACCES",
      "make $work/new: EACCES",
      "remove $work/teredo.ini: EACCES",
      "read $work/teredo.ini: ok",
      "write /dev/net/tun: ok",
    ]);
    // CAP_DAC_OVERRIDE, CAP_NET_ADMIN, and CAP_BPF where there is a fast path.
    assert.match(lines[6]!, /^CapEff:\t0000008?000001002$/);
    assert.deepEqual(lines.slice(7), [
      "  relay.hold_packets: 8 -> 9",
      "relay: reloaded, 1 setting changed",
      'exec: exit status 1, level=error msg="System call refused" call=execve',
    ]);
  },
);

const EMPTIED = 'level=warn msg="Pid file will be left empty at the end" path=/run/relay.pid ' +
  'mend="put it in a folder that holds nothing else"';

test(
  "relay as root: it may remove from folders that nothing else is in, and empties its pid file elsewhere",
  OPTIONS,
  () => {
    const { stdout, stderr } = within(
      "",
      String.raw`
mkdir -p /run/other/beneath /run/own
for pid_file in /run/relay.pid /run/own/relay.pid; do
  touch /run/file /run/other/beneath/file
  more="-p $pid_file --status-socket /run/own/status"
  start
  grep -o 'level=warn msg="Pid file.*' $work/relay.log
  for what in "remove /run/file" "remove /run/other/beneath/file" "remove $pid_file"; do
    ask $what
  done
  kill $pid
  ended
  ls -s $pid_file
  ls -A /run/own
done`,
    );
    assert.deepEqual(stdout.trimEnd().split("\n"), [
      EMPTIED,
      "remove /run/file: EACCES",
      "remove /run/other/beneath/file: EACCES",
      "remove /run/relay.pid: EACCES",
      "exit status 0",
      "0 /run/relay.pid",
      "remove /run/file: EACCES",
      "remove /run/other/beneath/file: EACCES",
      "remove /run/own/relay.pid: ok",
      "exit status 0",
    ], stderr);
  },
);

test(
  "server -u nobody: it serves, reloads and ends in its sandbox; its threads have no rights",
  OPTIONS,
  () => {
    const { stdout, stderr } = onMachine(String.raw`
chmod 755 $work
printf '[server]\nbind_address = 198.51.100.1\n' > $work/teredo.ini
daemon server server -c $work/teredo.ini -u nobody
until_says server msg=Ready
grep -o 'msg=Sandbox.*' $work/server.log
grep -hsE '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/$pid/task/*/status | sort -u
printf 'forward_rate = 3\n' >> $work/teredo.ini
teredo reload server -c $work/teredo.ini
teredo check server -c $work/teredo.ini | grep ' sandbox: '
curl -s http://127.0.0.1:9544/status | grep -o '"landlock":{"holds":true[^}]*'
kill $pid
ended`);
    assert.equal(stderr, "", stdout);
    const lines = stdout.trimEnd().split("\n");
    // It has no other process to signal.
    const version = Number(/version (\d+)/.exec(lines.at(-2)!)?.[1]);
    assert.equal(lines.at(-2)!.includes("signals"), version >= 7, lines.at(-2));
    assert.match(lines.at(-3)!, /^ok {3}sandbox: Landlock version \d+: files.*; seccomp$/);
    lines.splice(-3, 2);
    assert.deepEqual(lines, [
      `msg=Sandbox mode=auto ${HELD}`,
      "CapBnd:\t0000000000000000",
      "CapEff:\t0000000000000000",
      "NoNewPrivs:\t1",
      "Seccomp:\t2",
      "  server.forward_rate: 1000 -> 3",
      "server: reloaded, 1 setting changed",
      "exit status 0",
    ]);
  },
);

test(
  "what the kernel lacks, or a service manager forbids, is left out and told; the daemon serves",
  OPTIONS,
  () => {
    const old = [process.execPath, ...runArguments.file(resolve("test/netns/old_kernel.ts"))];
    const { stdout, stderr } = onMachine(String.raw`
old="${old.join(" ")}"
program="$old seccomp,Landlock,capset $program"
daemon relay relay -c $work/teredo.ini --drain-time 100ms
until_says relay msg=Ready
grep -o 'msg=Sandbox.*' $work/relay.log
curl -s http://127.0.0.1:9545/metrics | grep '^teredo_sandbox_layer'
kill $pid
wait $pid
grep -o msg=Ended $work/relay.log
teredo check relay -c $work/teredo.ini | grep ' sandbox: '`);
    assert.equal(stderr, "", stdout);
    const [sandbox, ...rest] = stdout.trimEnd().split("\n");
    assert.match(
      sandbox!,
      new RegExp(
        '^msg=Sandbox mode=auto on=no_new_privs,dumpable off="capabilities: on 0 of [0-9]+ threads only,' +
          "landlock: the kernel has no Landlock: ENOSYS .*," +
          'seccomp: the kernel filters no system calls: EINVAL .*"$',
      ),
    );
    assert.deepEqual(rest, [
      'teredo_sandbox_layer{layer="capabilities"} 0',
      'teredo_sandbox_layer{layer="no_new_privs"} 1',
      'teredo_sandbox_layer{layer="dumpable"} 1',
      'teredo_sandbox_layer{layer="landlock"} 0',
      'teredo_sandbox_layer{layer="seccomp"} 0',
      "msg=Ended",
      "note sandbox: the kernel has no Landlock: ENOSYS (Function not implemented); the kernel filters " +
      "no system calls: EINVAL (Invalid argument)",
    ]);
  },
);

for (const [kind, address] of [["of a path", "/run/notify"], ["of an abstract name", "@notify"]]) {
  test(`a service manager that begins anew is reached again by its socket ${kind}`, OPTIONS, () => {
    const { stdout, stderr } = onMachine(String.raw`
until_told() { until grep -qx "$2" $work/told$1; do kill -0 $pid || break; sleep 0.05; done; }
listen() {
  rm -f '${address}'
  perl -e '
    use Socket; $| = 1; my ($name) = @ARGV; $name =~ s/^@/\0/;
    socket(my $it, PF_UNIX, SOCK_DGRAM, 0); bind($it, pack_sockaddr_un($name)); print "listens\n";
    while (defined recv($it, my $text, 4096, 0)) { print "$text\n" }' '${address}' > $work/told$1 &
  listener=$!
  until grep -q listens $work/told$1; do sleep 0.05; done
}
listen 1
export NOTIFY_SOCKET='${address}'
daemon relay relay -c $work/teredo.ini --drain-time 100ms
until_told 1 READY=1
kill $listener; wait $listener 2> /dev/null
listen 2
kill $pid; ended
for turn in $(seq 2400); do grep -qx STOPPING=1 $work/told2 && break; sleep 0.05; done # it may hear later
grep -cx READY=1 $work/told1
grep -cx STOPPING=1 $work/told2`);
    assert.equal(stdout, "exit status 0\n1\n1\n", stderr);
  });
}
