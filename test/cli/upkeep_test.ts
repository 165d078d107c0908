import assert from "node:assert/strict";
import test from "node:test";
import { onMachine } from "./namespace.ts";

/** The process that keeps a relay's interface where `user` is set. */
const START = String.raw`
mkdir -p /run/jail
daemon relay relay -c $work/teredo.ini --drain-time 100ms -u nobody $more
until_says relay "kept by a process of its own"
helper=$(grep "kept by" $work/relay.log | sed 's/.*pid=//')
# Whether it has ended, whoever has yet to hear of that.
until_gone() {
  local i
  for i in $(seq 4000); do
    grep -qs '^State:.[^ZX]' /proc/$1/status || return
    sleep 0.05
  done
  echo "process $1 lives"
}
`;

const SHOWN = /^(Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs):/;
const NOTHING = "0000000000000000";
const NET_ADMIN = "0000000000001000";
const NOBODY = "65534 65534 65534 65534";

/** What /proc says of each thread; the first is the main one. */
function threadsIn(text: string): Record<string, string>[] {
  return text.split("--\n").filter((it) => it !== "").map((thread) => {
    const lines = thread.split("\n").filter((line) => SHOWN.test(line));
    return Object.fromEntries(lines.map((line) => {
      const [name, ...rest] = line.trim().split(/\s+/);
      return [name!.slice(0, -1), rest.join(" ")];
    }));
  });
}

for (const more of ["", "-t /run/jail"]) {
  test(`relay -u ${more}: the daemon has no right left, its helper CAP_NET_ADMIN and no other`, () => {
    const { stdout, stderr } = onMachine(`more="${more}"
program="setpriv --groups 4,24 $program" # as a login may leave them
${START}
# The main one first, which a listing need not have it.
threads() {
  local task=/proc/$1/task thread
  for thread in $1 $(ls $task | grep -vx $1); do cat $task/$thread/status 2> /dev/null; echo --; done
}
threads $pid
echo ==
threads $helper
echo ==
readlink /proc/$helper/root
tr '\\0' '\\n' < /proc/$helper/environ | sed 's/=.*//' | grep -vxE 'HOME|DENO_DIR'
find /proc/$helper/fd -lname '*/net/tun'
find /proc/$pid/fd -lname '*/net/tun' | grep -q fd && echo tun
kill $pid
ended`);
    assert.equal(stderr, "");
    const [daemon, helper, rest] = stdout.split("==\n");
    const identity = { Uid: NOBODY, Gid: NOBODY, Groups: "65534" };
    const none = { CapInh: NOTHING, CapPrm: NOTHING, CapEff: NOTHING, CapAmb: NOTHING };
    const ofDaemon = threadsIn(daemon!);
    assert.ok(ofDaemon.length > 1, stdout);
    for (const { CapBnd: _bound, NoNewPrivs: _new, ...found } of ofDaemon) {
      assert.deepEqual(found, { ...identity, ...none });
    }
    const one = { ...none, CapPrm: NET_ADMIN, CapEff: NET_ADMIN };
    const [main, ...others] = threadsIn(helper!);
    assert.deepEqual(main, { ...identity, ...one, CapBnd: NET_ADMIN, NoNewPrivs: "1" });
    for (const { CapBnd: _bound, ...found } of others) {
      // One that the main thread has started since has what that has.
      const rights = found["CapPrm"] === NET_ADMIN ? one : none;
      assert.deepEqual(found, { ...identity, ...rights, NoNewPrivs: "1" });
    }
    const root = more === "" ? "/" : "/run/jail";
    assert.equal(rest, `${root}\ntun\nexit status 0\n`);
  });
}

test("a helper ends with its daemon, however that ends, and by no signal that all are sent", () => {
  const { stdout, stderr } = onMachine(`more=
${START}
for signal in TERM INT HUP QUIT USR1 USR2 ALRM PIPE; do kill -$signal $helper; done
ip -6 route flush dev teredo
until_says relay "Restored what=route"
kill -KILL $pid
wait $pid
until_gone $helper
${START}
kill -TERM $pid
ended
until_gone $helper
grep -c "Nothing keeps" $work/relay.log`);
  assert.doesNotMatch(stderr, /never said/);
  assert.equal(stdout, "exit status 0\n0\n");
});

test("a daemon whose helper is killed says so, serves on, and tells what it cannot put right", () => {
  const { stdout, stderr } = onMachine(`more=
${START}
kill -KILL $helper
until_says relay "Nothing keeps the interface"
teredo status --json | tr -d ' ' | grep -o '"interface_kept":[a-z]*'
ip -6 route flush dev teredo
until_says relay "Cannot restore"
until_says relay "Not ready"
grep -o 'msg="Nothing keeps.*' $work/relay.log
teredo status > /dev/null
echo "status $?"
kill $pid
ended`);
  assert.equal(stderr, "");
  assert.deepEqual(stdout.split("\n"), [
    '"interface_kept":false',
    'msg="Nothing keeps the interface" problem="it ended with SIGKILL" mend="restart the daemon"',
    "status 4",
    "exit status 0",
    "",
  ]);
});

test("a relay without -u has no helper; one that is given no task ends", () => {
  const { stdout, stderr } = onMachine(`more=
daemon relay relay -c $work/teredo.ini --drain-time 100ms
until_says relay msg=Ready
grep -c "kept by" $work/relay.log
cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -cx "__upkee[p]"
kill $pid
ended
echo nonsense | teredo __upkeep; echo "status $?"`);
  assert.equal(stderr, "");
  assert.match(stdout, /^0\n0\nexit status 0\n\{"event":"unable","problem":".*"\}\nstatus 1\n$/);
});
