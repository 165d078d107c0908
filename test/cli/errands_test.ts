import assert from "node:assert/strict";
import test from "node:test";
import { onMachine } from "./namespace.ts";

/** The process that does a client's errands, by what comes on its standard input. */
const OPTIONS = { timeout: 600_000 };

test(
  "errands: of a name with 400 addresses 32 are told, in a line that its daemon takes",
  OPTIONS,
  () => {
    const { lines } = onMachine(String.raw`
for i in $(seq 400); do
  echo "198.51.$((i / 200)).$((1 + i % 200)) many.test"
  echo "2001:db8:1111:2222:3333:4444:5555:$i many.test"
done > $work/hosts
mount --bind $work/hosts /etc/hosts
mkfifo $work/said
teredo __errands < $work/said > $work/told &
exec 3> $work/said
printf '%s\n' '{}' '{"id":1,"lookUp":"many.test"}' '{"id":2,"lookUpHost":"many.test"}' >&3
until [ $(wc -l < $work/told) = 2 ]; do kill -0 $! || break; sleep 0.05; done
cat $work/told
`);
    const told = lines.map((line) => JSON.parse(line)).sort((a, b) => a.id - b.id);
    assert.equal(new Set(told[0].addresses).size, 32);
    assert.equal(new Set(told[1].hosts).size, 32);
    for (const line of lines) assert.ok(line.length < 4_096, `${line.length}`);
  },
);

test(
  "errands: a hook that the kernel does not run is told, and names are found afterwards",
  OPTIONS,
  () => {
    const { lines } = onMachine(String.raw`
printf 'echo no shebang\n' > $work/hook
chmod 755 $work/hook
mkfifo $work/said
teredo __errands < $work/said > $work/told &
exec 3> $work/said
printf '{"hook":"%s"}\n{"id":1,"hook":{"STATE":"up"}}\n' $work/hook >&3
until grep -q '"id":1' $work/told; do kill -0 $! || break; sleep 0.05; done
echo '{"id":2,"lookUp":"localhost"}' >&3
until grep -q '"id":2' $work/told; do kill -0 $! || break; sleep 0.05; done
exec 3>&-
wait $!
echo "status $?"
cat $work/told
`);
    const [status, hook = "", name] = lines;
    assert.equal(status, "status 0");
    // Deno has a shell run it, as execvp(3) does.
    assert.match(hook, /"failure":".*(ENOEXEC|[Ee]xec format error)|"output":"no shebang"/);
    assert.equal(name, '{"id":2,"addresses":[2130706433]}');
  },
);

/** Whom every thread of a process is, and what it may do or gain. */
const RIGHTS = String.raw`
rights() {
  cat /proc/$1/task/*/status | grep -E '^(Uid|CapPrm|CapEff|CapAmb|NoNewPrivs):' | sort -u | tr -s '\t\n' '  '
  echo
}
`;
const NOBODYS = "CapAmb: 0000000000000000 CapEff: 0000000000000000 CapPrm: 0000000000000000 " +
  "NoNewPrivs: 1 Uid: 65534 65534 65534 65534";

test(
  "a client's names are looked up by nobody, without any right; its hook has those of the start",
  OPTIONS,
  () => {
    const { lines, stderr } = onMachine(String.raw`${RIGHTS}
printf '#!/bin/sh\nexit 0\n' > $work/hook
chmod 755 $work/hook
daemon client client server.test --hook $work/hook --status-port 0
until_says client 'Name not found'
for helper in $(pgrep -P $pid); do
  tr '\0' ' ' < /proc/$helper/cmdline | grep -q __errands && rights $helper
done
kill $pid
wait $pid
`);
    const said = lines.toSorted().map((line) => line.trim());
    assert.equal(said.length, 2, stderr + said.join("\n"));
    assert.ok(said.includes(NOBODYS), said.join("\n"));
    const [others] = said.filter((line) => line !== NOBODYS);
    assert.match(others ?? "", /NoNewPrivs: 0 Uid: 0 0 0 0/);
  },
);

test(
  "errands: more than one hook at a time is refused",
  OPTIONS,
  () => {
    const { lines } = onMachine(String.raw`
printf '#!/bin/sh\nuntil [ -e "$0.end" ]; do sleep 0.05; done\n' > $work/hook
chmod 755 $work/hook
mkfifo $work/said
teredo __errands < $work/said > $work/told &
exec 3> $work/said
printf '{"hook":"%s"}\n' $work/hook >&3
for id in 1 2 3; do echo '{"id":'$id',"hook":{"STATE":"up"}}'; done >&3
until [ $(wc -l < $work/told) -ge 2 ]; do kill -0 $! || break; sleep 0.05; done
: > $work/hook.end
until [ $(wc -l < $work/told) = 3 ]; do kill -0 $! || break; sleep 0.05; done
echo '{"id":4,"hook":{"STATE":"up"}}' >&3
until [ $(wc -l < $work/told) = 4 ]; do kill -0 $! || break; sleep 0.05; done
cat $work/told
`);
    const refused = (id: number) => `{"id":${id},"problem":"too many at once"}`;
    const ran = (id: number) => `{"id":${id},"output":""}`;
    assert.deepEqual(lines, [refused(2), refused(3), ran(1), ran(4)]);
  },
);

test(
  "errands: a hook that runs when nobody waits for it any more is ended, with what it started",
  OPTIONS,
  () => {
    const { lines } = onMachine(String.raw`
printf '#!/bin/sh\ntrap "" TERM\nsleep 3117 &\necho $! > "$0.pid"\nwait\n' > $work/hook
chmod 755 $work/hook
mkfifo $work/said
teredo __errands < $work/said > $work/told &
exec 3> $work/said
printf '{"hook":"%s"}\n{"id":1,"hook":{"STATE":"up"}}\n' $work/hook >&3
until [ -s $work/hook.pid ]; do kill -0 $! || break; sleep 0.05; done
exec 3>&-
wait $!; echo "status $?"
while kill -0 $(cat $work/hook.pid) 2> /dev/null; do sleep 0.05; done
echo nothing
`);
    assert.deepEqual(lines.slice(-2), ["status 0", "nothing"]);
  },
);

test(
  "errands: what is of no known form is refused, and those after it are done; without a number it ends",
  OPTIONS,
  () => {
    const { lines } = onMachine(String.raw`
printf '#!/bin/sh\necho $IFACE\n' > $work/hook
chmod 755 $work/hook
{
  printf '{"hook":"%s"}\n' $work/hook
  echo '{"id":1,"hook":{"IFACE":"tun(v6)"}}'
  echo '{"id":2,"lookUp":"a test"}'
  echo '{"id":3,"hook":{"IFACE":"teredo"}}'
} > $work/errands
mkfifo $work/said
teredo __errands < $work/said > $work/told &
exec 3> $work/said
cat $work/errands >&3
until [ $(wc -l < $work/told) = 3 ]; do kill -0 $! || break; sleep 0.05; done
echo hello >&3
wait $!
echo "status $?"
cat $work/told
`);
    const refused = (id: number) => `{"id":${id},"problem":"it is of no form that is taken"}`;
    assert.deepEqual(lines, ["status 0", refused(1), refused(2), '{"id":3,"output":"teredo"}']);
  },
);

test(
  "errands: all names that a configuration can have are looked up at once, and one more is refused",
  OPTIONS,
  () => {
    const { lines } = onMachine(String.raw`
# Of 32 servers two each, and the host to check. Who is not there does not answer either.
echo 'nameserver 198.51.100.77' > $work/resolv.conf
mount --bind $work/resolv.conf /etc/resolv.conf
mkfifo $work/said
teredo __errands < $work/said > $work/told &
exec 3> $work/said
{
  echo '{}'
  for id in $(seq 66); do echo '{"id":'$id',"lookUp":"a.test"}'; done
} > $work/errands
cat $work/errands >&3
until [ -s $work/told ]; do kill -0 $! || break; sleep 0.05; done
head -n 1 $work/told
`);
    assert.deepEqual(lines, ['{"id":66,"problem":"too many at once"}']);
  },
);
