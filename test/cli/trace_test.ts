import assert from "node:assert/strict";
import test from "node:test";
import { onMachine } from "./namespace.ts";

const NOW_YES = '"status.trace","from":"no","to":"yes"';
const NOW_NO = '"status.trace","from":"yes","to":"no"';
const PEER = "peer=192.0.2.45";

test("GET /trace of a daemon: refused unless asked for, one at a time, ends with what asked for it", () => {
  const { stderr, stdout, lines } = onMachine(`
conf() { printf "[status]\\ntrace = $1\\n[relay]\\ndrain_time = 0s\\n" > $work/teredo.ini; }
trace="curl -sN -w %{http_code}\\n http://127.0.0.1:9545/trace?"
reload() {
  curl -s -X POST --unix-socket /run/teredo-relay/control http://localhost/reload | grep -o '"status.trace",[^}]*"\\(yes\\|no\\)"'
}
until_has() {
  for i in $(seq 4000); do grep -qs -- "$2" $1 && return; sleep 0.05; done
  echo "$1 never had: $2"
}
conf no
daemon relay relay -c $work/teredo.ini
until_says relay msg=Ready
\${trace}${PEER}
conf yes
reload
\${trace}peer=192.0.2.0/24
\${trace}${PEER} > $work/first & first=$!
until_has $work/first 'event: begin'
\${trace}${PEER}
kill $first
for i in $(seq 1000); do
  \${trace}${PEER} > $work/second & second=$!
  until_has $work/second '^[ed{]'
  grep -q 'event: begin' $work/second && break
  wait $second
done
conf no
reload
wait $second
cat $work/second
conf yes
reload
curl -sN --unix-socket /run/teredo-relay/control "http://localhost/trace?${PEER}" > $work/third & third=$!
until_has $work/third 'event: begin'
kill $pid; ended
wait $third
cat $work/third`);
  assert.equal(stderr, "", stdout);
  const begin = [
    "event: begin",
    'data: {"version":1,"peer":"192.0.2.45","packets":500,"seconds":60}',
    "",
    "event: end",
  ];
  assert.deepEqual(lines, [
    '{"version":1,"error":"Packets are not traced: `trace = no` in [status]"}404',
    NOW_YES,
    '{"version":1,"error":"peer: a Teredo address, A.B.C.D, A.B.C.D:PORT, or an IPv6 host"}400',
    '{"version":1,"error":"Somebody else traces a peer: ask again within a minute"}503',
    NOW_NO,
    ...begin,
    'data: {"reason":"packets are no longer traced: `trace = no` in [status]"}',
    "",
    "200",
    NOW_YES,
    "exit status 0",
    ...begin,
    'data: {"reason":"the daemon ends"}',
  ]);
});
