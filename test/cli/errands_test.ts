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
