import assert from "node:assert/strict";
import test from "node:test";
import { insideLibrary, insideScript } from "./inside/library.ts";
import { onMachine } from "./namespace.ts";

const OPTIONS = { timeout: 600_000 };
const LIBRARY = insideLibrary();

interface Daemon {
  readonly role: string;
  readonly conf: string;
  /** Of its own process, which the log names, or of nobody. */
  readonly isKept: boolean;
  /** Prints lines that say it still does its work, and what they are. */
  readonly works?: readonly [script: string, ...said: string[]];
}

const DAEMONS: readonly Daemon[] = [
  {
    role: "relay",
    conf: "[relay]\\ndrain_time = 0s\\n",
    isKept: true,
    works: [
      String.raw`ip -6 route flush dev teredo; until_says relay "Restored what=route"`,
    ],
  },
  {
    role: "server",
    conf: "[server]\\nbind_address = 198.51.100.1\\n",
    isKept: false,
  },
  {
    role: "client",
    conf: "[client]\\nservers = 198.51.100.9\\nstate_file = /run/state/client.json\\n",
    isKept: true,
    works: [
      "ask read /run/state/client.json; ask write /run/state/client.json; ask make /run/state/new",
      "read /run/state/client.json: EACCES",
      "write /run/state/client.json: EACCES",
      "make /run/state/new: EACCES",
    ],
  },
];

/** `start` is a daemon with somebody else's thread in it, once it serves. */
function within({ role, conf }: Daemon, script: string) {
  return onMachine(String.raw`
chmod 755 $work
install -d -o nobody /run/state
printf '${conf}' > $work/teredo.ini
${insideScript(LIBRARY)}
start() {
  within ${role} ${role} -c $work/teredo.ini -u nobody
  until_says ${role} msg=Ready
}
${script}`);
}

const HELD = "on=capabilities,no_new_privs,dumpable,landlock,seccomp";

for (const daemon of DAEMONS) {
  const { role, isKept, works: [script, ...said] = [""] } = daemon;
  test(
    `${role} -u nobody: from inside, no file but its own, no program, no interface`,
    OPTIONS,
    () => {
      const { stdout, stderr } = within(
        daemon,
        String.raw`
start
chmod 1777 /run/
touch /run/elsewhere $work/open
chmod 666 /run/elsewhere $work/open
grep -o 'msg=Sandbox.*' $work/${role}.log
ask read /etc/shadow
ask read /etc/hostname
ask read $work/teredo.ini
ask write $work/open
ask make $work/new
ask write /run/elsewhere
ask make /run/new
ask remove /run/elsewhere
ask make /run/teredo-${role}/new
ask remove /run/teredo-${role}/new
ask write /proc/sys/net/ipv6/conf/all/forwarding
ask read /proc/sys/net/ipv6/conf/all/forwarding
ask write /dev/net/tun
ask read /proc/1/environ
for what in udp unix stream tcp bpf tun future deaf code dumpable; do ask $what; done
${script}
if ${isKept}; then
  until_says ${role} "kept by a process of its own"
  helper=$(grep "kept by" $work/${role}.log | sed 's/.*pid=//')
  grep -hsE '^(NoNewPrivs|Seccomp):' /proc/$helper/task/*/status | sort -u
fi
kill $pid
ended`,
      );
      assert.equal(stderr, "", stdout);
      assert.deepEqual(stdout.trimEnd().split("\n"), [
        `msg=Sandbox mode=auto ${HELD}`,
        "read /etc/shadow: EACCES",
        "read /etc/hostname: EACCES",
        "read $work/teredo.ini: ok",
        "write $work/open: EACCES",
        "make $work/new: EACCES",
        "write /run/elsewhere: EACCES",
        "make /run/new: EACCES",
        "remove /run/elsewhere: EACCES",
        `make /run/teredo-${role}/new: ok`,
        `remove /run/teredo-${role}/new: ok`,
        "write /proc/sys/net/ipv6/conf/all/forwarding: EACCES",
        "read /proc/sys/net/ipv6/conf/all/forwarding: ok",
        "write /dev/net/tun: EACCES",
        "read /proc/1/environ: EACCES",
        // What libraries may try is refused, and ends nobody.
        "udp: ok",
        "unix: ok",
        "stream: EACCES",
        "tcp: EACCES",
        "bpf: EPERM",
        "tun: EPERM",
        "future: ENOSYS",
        "deaf: EINVAL",
        "code: EACCES",
        "dumpable: EINVAL",
        ...said,
        // Of the process that keeps the interface.
        ...(isKept ? ["NoNewPrivs:\t1", "Seccomp:\t2"] : []),
        "exit status 0",
      ]);
    },
  );
}

/** What ends a daemon, by the system call that the log names; `filter_test.ts` has many more. */
const RUINS: readonly (readonly [what: string, call: string])[] = [
  ["setuid", "setuid"],
  ["capset", "capset"],
  ["exec", "execve"],
  ["fork", "clone"],
  ["ptrace", "ptrace"],
  ["packet", "socket"],
  ["raw", "socket"],
  ["alg", "socket"],
  ["mount", "mount"],
  ["namespace", "unshare"],
  ["signal", "kill"],
];
const PORTS: Readonly<Record<string, number>> = { relay: 9545, server: 9544, client: 9546 };

for (const daemon of DAEMONS) {
  const { role } = daemon;
  test(
    `${role} -u nobody: from inside, a call that it has no business with ends it, named and counted`,
    OPTIONS,
    () => {
      const { stdout, stderr } = within(
        daemon,
        String.raw`
for what in ${RUINS.map(([what]) => what).join(" ")}; do start; ruin $what; done
start
curl -s http://127.0.0.1:${PORTS[role]}/metrics | grep ^teredo_sandbox_violations_total
grep -o 'level=error.*' $work/${role}.log
kill $pid
ended`,
      );
      assert.equal(stderr, "", stdout);
      const told = 'level=error msg="A refused system call ended the daemon before"';
      const want = RUINS.map(([what, call], i) => {
        const before = i === 0 ? [] : [`${told} call=${RUINS[i - 1]![1]}`];
        const lines = [...before, `level=error msg="System call refused" call=${call}`];
        return `${what}: exit status 1, ${lines.join("\n")}`;
      });
      const last = `${told} call=${RUINS.at(-1)![1]}`;
      const count = `teredo_sandbox_violations_total ${RUINS.length}`;
      assert.equal(stdout, [...want, count, last, "exit status 0", ""].join("\n"));
    },
  );
}
