import assert from "node:assert/strict";
import test from "node:test";
import { onMachine } from "./namespace.ts";
import { teredo } from "./run.ts";

function linesOf(script: string): readonly string[] {
  const { stderr, stdout, lines } = onMachine(script);
  assert.equal(stderr, "", stdout);
  return lines;
}

const CLIENT = "2001:0:c633:6401::34ff:8ef6";

test("teredo log debug and off: level and peer change while the daemon runs, and come back", () => {
  const lines = linesOf(`
daemon relay relay -c $work/teredo.ini --drain-time 0
until_says relay msg=Ready
teredo log debug relay; echo "status $?"
teredo log debug relay --peer 192.0.2.1:40000; echo "status $?"
teredo log debug --peer ${CLIENT}
teredo log off; echo "status $?"
kill $pid; ended
grep -o 'msg="Logging .*' $work/relay.log
grep -c '^time=.* level=debug' $work/relay.log`);
  assert.deepEqual(lines.slice(0, -1), [
    "teredo relay logs at level debug; `teredo log off relay` takes it back",
    "status 0",
    "teredo relay logs at level debug, and what becomes of each packet of 192.0.2.1:40000; " +
    "`teredo log off relay` takes it back",
    "status 0",
    "teredo relay logs at level debug, and what becomes of each packet of " +
    "2001:0:c633:6401::34ff:8ef6; `teredo log off relay` takes it back",
    "teredo relay logs as configured: at level info",
    "status 0",
    "exit status 0",
    'msg="Logging at debug until told otherwise"',
    'msg="Logging at debug until told otherwise" peer=192.0.2.1:40000',
    'msg="Logging at debug until told otherwise" peer=2001:0:c633:6401::34ff:8ef6',
    'msg="Logging as configured again"',
  ]);
});

test("teredo log debug takes the peer of the configuration, a reload of [log] takes it back", () => {
  const lines = linesOf(`
conf() { printf "[log]\\n$1\\n[server]\\nbind_address = 198.51.100.1\\n" > $work/teredo.ini; }
exec 2> /dev/null # notices
conf 'debug_peer = 192.0.2.1'
daemon server server -c $work/teredo.ini
until_says server msg=Ready
grep -o 'problem=.*' $work/server.log
post() { curl -s -X POST --unix-socket /run/teredo-server/control "http://localhost/$1"; echo; }
teredo log debug server -c $work/teredo.ini
teredo reload server
post log/off | sed 's/^/unchanged [log] stays: /'
post log/debug
conf 'level = warn\\ndebug_peer = 192.0.2.7'
teredo reload server
post log/off
conf 'level = debug\\ndebug_peer = 192.0.2.7'
post reload > /dev/null
teredo log off server
kill $pid; ended`);
  assert.deepEqual(lines, [
    'problem="tells nothing at this level; set level to debug, or `teredo log debug` for a while"',
    "teredo server logs at level debug, and what becomes of each packet of 192.0.2.1; " +
    "`teredo log off server` takes it back",
    "server: reloaded, nothing changed",
    'unchanged [log] stays: {"version":1,"level":"info","peer":null}',
    '{"version":1,"level":"debug","peer":"192.0.2.1"}',
    "  log.level: info -> warn",
    "  log.debug_peer: 192.0.2.1 -> 192.0.2.7",
    "server: reloaded, 2 settings changed",
    '{"version":1,"level":"warn","peer":null}',
    "teredo server logs as configured: at level debug, and what becomes of each packet of 192.0.2.7",
    "exit status 0",
  ]);
});

test("POST /log is answered by the control socket alone, and takes nothing that it does not know", () => {
  const lines = linesOf(`
daemon relay relay -c $work/teredo.ini --drain-time 0
until_says relay msg=Ready
post() { curl -s -w ' %{http_code}\\n' -X "$@"; }
control="--unix-socket /run/teredo-relay/control"
post POST http://127.0.0.1:9545/log/debug
post POST $control 'http://localhost/log/debug?peer=192.0.2.256'
post POST $control 'http://localhost/log/debug?level=info'
post POST $control 'http://localhost/log/debug?peer=192.0.2.1&peer=192.0.2.2'
post POST $control 'http://localhost/log/debug?peer=2001%3Adb8%3A%3A%2F32'
post GET $control http://localhost/log/debug | grep -o '.*paths\\|404'
post POST $control http://localhost/log/off
teredo log debug relay --peer 192.0.2.0/24 2>&1; echo "status $?"
kill $pid; ended
teredo log debug relay 2>&1; echo "status $?"
teredo log off 2>&1; echo "status $?"`);
  assert.deepEqual(lines, [
    '{"version":1,"error":"Only GET and HEAD are answered here"} 405',
    '{"version":1,"error":"peer: neither an address, A.B.C.D:PORT, nor a prefix without host bits"} 400',
    '{"version":1,"error":"Parameters are peer"} 400',
    '{"version":1,"error":"peer: given twice"} 400',
    '{"version":1,"level":"debug","peer":"2001:db8::/32"} 200',
    '{"version":1,"error":"There is nothing at /log/debug","paths',
    "404",
    '{"version":1,"level":"info","peer":null} 200',
    'teredo: Failed to parse "192.0.2.0/24" for peer: `192.0.2.0/24` is no address, nor a prefix ' +
    "without host bits; write e.g. 192.0.2.1:40000 or 2001:db8::1",
    "status 2",
    "exit status 0",
    "teredo: not running: there is no socket unix:/run/teredo-relay/control",
    "status 3",
    "teredo: not running: there is no socket unix:/run/teredo-relay/control; there is no socket " +
    "unix:/run/teredo-server/control; there is no socket unix:/run/teredo-client/control",
    "status 3",
  ]);
});

test("teredo log says what it can", () => {
  const { status, stdout } = teredo(["log", "--help"]);
  assert.equal(status, 0);
  assert.match(stdout, /debug .*log at level debug\n.*off .*take/is);
});
