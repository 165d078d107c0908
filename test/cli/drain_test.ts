import assert from "node:assert/strict";
import test from "node:test";
import { onMachine } from "./namespace.ts";

function linesOf(script: string): readonly string[] {
  const { stderr, stdout, lines } = onMachine(script);
  assert.equal(stderr, "", stdout);
  return lines;
}

test("teredo drain and undrain: readiness follows, traffic goes on, as by SIGUSR1", () => {
  const lines = linesOf(`
daemon relay relay -c $work/teredo.ini --drain-time 300ms
until_says relay msg=Ready
teredo drain relay; echo "status $?"
teredo status relay > /dev/null; echo "status $?"
teredo drain relay; echo "status $?"
ip link show dev teredo | grep -c LOWER_UP
teredo undrain relay; echo "status $?"
teredo status relay > /dev/null; echo "status $?"
kill -USR1 $pid; until_says relay 'msg="Draining until told otherwise" signal'
teredo undrain relay
kill -USR1 $pid; sleep 0.1
teredo status relay > /dev/null; echo "status $?"
sleep 0.3
kill $pid; ended
grep -c 'msg="Draining until' $work/relay.log
grep -o 'msg=Draining .*' $work/relay.log`);
  assert.deepEqual(lines.map((line) => line.replace(/drains: .* takes it back$/, "drains")), [
    "teredo relay drains",
    "status 0",
    "status 5",
    "teredo relay drains",
    "status 0",
    "1",
    "teredo relay serves again",
    "status 0",
    "status 0",
    "teredo relay serves again",
    "status 5",
    "exit status 0",
    "3",
    "msg=Draining seconds=0", // it had been drained for longer than drain_time
  ]);
});

test("teredo drain server; what does not run or ends is not drained", () => {
  const lines = linesOf(`
teredo drain server 2>&1; echo "status $?"
teredo drain router 2>&1 | head -n 1
daemon server server -c $work/teredo.ini --bind-address 198.51.100.1
until_says server msg=Ready
teredo drain server
teredo status server > /dev/null; echo "status $?"
kill $pid; ended
daemon relay relay -c $work/teredo.ini --drain-time 60s
until_says relay msg=Ready
kill $pid
until_says relay msg=Draining
teredo undrain relay 2>&1; echo "status $?"
teredo status relay > /dev/null; echo "status $?"
kill $pid; ended`);
  assert.deepEqual(lines.map((line) => line.replace(/ drains: .*/, "")), [
    "teredo: not running: there is no socket unix:/run/teredo-server/control",
    "status 3",
    'teredo: Failed to parse "router" for ROLE: router is none of relay, server, client',
    "teredo server",
    "status 5",
    "exit status 0",
    "teredo: relay: The daemon is ending",
    "status 1",
    "status 5",
    "exit status 1",
  ]);
});
