import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "node:test";
import { onMachine } from "./namespace.ts";

/** What `SystemCallFilter=` of systemd.exec(5) comes to, line by line. */
function allowedBy(unit: string): Set<string> {
  const allowed = new Set<string>(callsIn("@default"));
  for (const [, not, words] of unit.matchAll(/^SystemCallFilter=(~?)(.*)$/gm)) {
    for (const call of words!.split(" ").flatMap(callsIn)) {
      if (not === "") allowed.add(call);
      else allowed.delete(call);
    }
  }
  return allowed;
}

/** Of a set that systemd knows by this name, with the sets in it, or the call itself. */
function callsIn(name: string): string[] {
  if (!name.startsWith("@")) return [name];
  const text = execFileSync("systemd-analyze", ["syscall-filter", name], { encoding: "utf8" });
  return [...text.matchAll(/^ {4}(@?[a-z0-9_-]+)$/gm)].flatMap(([, it]) => callsIn(it!));
}

const ROLES = { relay: "", server: "bind_address = 198.51.100.1", client: "servers = 192.0.2.1" };

for (const [role, line] of Object.entries(ROLES)) {
  test(`docs/examples/teredo-${role}.service lets each call pass from start to end`, () => {
    const { lines, stdout, stderr } = onMachine(`
program="strace -f -qq -e signal=none -o $work/calls $program"
ip route add default via 198.51.100.9
printf '%s\n' '[${role}]' '${line}' > $work/teredo.ini
daemon ${role} ${role} -c $work/teredo.ini
until_says ${role} msg=Ready
kill $(pgrep -P $pid)
wait $pid
sed -nE 's/^[0-9]+ +([a-z0-9_]+)\\(.*/\\1/p' $work/calls | sort -u`);
    const allowed = allowedBy(readFileSync(`docs/examples/teredo-${role}.service`, "utf8"));
    assert.ok(lines.includes("execve") && lines.includes("epoll_create1"), stdout + stderr);
    // Without the one a server answers by itself (docs/fast-path.md), without the other it keeps its
    // one capability (docs/security.md).
    const spare = role === "server" ? ["bpf", "capset"] : [];
    const needed = lines.filter((call) => !spare.includes(call));
    assert.deepEqual(needed.filter((call) => !allowed.has(call)), [], stderr);
  });
}

test("A daemon starts where a filter refuses that its pages give way", () => {
  const { lines } = onMachine(`
program="strace -f -qq -e signal=none -o $work/calls -e inject=setpriority:error=EPERM $program"
daemon relay relay -c $work/teredo.ini
until_says relay msg=Ready
kill $(pgrep -P $pid)
ended
grep -c 'setpriority.*INJECTED' $work/calls`);
  assert.deepEqual(lines, ["exit status 0", "1"]);
});
