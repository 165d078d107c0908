import assert from "node:assert/strict";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import { landlockVersion } from "#src/daemon/sandbox/linux/landlock.ts";
import { insideLibrary, insideScript } from "./inside/library.ts";
import { onMachine } from "./namespace.ts";

const OPTIONS = { timeout: 600_000 };
const LIBRARY = insideLibrary();
/** From version 3 on it knows of files that are emptied as they are opened. */
const KNOWS_EMPTYING = Number(landlockVersion(await openLibc())) >= 3;

interface Daemon {
  readonly role: string;
  readonly conf: string;
  /** Of its own process, which the log names, or of nobody. */
  readonly isKept: boolean;
  /** Prints lines that say it still does its work, and what they are. */
  readonly works?: readonly [script: string, ...said: string[]];
  /** What is otherwise without `user`: as root it keeps its interface itself, if it has one. */
  readonly asRoot: Readonly<Record<string, string>>;
}

/** Of its interface. */
const ITS_OWN = {
  "write /proc/sys/net/ipv6/conf/all/forwarding": "ok",
  "write /dev/net/tun": "ok",
  tun: "ENOTTY",
};

const DAEMONS: readonly Daemon[] = [
  {
    role: "relay",
    conf: "[relay]\\ndrain_time = 0s\\n",
    isKept: true,
    works: [
      String.raw`ip -6 route flush dev teredo; until_says relay "Restored what=route"`,
    ],
    asRoot: ITS_OWN,
  },
  {
    role: "server",
    conf: "[server]\\nbind_address = 198.51.100.1\\n",
    isKept: false,
    asRoot: {},
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
    asRoot: ITS_OWN,
  },
];
const USERS = [" -u nobody", ""];

/** `start` is a daemon with somebody else's thread in it, once it serves. */
function within({ role, conf }: Daemon, user: string, script: string) {
  return onMachine(String.raw`
chmod 755 $work
install -d ${user === "" ? "" : "-o nobody"} /run/state
printf '${conf}' > $work/teredo.ini
${insideScript(LIBRARY)}
start() {
  within ${role} ${role} -c $work/teredo.ini${user}
  until_says ${role} msg=Ready
}
${script}`);
}

const HELD = "on=capabilities,no_new_privs,dumpable,landlock,seccomp";

/** What is asked of each, and what comes of it with `user`. */
const ASKED: (role: string) => Readonly<Record<string, string>> = (role) => ({
  "read /etc/shadow": "EACCES",
  "read /etc/hostname": "EACCES",
  "read $work/teredo.ini": "ok",
  "write $work/open": "EACCES",
  // Its own log.
  ...(KNOWS_EMPTYING ? { [`empty $work/${role}.log`]: "EACCES" } : {}),
  "make $work/new": "EACCES",
  "write /run/elsewhere": "EACCES",
  "make /run/new": "EACCES",
  "remove /run/elsewhere": "EACCES",
  "rmdir /run/folder": "EACCES",
  [`make /run/teredo-${role}/new`]: "ok",
  [`remove /run/teredo-${role}/new`]: "ok",
  "write /proc/sys/net/ipv6/conf/all/forwarding": "EACCES",
  "read /proc/sys/net/ipv6/conf/all/forwarding": "ok",
  "write /dev/net/tun": "EACCES",
  "read /proc/1/environ": "EACCES",
  udp: "ok",
  unix: "ok",
  // What libraries may try is refused, and ends nobody.
  stream: "EACCES",
  tcp: "EACCES",
  tun: "EPERM",
  owner: "EPERM",
  owned: "EPERM",
  which: "EPERM",
  own: "ok",
  future: "ENOSYS",
  deaf: "EINVAL",
  code: "EACCES",
  dumpable: "EINVAL",
});

for (const daemon of DAEMONS) {
  for (const user of USERS) {
    const { role, isKept, works: [script, ...said] = [""], asRoot } = daemon;
    test(
      `${role}${user}: from inside, no file but its own, no program, no interface but its own`,
      OPTIONS,
      () => {
        const asked = { ...ASKED(role), ...(user === "" ? asRoot : { bpf: "EPERM" }) };
        const { stdout, stderr } = within(
          daemon,
          user,
          String.raw`
start
chmod 1777 /run/
mkdir /run/folder
touch /run/elsewhere $work/open
chmod 666 /run/elsewhere $work/open
chmod 777 /run/folder
grep -o 'msg=Sandbox.*' $work/${role}.log
while read -r what; do ask $what; done << END
${Object.keys(asked).join("\n")}
END
${script}
if ${isKept && user !== ""}; then
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
          ...Object.entries(asked).map(([what, answer]) => `${what}: ${answer}`),
          ...said,
          // Of the process that keeps the interface.
          ...(isKept && user !== "" ? ["NoNewPrivs:\t1", "Seccomp:\t2"] : []),
          "exit status 0",
        ]);
      },
    );
  }
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
  ["thread", "tkill"],
  ["mkdir", "mkdir"],
  ["chmod", "chmod"],
  ["fchmod", "fchmod"],
  ["suid", "open"],
  ["fastopen", "sendto"],
];
const PORTS: Readonly<Record<string, number>> = { relay: 9545, server: 9544, client: 9546 };

for (const daemon of DAEMONS) {
  for (const user of USERS) {
    const { role } = daemon;
    test(
      `${role}${user}: from inside, a call that it has no business with ends it, named and counted`,
      OPTIONS,
      () => {
        const { stdout, stderr } = within(
          daemon,
          user,
          String.raw`
touch /run/elsewhere
for what in ${RUINS.map(([what]) => what).join(" ")}; do start; ruin $what; done
stat -c %a /run/elsewhere
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
        const lines = [...want, "644", count, last, "exit status 0", ""];
        assert.equal(stdout.replaceAll("=openat", "=open"), lines.join("\n"));
      },
    );
  }
}
