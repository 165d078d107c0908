import assert from "node:assert/strict";
import test from "node:test";
import { onMachine } from "./namespace.ts";

/**
 * A terminal in tmux(1): `terminal COLUMNS ROWS` opens one with a shell in it, `types KEYS...` presses
 * keys, `shows TEXT` waits for a text on it and `hides TEXT` for its end, `screen` prints it, and
 * `state` whether it has its second screen on, a cursor, and gathers lines (`icanon`).
 */
const TERMINAL = String.raw`
export TMUX_TMPDIR=$work LC_ALL=C.UTF-8
unset TMUX
tm() { tmux -f /dev/null "$@"; }
terminal() {
  tm new-session -d -x $1 -y $2 "env -u NO_COLOR PS1='$ ' \
    program='$program' work='$work' bash --norc --noprofile --noediting"
  types 'teredo() { $program "$@"; }; clear; echo before' Enter
  shows '^before'
}
types() { tm send-keys "$@"; }
screen() { tm capture-pane -p; }
wait_until() {
  local i
  for i in $(seq 2000); do "$@" && return; sleep 0.05; done
  echo "never: $*"
  screen
  exit 99
}
has() { screen | grep -q -- "$1"; }
lacks() { ! has "$1"; }
shows() { wait_until has "$1"; }
hides() { wait_until lacks "$1"; }
state() {
  tm display -p 'second screen #{alternate_on}, cursor #{cursor_flag}, wraps #{wrap_flag}'
  stty -a -F "$(tm display -p '#{pane_tty}')" | grep -o -- '-\?icanon'
}
`;

/** Terminals are slow where many tests run. */
const PATIENCE = 600_000;

const BEFORE = ["second screen 0, cursor 1, wraps 1", "icanon"];
const DURING = ["second screen 1, cursor 0, wraps 0", "-icanon"];

function linesOf(script: string): readonly string[] {
  const { stderr, stdout, lines } = onMachine(TERMINAL + script, PATIENCE);
  assert.equal(stderr, "", stdout);
  return lines;
}

const RELAY = `
daemon relay relay -c $work/teredo.ini
until_says relay msg=Ready
`;

test("teredo top draws in place, fits the terminal, and leaves it as it was", () => {
  const lines = linesOf(`${RELAY}
terminal 80 24
types 'teredo top relay; echo "status $?"' Enter
shows '^teredo relay .* [Rr]eady .* q quits$'
state
shows '^to clients .* bit/s .*▁'
shows '^[0-9:]* *Ready: '
clock() { screen | grep -o '[0-9:]\\{8\\}  q quits'; }
is_another() { [ "$(clock)" != "$1" ]; }
wait_until is_another "$(clock)"
lacks before && echo 'a screen of its own'
tm resize-window -x 40 -y 12
hides highest
shows '^to clients .* ▁'
[ "$(screen | wc -L)" -le 40 ] && screen | wc -l
tm resize-window -x 200 -y 60
shows '^listening .* UDP 0.0.0.0:3545$'
types q
shows '^status 0'
shows '^before'
state`);
  assert.deepEqual(lines, [...DURING, "a screen of its own", "12", ...BEFORE]);
});

test("teredo status --watch ends with the status of the daemon, by key or signal", () => {
  const lines = linesOf(`${RELAY}
teredo drain relay > /dev/null
terminal 80 24
for end in C-c q TERM HUP QUIT INT; do
  types 'teredo status --watch relay; echo "$? by '$end'"' Enter
  shows '^teredo relay .* [Dd]raining .* q quits$'
  case $end in
    C-c | q) types $end ;;
    *) kill -$end "$(tm list-panes -F '#{pane_pid}' | xargs pgrep -P)" ;;
  esac
  wait_until has "^[0-9]* by $end"
  screen | grep -o "^[0-9]* by $end"
  state
done`);
  const ends = ["5 by C-c", "5 by q", "143 by TERM", "129 by HUP", "131 by QUIT", "5 by INT"];
  assert.deepEqual(lines, ends.flatMap((end) => [end, ...BEFORE]));
});

test("teredo top stops and goes on as the shell wants it", () => {
  const lines = linesOf(`${RELAY}
terminal 80 24
types 'teredo top' Enter
shows 'q quits$'
types C-z
shows Stopped
state
types 'fg' Enter
shows 'q quits$'
state
types q
hides 'q quits$'
shows '^before'
state`);
  assert.deepEqual(lines, [...BEFORE, ...DURING, ...BEFORE]);
});

test("teredo top leaves the terminal as it was when it fails", () => {
  const lines = linesOf(`
cat > $work/stranger.cjs << 'END'
const answer = { version: 1, role: "relay", process: {}, counters: {}, drops: {}, gauges: {}, workers: {} };
require("node:http").createServer((_, response) =>
  response.end(JSON.stringify({ ...answer, offloads: {}, checks: [], listening: [] }))
).listen(8000);
END
node $work/stranger.cjs &
terminal 80 24
types 'teredo top --url 127.0.0.1:8000; echo "status $?"' Enter
shows '^status 1'
shows '^teredo: TypeError: '
state`);
  assert.deepEqual(lines, BEFORE);
});

test("teredo top says how old its numbers are, and goes on when the daemon is back", () => {
  const lines = linesOf(`
terminal 80 24
types 'teredo top relay; echo "status $?"' Enter
shows '^not running: '
${RELAY}
shows '^teredo relay .* [Rr]eady'
kill $pid; ended
shows '^teredo relay .* no answer for [1-9]'
shows '^OLD  not running: '
${RELAY}
shows '^teredo relay .* [Rr]eady'
hides '^OLD'
kill $pid; ended
shows '^OLD  not running: '
types q
shows '^status 3'`);
  assert.deepEqual(lines, ["exit status 0", "exit status 0"]);
});

test("teredo top writes frame below frame, without escapes, where the cursor cannot be moved", () => {
  const lines = linesOf(`${RELAY}
twice() { [ "$(grep -c '^teredo relay .* [Rr]eady' $work/out)" -ge 2 ]; }
terminal 60 14
: > $work/out
tm pipe-pane "cat > $work/out"
types 'TERM=dumb teredo top relay; echo "status $?"' Enter
wait_until twice
types q
shows '^status 0'
tm pipe-pane
grep -c $'\\e' $work/out
: > $work/out
$program top relay > $work/out & top=$!
wait_until twice
kill -INT $top; wait $top; echo "status $?"
grep -c $'\\e' $work/out
teredo top relay --interval 100ms | head -n 1 | grep -c '^teredo relay'`);
  assert.deepEqual(lines, ["0", "status 0", "0", "1"]);
});

test("teredo top --once prints all of relay and server, and ends", () => {
  const lines = linesOf(`
teredo top --once 2>&1; echo "status $?"
${RELAY}
daemon server server -c $work/teredo.ini --bind-address 198.51.100.1
until_says server msg=Ready
# A history begins with the first whole second.
begun() { [ "$(teredo top --once | grep -cE '^(to clients|solicitations) ')" = 2 ]; }
wait_until begun
teredo top --once > $work/out; echo "status $?"
grep -c $'\\e' $work/out
grep -Eo '^teredo (relay|server)|^(to clients|solicitations|process|listening|counted) ' $work/out
teredo drain server > /dev/null
teredo status --once server > $work/out; echo "status $?"
grep -o '^teredo server .*  Draining' $work/out | tr -s ' ' | cut -d ' ' -f 4
script -qec "env -u NO_COLOR TERM=xterm $program top --once server" $work/out > /dev/null < /dev/null
grep -c $'\\e\\[1mteredo server' $work/out
grep -c $'\\e[^[]\\|\\e\\[[0-9;?]*[^0-9;?m]' $work/out
script -qec "env TERM=xterm NO_COLOR=1 $program top --once server" /dev/null < /dev/null | grep -c $'\\e'`);
  assert.deepEqual(lines, [
    "teredo: not running: nothing listens at http://127.0.0.1:9545",
    "teredo: not running: nothing listens at http://127.0.0.1:9544",
    "teredo: not running: nothing listens at http://127.0.0.1:9546",
    "status 3",
    "status 0",
    "0",
    "teredo relay",
    "to clients ",
    "process ",
    "listening ",
    "counted ",
    "teredo server",
    "solicitations ",
    "process ",
    "listening ",
    "status 5",
    "Draining",
    "1", // in bold
    "0", // and nothing but colours
    "0", // nor these
  ]);
});
