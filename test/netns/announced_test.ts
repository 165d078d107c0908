import assert from "node:assert/strict";
import test from "node:test";
import { onMachine } from "#test/cli/namespace.ts";

/** Milliseconds, on a machine where others work. */
const PATIENCE = 600_000;

/**
 * A relay with `announce` on a machine of its own: which routes of the prefix there are. `routes` prints
 * them on one line, `until_routes TEXT` waits for that line.
 */
const START = String.raw`
routes() { ip -6 route show 2001::/32 | sed 's/ pref medium//; s/ *$//' | tr '\n' ';'; echo; }
until_routes() {
  local i
  for i in $(seq 3000); do
    [ "$(routes)" = "$1" ] && return
    sleep 0.2
  done
  echo "routes are $(routes), not $1"
  cat $work/relay.log
}
both="2001::/32 dev teredo proto 201 metric 9;2001::/32 dev teredo metric 10;"
carrying="2001::/32 dev teredo metric 10;"
test -v drain || drain=2s
printf "[relay]\nannounce = yes\ndrain_time = $drain\n" > $work/teredo.ini
daemon relay relay -c $work/teredo.ini $more
until_routes "$both"
`;

for (const more of ["", "-u nobody"]) {
  const kept = more === "" ? "" : 'until_says relay "kept by a process of its own"\n';

  test(`relay ${more}: the second route goes with readiness, comes back, and the first one stays`, () => {
    const { stdout, stderr } = onMachine(
      `more="${more}"
drain=60s # until a second signal
${START}${kept}
sysctl -qw net.ipv6.conf.all.forwarding=0
until_routes "$carrying"
grep -o 'msg="Not announced.*' $work/relay.log
sysctl -qw net.ipv6.conf.all.forwarding=1
until_routes "$both"
kill -USR1 $pid
until_routes "$carrying"
kill -USR1 $pid
until_routes "$both"
kill -TERM $pid
until_routes "$carrying"
kill -TERM $pid
ended
until_routes ""
grep -c 'msg=Restored' $work/relay.log`,
      PATIENCE,
    );
    assert.equal(stderr, "");
    assert.deepEqual(stdout.split("\n"), [
      'msg="Not announced any more" check=forwarding seconds=5',
      "exit status 1",
      "0",
      "",
    ]);
  });

  test(`relay ${more}: what is done to the second route is undone`, () => {
    const { stdout, stderr } = onMachine(
      `more="${more}"${START}${kept}
ip -6 route del 2001::/32 metric 9
until_says relay "Restored what=announcement"
until_routes "$both"
kill -USR1 $pid
until_routes "$carrying"
ip -6 route add 2001::/32 dev teredo metric 9 proto 201
until_routes "$carrying"
kill -USR1 $pid
until_routes "$both"
kill -KILL $pid
wait $pid
until_routes ""`,
      PATIENCE,
    );
    assert.doesNotMatch(stderr, /never said/);
    assert.equal(stdout, "");
  });
}

test("relay: an interface that is deleted is announced again once it is there", () => {
  const { stdout, stderr } = onMachine(
    `more=${START}
ip link delete teredo
until_says relay "Restored what=interface"
until_routes "$both"
kill $pid
ended`,
    PATIENCE,
  );
  assert.equal(stderr, "");
  assert.equal(stdout, "exit status 0\n");
});

test("relay: a worker that hangs is not announced, and is again once it goes on", () => {
  const { stdout, stderr } = onMachine(
    `more="--workers 1"${START}
cat > $work/hold.pl <<'+'
use Config;
my $ptrace = $Config{archname} =~ /x86_64/ ? 101 : 117;
syscall($ptrace, 16, $ARGV[0] + 0, 0, 0) == 0 or die "ptrace: $!";
waitpid($ARGV[0], 0x40000000);
sleep;
+
# The one thread that waits for packets: one that runs for a moment says so.
poll=$(perl -e 'use Config; print $Config{archname} =~ /x86_64/ ? 7 : 73')
worker=
while [ -z "$worker" ] && kill -0 $pid; do
  for task in /proc/$pid/task/*; do
    [ "$(cut -d' ' -f1 $task/syscall 2> /dev/null)" = $poll ] && worker=\${task##*/}
  done
done
perl $work/hold.pl $worker &
holder=$!
until_routes "$carrying"
grep -o 'msg="Not announced.*' $work/relay.log
kill $holder
until_routes "$both"
kill $pid
ended`,
    PATIENCE,
  );
  assert.equal(stderr, "");
  assert.equal(stdout, 'msg="Not announced any more" check=datapath seconds=5\nexit status 0\n');
});

test("relay -u: one whose helper is killed ends, as nothing else could withdraw what it announces", () => {
  const { stdout, stderr } = onMachine(
    `more="-u nobody"${START}
until_says relay "kept by a process of its own"
helper=$(grep "kept by" $work/relay.log | sed 's/.*pid=//')
kill -KILL $helper
ended
until_routes ""
grep -o 'msg="Datapath failed.*' $work/relay.log`,
    PATIENCE,
  );
  assert.equal(stderr, "");
  assert.deepEqual(stdout.split("\n"), [
    "exit status 1",
    'msg="Datapath failed" error="nothing could withdraw the announcement: it ended with SIGKILL"',
    "",
  ]);
});

test("relay: an interface made beforehand is not announced", () => {
  const { stdout } = onMachine(
    `
ip tuntap add teredo mode tun
printf '[relay]\\nannounce = yes\\n' > $work/teredo.ini
teredo relay -c $work/teredo.ini > $work/relay.log 2>&1
echo "exit status $?"
grep -o 'the interface teredo was made beforehand' $work/relay.log`,
    PATIENCE,
  );
  assert.equal(stdout, "exit status 1\nthe interface teredo was made beforehand\n");
});
